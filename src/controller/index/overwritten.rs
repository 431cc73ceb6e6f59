//! Whether AI Core holds another one's of what a resource has pushed.

use std::cmp::Ordering;

use tokio::time::Instant;

use super::{Entry, State};
use crate::{
    api::condition::{self, READY},
    domain::decide::{observed::Ownership, reason::Reason},
};

impl<K> State<K> {
    /// Whether AI Core may hold another one's of what this resource has pushed: for another one a request was sent since, which may
    /// be gone again. Where this process has sent nothing, the statuses tell whether a younger one has pushed later.
    pub(super) fn overwritten(&self, entry: &Entry) -> bool {
        let Some(claim) = entry.status.pushed_claim(&entry.object) else { return false };
        if let Some(known) = self.claims.written_by_another(&entry.object.key, &claim) {
            return known;
        }
        let Ownership::Owner { successor: Some(successor) } =
            self.claims.ownership(&entry.object, Some(&claim), Instant::now())
        else {
            return false;
        };
        self.resources.get(&successor).is_some_and(|other| {
            let synced = |entry: &Entry| entry.status.shown().last_sync;
            other.status.proven_claim(&other.object) == Some(claim)
                && match synced(other).cmp(&synced(entry)) {
                    Ordering::Greater => true,
                    // Of one second only the process that has seen both can tell, and it has.
                    Ordering::Equal => condition::find(&entry.status.status().conditions, READY)
                        .is_some_and(|ready| ready.reason == Reason::RemoteConflict.as_str()),
                    Ordering::Less => false,
                }
        })
    }
}
