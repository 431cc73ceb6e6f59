//! The sentences of conditions and events. Each says what is so, where, and, if somebody must act, what to do.

use crate::{
    api::{AICoreRegistrySecretStatus, LeftBehind},
    domain::{
        decide::{failure::Failure, observed::NamespaceState, report::conditions::Before},
        parse::{api_url::Tenant, object::ObjectKey},
        tools::invalid::{Quoted, Shown},
    },
};

/// Before the first outcome.
pub(super) const PROGRESSING: &str = "Waiting for a turn to send the credential to AI Core";

/// Found by a push that was not completed.
pub(super) fn absent(remote_name: Quoted<'_>) -> String {
    format!("AI Core has no docker registry secret {remote_name} any more; it is created with the next push")
}

/// `remarks`: what else there is to say about the credential.
pub(super) fn synced(registries: &[String], remote_name: Quoted<'_>, remarks: &[String]) -> String {
    let accepted = format!(
        "AI Core accepted the credential for {} as docker registry secret {remote_name}",
        list(registries)
    );
    remarks.iter().fold(accepted, |said, remark| format!("{said}; {remark}"))
}

pub(super) fn suspended(before: Before) -> String {
    let before = match before {
        Before::Current => "AI Core held the current credential when it was suspended",
        Before::Outdated => {
            "AI Core did not hold the current credential when it was suspended: a rotation, or another change of what is sent, \
             was not pushed before"
        }
        Before::NotCurrent => "AI Core did not hold the current credential when it was suspended",
        Before::Unknown => "whether AI Core held the current credential when it was suspended is not known",
        Before::Nothing => "nothing had been sent to AI Core when it was suspended",
    };
    format!("Suspended by spec.suspend, nothing is sent to AI Core; {before}")
}

pub(super) fn conflict(remote_name: Quoted<'_>, me: &ObjectKey, owner: &ObjectKey) -> String {
    let owner = if me.is_in_namespace_of(owner) {
        format!("the older resource {owner}")
    } else {
        "an older resource in another namespace".to_owned()
    };
    format!(
        "Docker registry secret {remote_name} of this tenant belongs to {owner}; delete one of the two resources, or create \
         this one again with another spec.remoteName"
    )
}

/// `rival`: whose credential is there.
pub(super) fn displaced(
    remote_name: Quoted<'_>,
    me: &ObjectKey,
    rival: &ObjectKey,
    failure: &Failure,
) -> String {
    let rival = if me.is_in_namespace_of(rival) {
        format!("of the resource {rival}")
    } else {
        "of a resource in another namespace".to_owned()
    };
    format!(
        "AI Core holds the credential {rival} as docker registry secret {remote_name}, pushed while this resource could not push \
         its own; it does as soon as this is mended: {}",
        failure.message
    )
}

pub(super) fn deleting(failure: &Failure) -> String {
    format!(
        "The secret in AI Core is not deleted yet: {}; to release this resource without deleting the secret in AI Core, set \
         the annotation {}=true",
        failure.message.trim_end_matches('.'),
        crate::api::ABANDON_REMOTE
    )
}

pub(in crate::domain::decide) fn left_behind(left: &LeftBehind) -> String {
    format!(
        "The service key is for another tenant now; docker registry secret {} stays behind in {}, delete it there if nothing \
         uses it",
        Quoted(&left.remote_name),
        tenant(left.api_url.as_deref(), left.authorization_server.as_deref())
    )
}

/// `as_well`: the tenant of now, if something may have arrived there.
pub(super) fn let_go_elsewhere(left: &LeftBehind, as_well: Option<&Tenant>) -> String {
    let left_behind = left_behind(left);
    match as_well {
        Some(Tenant { api_url, authorization_server }) => {
            format!("{left_behind}; it may be in {api_url} (tenant of {authorization_server}) as well")
        }
        None => left_behind,
    }
}

/// `left`: the one of before.
pub(in crate::domain::decide) fn renamed(left: &LeftBehind) -> String {
    format!(
        "The resource means another docker registry secret now; {} stays behind in {}, delete it there if nothing uses it",
        Quoted(&left.remote_name),
        tenant(left.api_url.as_deref(), left.authorization_server.as_deref())
    )
}

pub(super) fn let_go_suspended(remote_name: Quoted<'_>) -> String {
    format!(
        "The resource was suspended when it was deleted: docker registry secret {remote_name} stays in AI Core"
    )
}

pub(super) fn let_go_abandoned(remote_name: Quoted<'_>) -> String {
    format!("Released by annotation: docker registry secret {remote_name} may still be in AI Core")
}

pub(super) fn let_go_handed_over(remote_name: Quoted<'_>, me: &ObjectKey, successor: &ObjectKey) -> String {
    let successor = if me.is_in_namespace_of(successor) {
        successor.to_string()
    } else {
        "a resource in another namespace".to_owned()
    };
    format!("Docker registry secret {remote_name} stays in AI Core, because {successor} owns it now")
}

pub(super) fn let_go_orphaned(
    remote_name: Quoted<'_>,
    status: &AICoreRegistrySecretStatus,
    namespace: &NamespaceState,
) -> String {
    let why = match namespace {
        NamespaceState::Hidden { .. } => {
            "The AI Core service key is gone, and the operator may not see whether the namespace is being deleted"
        }
        NamespaceState::Active | NamespaceState::Terminating => {
            "The namespace is being deleted and the AI Core service key is gone already"
        }
    };
    let tenant = tenant(status.api_url.as_deref(), status.authorization_server.as_deref());
    format!("{why}: docker registry secret {remote_name} may stay behind in {tenant}")
}

fn tenant(api_url: Option<&str>, authorization_server: Option<&str>) -> String {
    match (api_url, authorization_server) {
        (Some(api_url), Some(authorization_server)) => {
            format!("{api_url} (tenant of {authorization_server})")
        }
        _ => "AI Core".to_owned(),
    }
}

/// A few names, then how many more there are.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| Shown(name).to_string()).collect();
    let shown = shown.join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
