//! Which statuses may be written later, although the process can be killed before.

use crate::{
    api::{AICoreRegistrySecretStatus, condition},
    domain::parse::object::Object,
};

/// Whether nothing but a push that is repeated comes of it when a process is killed before the status `next` is written, and others
/// change the resource or its Secrets before the next process starts; as long as nobody else wants the remote secret. So it is for the
/// first push of one of which the status `before` says nothing: the next process pushes whatever it finds. A status that says something
/// would vouch for what is not so any more: for another content, that nothing was sent, or that another resource owns the remote secret.
#[must_use]
pub(crate) fn may_be_told_later(
    object: &Object,
    before: &AICoreRegistrySecretStatus,
    next: &AICoreRegistrySecretStatus,
) -> bool {
    let is_first = before.conditions.is_empty() && condition::is_ready(&next.conditions);
    let is_whole =
        next.failed_attempt.is_none() && next.left_behind.is_none() && next.unanswered_write.is_none();
    is_first && is_whole && !object.spec.suspended()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use rstest::rstest;

    use super::*;
    use crate::{
        api::{FailedAttempt, LeftBehind, UnansweredWrite, condition::READY},
        domain::testing::{WithSpec, a_new_status, a_status_in_sync, an_object, at, condition, tenant},
    };

    #[test]
    fn a_first_push_may_be_told_later() {
        assert!(may_be_told_later(&an_object(), &a_new_status(), &a_status_in_sync()));
        // Also one that was announced.
        let announced = AICoreRegistrySecretStatus { api_url: Some(tenant("one").api_url), ..a_new_status() };
        assert!(may_be_told_later(&an_object(), &announced, &a_status_in_sync()));
    }

    #[test]
    fn what_a_suspended_resource_says_is_told_at_once() {
        let suspended = an_object().with_spec(|spec| spec.suspend = Some(true));
        assert!(!may_be_told_later(&suspended, &a_new_status(), &a_status_in_sync()));
    }

    /// It would vouch for what is not so any more.
    #[rstest]
    #[case::another_content("True", "Synced")]
    #[case::nothing_was_sent("False", "SecretNotFound")]
    #[case::waits("Unknown", "Progressing")]
    fn what_changes_a_word_is_told_at_once(#[case] status: &str, #[case] reason: &str) {
        let before = AICoreRegistrySecretStatus {
            conditions: vec![condition(READY, status, reason)],
            ..a_new_status()
        };
        assert!(!may_be_told_later(&an_object(), &before, &a_status_in_sync()));
    }

    /// A restart has to know of it.
    #[rstest]
    #[case::failure(|status: &mut AICoreRegistrySecretStatus| status.conditions = vec![condition(READY, "False", "Forbidden")])]
    #[case::hold(|status: &mut AICoreRegistrySecretStatus| status.failed_attempt = Some(Box::new(FailedAttempt {
    retry_time: Time(at(5)),
    ai_core_secret_resource_version: None,
    secret_resource_version: None,
})))]
    #[case::late_write(|status: &mut AICoreRegistrySecretStatus| status.unanswered_write = Some(Box::new(UnansweredWrite {
    time: Time(at(5)),
    confirmation_time: None,
})))]
    #[case::left_behind(|status: &mut AICoreRegistrySecretStatus| status.left_behind = Some(Box::new(LeftBehind {
    remote_name: "before".to_owned(),
    api_url: None,
    authorization_server: None,
})))]
    fn what_is_more_than_a_success_is_told_at_once(#[case] change: fn(&mut AICoreRegistrySecretStatus)) {
        let mut status = a_status_in_sync();
        change(&mut status);
        assert!(!may_be_told_later(&an_object(), &a_new_status(), &status));
    }
}
