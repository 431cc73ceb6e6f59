//! What the operator says of a resource in its status: it knows what no reading of the resource shows, such as who else has the name.

use super::findings::Finding;
use crate::{
    api::{
        AICoreRegistrySecret,
        condition::{self, ConditionStatus, READY, RECONCILING, STALLED},
    },
    domain::decide::reason::Reason,
};

const PART: &str = "status";

/// None if all is well, and if nothing was said yet of the spec as it is now.
pub(super) fn judge(resource: &AICoreRegistrySecret) -> Option<Finding> {
    let status = resource.status.as_ref()?;
    if status.observed_generation < resource.metadata.generation {
        return None;
    }
    let find = |type_| condition::find(&status.conditions, type_);
    let is_true =
        |type_| find(type_).filter(|one| ConditionStatus::parse(&one.status) == ConditionStatus::True);
    if let Some(stalled) = is_true(STALLED) {
        return Some(Finding::wrong(PART, format_args!("stalled, {}: {}", stalled.reason, stalled.message)));
    }
    let ready = find(READY)?;
    let said = format!("Ready is {}, {}: {}", ready.status, ready.reason, ready.message);
    match ConditionStatus::parse(&ready.status) {
        ConditionStatus::False if !is_meant(&ready.reason) => Some(Finding::wrong(PART, said)),
        ConditionStatus::False | ConditionStatus::Unknown => Some(Finding::note(PART, said)),
        ConditionStatus::True => is_true(RECONCILING).map(|reconciling| {
            Finding::note(PART, format!("reconciling, {}: {}", reconciling.reason, reconciling.message))
        }),
    }
}

/// Whether the resource is not ready because somebody wants that, or because its turn comes yet.
fn is_meant(reason: &str) -> bool {
    [Reason::Suspended, Reason::Progressing].into_iter().any(|meant| meant.as_str() == reason)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{super::findings::Level, *};
    use crate::domain::testing;

    fn resource(generation: i64, conditions: &[(&str, &str, &str)]) -> AICoreRegistrySecret {
        let mut status = testing::a_status_in_sync();
        status.conditions = conditions
            .iter()
            .map(|(type_, status, reason)| testing::condition(type_, status, reason))
            .collect();
        let spec =
            serde_json::json!({ "secretRef": { "name": "source" }, "tenantRef": { "name": "shared" } });
        let mut resource = AICoreRegistrySecret::new("pull", serde_json::from_value(spec).unwrap());
        resource.metadata.generation = Some(generation);
        resource.status = Some(status);
        resource
    }

    #[rstest]
    #[case::not_allowed(
        &[("Ready", "False", "RemoteNameNotAllowed"), ("Stalled", "True", "RemoteNameNotAllowed")],
        Level::Wrong,
        "stalled, RemoteNameNotAllowed: RemoteNameNotAllowed it is"
    )]
    #[case::ready_all_the_same(
        &[("Ready", "True", "Synced"), ("Stalled", "True", "AuthenticationFailed")],
        Level::Wrong,
        "stalled, AuthenticationFailed: AuthenticationFailed it is"
    )]
    #[case::not_ready(
        &[("Ready", "False", "RemoteConflict"), ("Reconciling", "True", "RemoteConflict")],
        Level::Wrong,
        "Ready is False, RemoteConflict: RemoteConflict it is"
    )]
    #[case::suspended(&[("Ready", "False", "Suspended")], Level::Note, "Ready is False, Suspended: Suspended it is")]
    #[case::not_known(&[("Ready", "Unknown", "Progressing")], Level::Note, "Ready is Unknown, Progressing: Progressing it is")]
    #[case::tried_again(
        &[("Ready", "True", "Synced"), ("Reconciling", "True", "RemoteUnavailable")],
        Level::Note,
        "reconciling, RemoteUnavailable: RemoteUnavailable it is"
    )]
    fn what_the_operator_says_is_said(
        #[case] conditions: &[(&str, &str, &str)],
        #[case] level: Level,
        #[case] text: &str,
    ) {
        let said = judge(&resource(1, conditions)).unwrap();
        assert_eq!((said.level, said.part, said.text.as_str()), (level, PART, text));
    }

    #[rstest]
    #[case::in_sync(1, &[("Ready", "True", "Synced")])]
    #[case::of_an_earlier_spec(2, &[("Ready", "False", "RemoteNameNotAllowed")])]
    #[case::nothing_yet(1, &[])]
    fn else_nothing_is(#[case] generation: i64, #[case] conditions: &[(&str, &str, &str)]) {
        assert_eq!(judge(&resource(generation, conditions)), None);
    }
}
