//! What people are told with `kubectl describe`.

use super::messages;
use crate::domain::decide::{left_behind, observed::Observed, plan::LetGo};

/// A Kubernetes event about the resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// Whether a person should look at it.
    pub warning: bool,
    /// `reason` of the event.
    pub reason: &'static str,
    /// `note` of the event.
    pub note: String,
}

/// What has to be said of a resource that goes without its remote secret being deleted.
pub(crate) fn let_go(observed: &Observed<'_>, why: &LetGo) -> Vec<Event> {
    let name = observed.object.shown_remote_name();
    let (warning, reason, note) = match why {
        LetGo::Retained | LetGo::NeverPushed => return Vec::new(),
        // Nothing of it was ever accepted: what is there, if anything, is another one's.
        LetGo::Suspended if observed.status.last_sync_time.is_none() => return Vec::new(),
        LetGo::Suspended => (false, "RemoteRetained", messages::let_go_suspended(name)),
        LetGo::Abandoned => (true, "RemoteAbandoned", messages::let_go_abandoned(name)),
        LetGo::HandedOver(successor) => {
            (false, "RemoteHandedOver", messages::let_go_handed_over(name, &observed.object.key, successor))
        }
        LetGo::TenantChanged => {
            let left = left_behind::of(observed.status, observed.object.remote_name_or_key());
            let as_well = observed.backoff.is_some_and(|last| last.failure.may_have_arrived);
            let as_well = observed.service_key.content().filter(|_| as_well);
            (true, "RemoteOrphaned", messages::let_go_elsewhere(&left, as_well))
        }
        LetGo::Renamed => {
            let before = observed.renamed_from().unwrap_or_default();
            (true, "RemoteOrphaned", messages::renamed(&left_behind::of(observed.status, before.to_owned())))
        }
        LetGo::Orphaned => {
            let note = messages::let_go_orphaned(name, observed.status, &observed.namespace);
            (true, "RemoteOrphaned", note)
        }
    };
    vec![Event { warning, reason, note }]
}
