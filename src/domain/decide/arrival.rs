//! Whether AI Core may hold something that a resource has sent. What a deletion has to delete depends on it, so it is written down
//! before the first request that writes, and kept whatever fails afterwards.
//!
//! The status says it by the tenant: `apiURL` and `authorizationServer` are where something was accepted, or may have arrived.

use crate::{
    api::{
        AICoreRegistrySecretStatus, DeletionPolicy,
        condition::{self, READY, RECONCILING},
    },
    domain::{
        decide::{left_behind, reason::Reason},
        parse::{
            api_url::Tenant,
            object::{Object, pushed_tenant},
        },
    },
};

/// What the process knows of what was sent for a resource, beside what its status says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Sent {
    /// Nothing that may have arrived: the process has seen the resource created, or sees that no other can have sent anything.
    Nothing,
    /// What the status says.
    #[default]
    AsTold,
    /// Perhaps more: a process may have ended between a request and its status. The next word in the status must not make an end
    /// of that.
    Unknown,
}

impl Sent {
    /// Of a resource that was there before this process looked at it. `tells`: whether its status tells of a pass.
    #[must_use]
    pub(crate) fn of_found(object: &Object, tells: bool) -> Self {
        // The finalizer comes before the first request, where the policy was never another one.
        let had_to_have_finalizer =
            object.generation == 1 && object.spec.deletion_policy() == DeletionPolicy::Delete;
        if tells {
            Self::AsTold
        } else if had_to_have_finalizer && !object.finalizer {
            Self::Nothing
        } else {
            Self::Unknown
        }
    }
}

/// Whether AI Core may hold something of the resource. No status at all leaves it open, because the finalizer comes before it;
/// unless the process knows that nothing was sent.
#[must_use]
pub(crate) fn may_hold(status: &AICoreRegistrySecretStatus, sent: Sent) -> bool {
    if status.last_sync_time.is_some() || status.api_url.is_some() {
        return true;
    }
    match sent {
        Sent::Nothing => return false,
        Sent::Unknown => return true,
        Sent::AsTold => {}
    }
    let Some(ready) = condition::find(&status.conditions, READY) else {
        return true;
    };
    match Reason::parse(&ready.reason) {
        // A later version of the operator wrote it.
        None => true,
        // What a deletion says where there was no status.
        Some(Reason::Progressing) => condition::find(&status.conditions, RECONCILING)
            .is_some_and(|reconciling| reconciling.reason == Reason::Deleting.as_str()),
        Some(_) => false,
    }
}

/// The status that has to be written before the first request that writes to the tenant; `None`: it says what it has to already,
/// or nothing will be deleted. Where it names another tenant it is written whatever the policy is, which may be another one before
/// anything is accepted.
#[must_use]
pub(crate) fn announced(
    object: &Object,
    status: &AICoreRegistrySecretStatus,
    tenant: &Tenant,
) -> Option<AICoreRegistrySecretStatus> {
    let retained = || object.spec.deletion_policy() == DeletionPolicy::Retain;
    match pushed_tenant(status) {
        Some(known) if known == *tenant => return None,
        None if retained() => return None,
        Some(_) | None => {}
    }
    let mut announced = status.clone();
    // What another tenant holds is not what a deletion will be about any more.
    let left = left_behind::by_announcement(object, status);
    forget(&mut announced);
    announced.left_behind = left.map(Box::new);
    set_tenant(&mut announced, tenant);
    Some(announced)
}

/// Says that something was accepted there, or may have arrived.
pub(crate) fn set_tenant(status: &mut AICoreRegistrySecretStatus, tenant: &Tenant) {
    status.api_url = Some(tenant.api_url.clone());
    status.authorization_server = Some(tenant.authorization_server.clone());
}

