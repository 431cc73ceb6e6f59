//! What people are told with `kubectl describe`.

use super::{Outcome, messages};
use crate::{
    api::DeletionPolicy,
    domain::{
        decide::{observed::Observed, plan::LetGo},
        tools::invalid::Quoted,
    },
};

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

/// What has to be said when the resource has left its remote secret behind: another tenant has what it sends, or may have it and
/// is the one in which it will be deleted; or it means another name.
pub(super) fn moved(observed: &Observed<'_>, outcome: &Outcome) -> Option<Event> {
    if let Some(before) = observed.renamed_from() {
        let note = messages::renamed(Quoted(before), observed.status);
        return Some(Event { warning: true, reason: "RemoteRenamed", note });
    }
    let elsewhere = match outcome {
        Outcome::Pushed { .. } => true,
        Outcome::Failed(failure) => {
            let object = observed.object;
            failure.may_have_arrived
                && !object.deleting
                && object.spec.deletion_policy() == DeletionPolicy::Delete
        }
        Outcome::NothingSent
        | Outcome::Postponed(_)
        | Outcome::Withdrawn
        | Outcome::RemoteDeleted
        | Outcome::LetGo => false,
    };
    (elsewhere && observed.tenant_changed()).then(|| Event {
        warning: true,
        reason: "TenantChanged",
        note: messages::left_behind(observed.object.shown_remote_name(), observed.status),
    })
}

/// What has to be said of a resource that goes without its remote secret being deleted.
pub(super) fn let_go(observed: &Observed<'_>, why: &LetGo) -> Vec<Event> {
    let name = observed.object.shown_remote_name();
    let (warning, reason, note) = match why {
        LetGo::Retained | LetGo::NeverPushed => return Vec::new(),
        LetGo::Suspended => (false, "RemoteRetained", messages::let_go_suspended(name)),
        LetGo::Abandoned => (true, "RemoteAbandoned", messages::let_go_abandoned(name)),
        LetGo::HandedOver(successor) => {
            (false, "RemoteHandedOver", messages::let_go_handed_over(name, &observed.object.key, successor))
        }
        LetGo::TenantChanged => {
            let as_well = observed.backoff.is_some_and(|last| last.failure.may_have_arrived);
            let as_well = observed.service_key.content().filter(|_| as_well);
            (true, "RemoteOrphaned", messages::let_go_elsewhere(name, observed.status, as_well))
        }
        LetGo::Renamed => {
            let before = observed.renamed_from().unwrap_or_default();
            (true, "RemoteOrphaned", messages::renamed(Quoted(before), observed.status))
        }
        LetGo::Orphaned => (true, "RemoteOrphaned", messages::let_go_orphaned(name, observed.status)),
    };
    vec![Event { warning, reason, note }]
}
