//! What stays behind in AI Core because the resource means another remote secret now. Nobody else will speak of it, so the status
//! remembers it, together with what made it so, until it has been said; a process that ends in between must not take it along.

use crate::{
    api::{AICoreRegistrySecretStatus, DeletionPolicy, LeftBehind},
    domain::{
        decide::{
            observed::Observed,
            report::{Event, Outcome, messages},
        },
        parse::{api_url::Tenant, object::Object},
    },
};

/// What there is to say of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Leaving {
    /// For whoever looks after the resource.
    pub(crate) event: Event,
    /// Whether it was to be deleted, and nobody looks after it.
    pub(crate) is_orphan: bool,
}

/// What this pass has left behind: another tenant has what it sends, or may have it; or the resource means another name.
#[must_use]
pub(super) fn by(observed: &Observed<'_>, outcome: &Outcome) -> Option<LeftBehind> {
    if let Some(before) = observed.renamed_from() {
        return Some(of(observed.status, before.to_owned()));
    }
    // Whatever the policy is: it may be another one before anything is accepted.
    let has_sent = outcome.may_have_arrived() && !observed.object.deleting;
    (has_sent && observed.tenant_changed()).then(|| of(observed.status, observed.object.remote_name_or_key()))
}

/// What the status speaks of, when a push to another tenant is announced.
#[must_use]
pub(super) fn by_announcement(object: &Object, status: &AICoreRegistrySecretStatus) -> Option<LeftBehind> {
    status.api_url.is_some().then(|| of(status, object.remote_name_or_key()))
}

/// What an earlier process has left behind and perhaps not said, unless the resource means it again.
#[must_use]
pub(crate) fn unsaid(observed: &Observed<'_>) -> Option<Leaving> {
    let left = observed.status.left_behind.as_deref()?;
    let again = observed.service_key.content().is_some_and(|Tenant { api_url, authorization_server }| {
        left.api_url.as_ref() == Some(api_url)
            && left.authorization_server.as_ref() == Some(authorization_server)
            && left.remote_name == observed.object.remote_name_or_key()
    });
    (!again).then(|| leaving(observed.object, left))
}

/// What there is to say of something that is left.
#[must_use]
pub(super) fn leaving(object: &Object, left: &LeftBehind) -> Leaving {
    let (reason, note) = if left.remote_name == object.remote_name_or_key() {
        ("TenantChanged", messages::left_behind(left))
    } else {
        ("RemoteRenamed", messages::renamed(left))
    };
    Leaving {
        event: Event { warning: true, reason, note },
        is_orphan: object.spec.deletion_policy() == DeletionPolicy::Delete,
    }
}

/// The remote secret of that name that the status speaks of.
#[must_use]
pub(super) fn of(status: &AICoreRegistrySecretStatus, remote_name: String) -> LeftBehind {
    LeftBehind {
        remote_name,
        api_url: status.api_url.clone(),
        authorization_server: status.authorization_server.clone(),
    }
}
