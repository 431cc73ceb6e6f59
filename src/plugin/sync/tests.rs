use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::domain::tools::printable::Printable;

fn resource(requested: Option<&str>, handled: Option<&str>, conditions: &[Value]) -> AICoreRegistrySecret {
    serde_json::from_value(json!({
        "apiVersion": "aicore-registry.dev/v1alpha1",
        "kind": "AICoreRegistrySecret",
        "metadata": { "name": "pull", "annotations": requested.map(|value| json!({ REQUESTED_AT: value })) },
        "spec": { "secretRef": { "name": "s" }, "aiCoreSecretRef": { "name": "k" } },
        "status": { "lastHandledReconcileAt": handled, "conditions": conditions },
    }))
    .unwrap()
}

#[rstest]
#[case::ours(Some("ours"), Some("ours"), true)]
#[case::not_yet(Some("ours"), Some("before"), false)]
#[case::never(Some("ours"), None, false)]
#[case::a_later_one_is_answered(Some("later"), Some("later"), true)]
#[case::a_later_one_is_not(Some("later"), Some("before"), false)]
#[case::taken_back(None, Some("before"), false)]
#[case::nothing(None, None, false)]
fn a_request_is_answered_by_its_value_or_a_later_one(
    #[case] requested: Option<&str>,
    #[case] handled: Option<&str>,
    #[case] answered: bool,
) {
    assert_eq!(is_answered(&resource(requested, handled, &[]), "ours"), answered);
}

fn condition(type_: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({
        "type": type_, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": "2026-03-01T10:00:00Z",
    })
}

#[rstest]
#[case::accepted(&[condition("Ready", "True", "Synced", "fine")], "ml/pull synced: fine", true)]
#[case::refused(
    &[condition("Ready", "False", "Forbidden", "no"), condition("Stalled", "True", "Forbidden", "no")],
    "ml/pull not synced: Forbidden: no",
    false
)]
#[case::repetition_refused(
    &[condition("Ready", "True", "Synced", "fine"), condition("Reconciling", "True", "RateLimited", "slow")],
    "ml/pull not synced: RateLimited: slow",
    false
)]
#[case::suspended(
    &[condition("Ready", "True", "Suspended", "rests")],
    "ml/pull not synced: Suspended: rests",
    false
)]
fn the_outcome_is_good_when_the_push_was_accepted(
    #[case] conditions: &[Value],
    #[case] text: &str,
    #[case] fine: bool,
) {
    let done = outcome("ml/pull", &resource(None, None, conditions));
    assert_eq!((done.lines, done.fine), (vec![Printable::new(text)], fine));
}