/// What the status says of a push, taken back: it is about another remote secret than that of the resource now.
pub(crate) fn forget(status: &mut AICoreRegistrySecretStatus) {
    let AICoreRegistrySecretStatus {
        observed_generation: _,
        conditions: _,
        remote_name: _,
        last_handled_reconcile_at: _,
        failed_attempt: _,
        service_key_expires_at: _,
        service_key_expiring_from: _,
        left_behind: _,
        unanswered_write,
        api_url,
        authorization_server,
        registries,
        credentials_digest,
        secret_resource_version,
        ai_core_secret_resource_version,
        last_sync_time,
        next_resync_time,
        credential_expires_at,
        credential_expiring_from,
    } = status;
    (*api_url, *authorization_server, *registries, *credentials_digest) = (None, None, None, None);
    (*secret_resource_version, *ai_core_secret_resource_version) = (None, None);
    (*last_sync_time, *next_resync_time, *unanswered_write) = (None, None, None);
    (*credential_expires_at, *credential_expiring_from) = (None, None);
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::{
        api::condition::STALLED,
        domain::testing::{WithSpec, a_new_status, a_status_in_sync, an_object, condition, tenant},
    };

    fn saying(ready: &str, trouble: Option<(&str, &str)>) -> AICoreRegistrySecretStatus {
        let mut conditions = vec![condition(READY, "False", ready)];
        conditions.extend(trouble.map(|(type_, reason)| condition(type_, "True", reason)));
        AICoreRegistrySecretStatus { conditions, ..a_new_status() }
    }

    #[rstest]
    #[case::deleted_from_the_first_on("Delete", false, "one", true)]
    #[case::deleted_and_known("Delete", true, "one", false)]
    #[case::deleted_from_another_on("Delete", true, "two", true)]
    #[case::retained("Retain", false, "one", false)]
    #[case::retained_and_known("Retain", true, "one", false)]
    #[case::retained_by_a_policy_that_may_change_before_an_answer("Retain", true, "two", true)]
    fn what_is_to_be_written_to_is_said_before(
        #[case] policy: &str,
        #[case] pushed: bool,
        #[case] to: &str,
        #[case] said: bool,
    ) {
        let policy = serde_json::from_value(policy.into()).unwrap();
        let object = an_object().with_spec(|spec| spec.deletion_policy = policy);
        let mut status = a_new_status();
        if pushed {
            set_tenant(&mut status, &tenant("one"));
        }
        let announced = announced(&object, &status, &tenant(to));
        assert_eq!(announced.is_some(), said);
        assert!(announced.is_none_or(|announced| pushed_tenant(&announced) == Some(tenant(to))));
    }

    #[rstest]
    #[case::no_status(AICoreRegistrySecretStatus::default(), true)]
    #[case::default_of_the_schema(a_new_status(), true)]
    #[case::accepted(a_status_in_sync(), true)]
    #[case::refused(saying("AuthenticationFailed", Some((STALLED, "AuthenticationFailed"))), false)]
    #[case::lost(saying("RemoteConflict", Some((STALLED, "RemoteConflict"))), false)]
    #[case::nothing_answered_before_a_write(saying("RemoteUnavailable", Some((RECONCILING, "RemoteUnavailable"))), false)]
    #[case::waits_for_its_turn(saying("Progressing", Some((RECONCILING, "Progressing"))), false)]
    #[case::deleting_without_a_status(saying("Progressing", Some((RECONCILING, "Deleting"))), true)]
    #[case::suspended_from_the_start(saying("Suspended", None), false)]
    #[case::of_a_later_version(saying("OfALaterVersion", None), true)]
    fn what_a_status_says(#[case] status: AICoreRegistrySecretStatus, #[case] expected: bool) {
        assert_eq!(may_hold(&status, Sent::AsTold), expected);
        let accepted = status.last_sync_time.is_some();
        assert_eq!(may_hold(&status, Sent::Nothing), accepted, "this process has sent nothing");
        assert!(may_hold(&status, Sent::Unknown), "whatever it says");
        let mut announced = status;
        set_tenant(&mut announced, &tenant("one"));
        for sent in [Sent::Nothing, Sent::AsTold, Sent::Unknown] {
            assert!(may_hold(&announced, sent), "whatever it said before");
        }
    }

    #[rstest]
    #[case::as_it_was_created(1, "Delete", false, Sent::Nothing)]
    #[case::that_could_be_pushed(1, "Delete", true, Sent::Unknown)]
    #[case::that_was_another_one(2, "Delete", false, Sent::Unknown)]
    #[case::that_needs_no_finalizer(1, "Retain", false, Sent::Unknown)]
    fn what_is_found_without_a_word(
        #[case] generation: i64,
        #[case] policy: &str,
        #[case] finalizer: bool,
        #[case] expected: Sent,
    ) {
        let policy = serde_json::from_value(policy.into()).unwrap();
        let object = an_object().with_spec(|spec| spec.deletion_policy = policy);
        let object = Object { generation, finalizer, ..object };
        assert_eq!(Sent::of_found(&object, false), expected);
        assert_eq!(Sent::of_found(&object, true), Sent::AsTold);
    }

    #[test]
    fn it_is_announced_once_and_only_where_it_is_needed() {
        let retained = an_object();
        let deleted = an_object().with_spec(|spec| spec.deletion_policy = Some(DeletionPolicy::Delete));
        let refused = saying("AuthenticationFailed", None);
        for status in [&a_new_status(), &refused] {
            assert_eq!(announced(&retained, status, &tenant("one")), None);
            let first = announced(&deleted, status, &tenant("one")).unwrap();
            assert_eq!(
                (&first.api_url, &first.conditions),
                (&Some(tenant("one").api_url), &status.conditions)
            );
            assert_eq!(announced(&deleted, &first, &tenant("one")), None);
        }
        assert_eq!(announced(&deleted, &a_status_in_sync(), &tenant("one")), None);
        let elsewhere = announced(&deleted, &a_status_in_sync(), &tenant("two")).unwrap();
        assert_eq!(pushed_tenant(&elsewhere), Some(tenant("two")));
        assert_eq!((&elsewhere.last_sync_time, &elsewhere.credentials_digest), (&None, &None));
        let left = elsewhere.left_behind.unwrap();
        assert_eq!((&*left.remote_name, left.api_url), ("pull", Some(tenant("one").api_url)));
    }

    #[test]
    fn nothing_of_a_push_is_left_when_it_is_forgotten() {
        let mut status = a_status_in_sync();
        forget(&mut status);
        let kept = AICoreRegistrySecretStatus {
            conditions: status.conditions.clone(),
            observed_generation: Some(1),
            remote_name: Some("pull".to_owned()),
            ..AICoreRegistrySecretStatus::default()
        };
        assert_eq!(status, kept);
    }
}
