use rstest::rstest;
use serde_json::{Value, json};

use super::*;

fn condition(type_: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({
        "type": type_, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": "2026-03-01T10:00:00Z",
    })
}

fn resource(observed: i64, conditions: &[Value]) -> AICoreRegistrySecret {
    serde_json::from_value(json!({
        "apiVersion": "aicore-registry.dev/v1alpha1",
        "kind": "AICoreRegistrySecret",
        "metadata": {
            "namespace": "ml", "name": "pull", "generation": 2, "creationTimestamp": "2026-03-01T08:00:00Z",
        },
        "spec": { "secretRef": { "name": "s" }, "aiCoreSecretRef": { "name": "k" } },
        "status": {
            "observedGeneration": observed,
            "conditions": conditions,
            "remoteName": "remote",
            "apiURL": "https://api.example",
            "registries": ["ghcr.io", "quay.io"],
            "lastSyncTime": "2026-03-01T09:59:30Z",
            "nextResyncTime": "2026-03-01T10:57:00Z",
        },
    }))
    .unwrap()
}

fn shown(resources: &[AICoreRegistrySecret], wide: bool) -> (String, bool) {
    let resources: Vec<Checked> = resources.iter().cloned().map(Ok).collect();
    let Done { lines, fine } = show(&resources, wide, "2026-03-01T10:00:00Z".parse().unwrap());
    (lines.iter().map(|line| line.to_string() + "\n").collect(), fine)
}

#[test]
fn a_resource_is_a_line_with_its_times_as_lengths() {
    let ready = resource(2, &[condition("Ready", "True", "Synced", "AI Core accepted it")]);
    assert_eq!(
        shown(std::slice::from_ref(&ready), false),
        (
            "NAMESPACE   NAME   READY   REASON   REMOTE NAME   LAST SYNC   NEXT RESYNC   EXPIRES   MESSAGE\n\
             ml          pull   True    Synced   remote        30s         in 57m        -         AI Core accepted it\n"
                .to_owned(),
            true
        )
    );
    let (wide, _) = shown(&[ready], true);
    assert!(wide.contains("AGE    TENANT   API URL               REGISTRIES        MESSAGE\n"), "{wide}");
    assert!(
        wide.contains("120m   -        https://api.example   ghcr.io,quay.io   AI Core accepted it\n"),
        "{wide}"
    );
}

#[test]
fn the_wide_table_says_which_tenant_is_used() {
    let mut by_tenant = resource(2, &[condition("Ready", "True", "Synced", "fine")]);
    by_tenant.spec.ai_core_secret_ref = None;
    by_tenant.spec.tenant_ref = Some(crate::api::TenantRef { name: "research".to_owned() });
    let own = resource(2, &[condition("Ready", "True", "Synced", "fine")]);
    let (wide, _) = shown(&[by_tenant, own], true);
    let tenants: Vec<&str> = wide
        .lines()
        .map(|line| line.split("   ").filter(|cell| !cell.is_empty()).nth(10).unwrap().trim())
        .collect();
    assert_eq!(tenants, ["TENANT", "research", "-"], "{wide}");
}

#[test]
fn what_is_not_understood_has_a_line_too_and_hides_no_other() {
    let now = "2026-03-01T10:00:00Z".parse().unwrap();
    let sent = |field: &str, value: Value| {
        let ready = resource(2, &[condition("Ready", "True", "Synced", "fine")]);
        let mut sent = serde_json::to_value(&ready).unwrap();
        *sent.pointer_mut(field).unwrap() = value;
        serde_json::from_value::<UnvalidatedResource>(sent).unwrap().check()
    };
    let beyond = sent("/status/nextResyncTime", json!("9999-12-31T23:59:59Z"));
    let newer = sent(
        "/spec",
        json!({
            "secretRef": { "name": "s" }, "aiCoreSecretRef": { "name": "k" }, "creationPolicy": "OnFullMoon",
        }),
    );
    let Done { lines, fine } = show(&[beyond, newer], false, now);
    let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
    let [_, beyond, newer] = &lines[..] else { panic!("{lines:?}") };
    assert!(!fine);
    assert!(
        beyond.contains("True") && beyond.contains("30s         -") && beyond.ends_with("fine"),
        "{beyond}"
    );
    assert!(
        newer.contains("remote") && newer.contains("does not understand spec.creationPolicy,"),
        "{newer}"
    );
    assert!(!newer.contains("OnFullMoon"), "{newer}");
}

