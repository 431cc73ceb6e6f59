//! Waiting for conditions.

use std::time::Duration;

use tokio::time::Instant;

/// How long anything may take before a scenario gives up: generous, since machines are shared.
pub const PATIENCE: Duration = Duration::from_mins(2);
/// Between two looks.
const POLL: Duration = Duration::from_millis(100);

/// Looks until there is what the scenario waits for. A look that finds something else says what.
///
/// # Errors
///
/// After [`PATIENCE`], with what was waited for and what the last look found.
pub async fn eventually<T>(
    what: &str,
    mut look: impl AsyncFnMut() -> Result<T, String>,
) -> Result<T, String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let seen = match look().await {
            Ok(found) => return Ok(found),
            Err(seen) => seen,
        };
        if Instant::now() >= deadline {
            return Err(format!("waited {} s for {what}; last there was: {seen}", PATIENCE.as_secs()));
        }
        tokio::time::sleep(POLL).await;
    }
}
