//! Waiting for conditions.

use testbed::waiting;

/// Looks until there is what the scenario waits for, which else ends here.
pub(crate) async fn eventually<T>(what: &str, look: impl AsyncFnMut() -> Result<T, String>) -> T {
    match waiting::eventually(what, look).await {
        Ok(found) => found,
        Err(gave_up) => panic!("{gave_up}"),
    }
}