#[test]
fn a_suspended_resource_has_no_next_resync() {
    let mut suspended = resource(2, &[condition("Ready", "True", "Suspended", "rests")]);
    suspended.spec.suspend = Some(true);
    let (text, fine) = shown(&[suspended], false);
    assert!(fine && text.contains("30s         -             -         rests"), "{text}");
}

#[test]
fn what_ends_is_shown_with_what_is_said_of_it() {
    let said = "ends at 10:30";
    let mut ready = resource(
        2,
        &[
            condition("Ready", "True", "Synced", "fine"),
            condition("CredentialExpiring", "True", "ServiceKey", said),
        ],
    );
    let status = ready.status.as_mut().unwrap();
    status.credential_expires_at = Moment::of("2026-03-01T09:55:00Z".parse().unwrap());
    status.service_key_expires_at = Moment::of("2026-03-01T10:30:00Z".parse().unwrap());
    let (text, fine) = shown(&[ready], true);
    assert!(fine, "the credential is the current one all the same");
    assert!(text.contains("EXPIRES   KEY EXPIRES   AGE"), "{text}");
    assert!(text.contains("5m ago    in 30m        120m"), "{text}");
    assert!(text.ends_with("fine; CredentialExpiring: ends at 10:30\n"), "{text}");
}

#[test]
fn one_resource_that_is_not_ready_is_enough() {
    let ready = resource(2, &[condition("Ready", "True", "Synced", "fine")]);
    let other = resource(
        2,
        &[
            condition("Ready", "False", "SecretNotFound", "no Secret"),
            condition("Reconciling", "True", "SecretNotFound", "no Secret"),
        ],
    );
    let (text, fine) = shown(&[ready, other], false);
    assert!(!fine);
    assert!(text.ends_with("no Secret\n"), "{text}");
    assert_eq!(text.matches("no Secret").count(), 1, "said once: {text}");
}

#[rstest]
#[case::never_seen(-1, &[], "Unknown", "has not reconciled this resource yet")]
#[case::outdated(
    1,
    &[condition("Ready", "True", "Synced", "fine")],
    "Unknown",
    "has not reconciled the latest change of this resource yet; before: Synced: fine"
)]
#[case::repetition_failed(
    2,
    &[condition("Ready", "True", "Synced", "fine"), condition("Stalled", "True", "Forbidden", "not allowed")],
    "True",
    "fine; Stalled: Forbidden: not allowed"
)]
#[case::suspended(2, &[condition("Ready", "True", "Suspended", "rests")], "True", "rests")]
fn conditions_become_one_message(
    #[case] observed: i64,
    #[case] conditions: &[Value],
    #[case] ready: &str,
    #[case] part: &str,
) {
    let summary = Summary::of(&resource(observed, conditions));
    assert_eq!(summary.ready, ready);
    assert!(summary.message.contains(part), "{}", summary.message);
}

#[test]
fn what_is_not_known_is_a_dash_and_a_resync_in_the_past_is_due() {
    let mut bare = resource(2, &[condition("Ready", "False", "SecretInvalid", "broken")]);
    bare.status.as_mut().unwrap().next_resync_time = "2026-03-01T09:00:00Z".parse().ok().map(Time);
    bare.status.as_mut().unwrap().last_sync_time = None;
    let cells = row(&Ok(bare.clone()), false, "2026-03-01T10:00:00Z".parse().unwrap());
    assert_eq!(cells[5..8], ["-", "due", "-"]);
    bare.status = None;
    let cells = row(&Ok(bare.clone()), true, "2026-03-01T10:00:00Z".parse().unwrap());
    assert_eq!(cells[4..12], ["-", "-", "-", "-", "-", "120m", "-", "-"]);
}
