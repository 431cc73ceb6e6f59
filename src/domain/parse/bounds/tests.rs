use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::api::{AICoreSecretRef, TenantRef};
use crate::domain::testing::{a_status_in_sync, condition, spec as a_spec};

#[rstest]
#[case("abc", 3, "abc")]
#[case("abcd", 3, "…")]
#[case("abcde", 4, "a…")]
#[case("üüü", 5, "ü…")]
#[case("", 0, "")]
fn texts_are_cut_between_characters(#[case] text: &str, #[case] limit: usize, #[case] expected: &str) {
    assert_eq!(cut(text.to_owned(), limit), expected);
}

#[test]
fn a_request_of_usual_length_is_kept_as_it_is() {
    for value in ["", "2026-11-26T00:00:00Z", &"a".repeat(256), &"ü".repeat(128)] {
        assert_eq!(request(value), value);
    }
}

#[test]
fn a_long_request_is_told_from_every_other() {
    let long = "a".repeat(250_000);
    let shown = request(&long).into_owned();
    assert_eq!(shown.len(), 256);
    assert!(shown.starts_with("aaaa") && shown.contains("…sha256:"), "{shown}");
    assert_eq!(request(&shown), shown, "what was shortened stays as it is");
    assert_ne!(request(&format!("{long}b")), shown);
    assert!(request(&"ü".repeat(200)).len() <= 256);
}

#[test]
fn a_spec_within_the_schema_is_kept_as_it_is() {
    let mut largest = a_spec();
    largest.secret_ref.name = "a".repeat(253);
    largest.secret_ref.server = Some("ü".repeat(255));
    largest.secret_ref.username_key = Some("u".repeat(253));
    largest.secret_ref.password_key = Some("p".repeat(253));
    largest.ai_core_secret_ref = Some(AICoreSecretRef { name: "b".repeat(253), key: Some("k".repeat(253)) });
    largest.tenant_ref = Some(TenantRef { name: "t".repeat(253) });
    largest.remote_name = Some("r".repeat(63));
    largest.registries = Some((0..64).map(|number| format!("{number:0>255}")).collect());
    largest.resync_interval = Some(format!("{:0>31}s", 90));
    for spec in [a_spec(), largest] {
        assert_eq!(super::spec(&spec), (spec, None));
    }
}

#[rstest]
#[case::server(|spec: &mut AICoreRegistrySecretSpec, text| spec.secret_ref.server = Some(text), Some("spec.secretRef.server \"xxx"))]
#[case::username_key(|spec: &mut AICoreRegistrySecretSpec, text| spec.secret_ref.username_key = Some(text), Some("spec.secretRef.usernameKey"))]
#[case::password_key(|spec: &mut AICoreRegistrySecretSpec, text| spec.secret_ref.password_key = Some(text), Some("spec.secretRef.passwordKey"))]
#[case::registry(|spec: &mut AICoreRegistrySecretSpec, text| spec.registries = Some(vec![text]), Some("an entry of spec.registries"))]
#[case::registries(|spec: &mut AICoreRegistrySecretSpec, text: String| spec.registries = Some(text.chars().map(String::from).collect()), Some("write 64 at most"))]
#[case::name(|spec: &mut AICoreRegistrySecretSpec, text| spec.secret_ref.name = text, None)]
#[case::key_name(|spec: &mut AICoreRegistrySecretSpec, text| spec.ai_core_secret_ref.as_mut().unwrap().name = text, None)]
#[case::key(|spec: &mut AICoreRegistrySecretSpec, text| spec.ai_core_secret_ref.as_mut().unwrap().key = Some(text), None)]
#[case::tenant(|spec: &mut AICoreRegistrySecretSpec, text| spec.tenant_ref = Some(TenantRef { name: text }), None)]
#[case::remote_name(|spec: &mut AICoreRegistrySecretSpec, text| spec.remote_name = Some(text), None)]
#[case::interval(|spec: &mut AICoreRegistrySecretSpec, text| spec.resync_interval = Some(text), Some("spec.resyncInterval \"xxx"))]
fn what_is_too_large_takes_no_room_and_is_refused(
    #[case] set: fn(&mut AICoreRegistrySecretSpec, String),
    #[case] sentence: Option<&str>,
) {
    let mut large = a_spec();
    set(&mut large, "x".repeat(400_000));
    let (kept, refused) = spec(&large);
    assert!(serde_json::to_string(&kept).unwrap().len() < 1000);
    assert_ne!(kept, large);
    match (&refused, sentence) {
        (Some(refused), Some(part)) => {
            let refused = refused.to_string();
            assert!(refused.contains(part) && refused.len() < 400, "{refused}");
        }
        (refused, expected) => assert_eq!(refused.is_some(), expected.is_some()),
    }
    // What was cut and not refused here is still too long for those who refuse it.
    assert_eq!(spec(&kept).0, kept);
    if refused.is_none() {
        assert!(kept.resync_interval.is_none());
        assert!(
            kept.secret_ref.name.len() == 254
                || kept.ai_core_secret_ref.as_ref().is_some_and(|reference| reference.name.len() == 254)
                || kept.tenant_ref.as_ref().is_some_and(|reference| reference.name.len() == 254)
                || kept.remote_name.as_ref().is_some_and(|name| name.len() == 64)
                || kept
                    .ai_core_secret_ref
                    .as_ref()
                    .is_some_and(|reference| { reference.key.as_ref().is_some_and(|key| key.len() == 254) })
                || large.resync_interval.is_some()
        );
    }
}

#[test]
fn a_usual_status_is_kept_as_it_is() {
    assert_eq!(status(a_status_in_sync()), a_status_in_sync());
}

proptest! {
    #[test]
    fn a_status_fits_whatever_is_in_it(text in "[aü\u{1f600}]{0,40}", times in 1_usize..2000, conditions in 0_usize..20) {
        let long = || Some(text.repeat(times));
        let large = AICoreRegistrySecretStatus {
            remote_name: long(),
            api_url: long(),
            authorization_server: long(),
            credentials_digest: long(),
            secret_resource_version: long(),
            ai_core_secret_resource_version: long(),
            last_handled_reconcile_at: long(),
            registries: Some(vec![text.repeat(times); times.min(100)]),
            conditions: (0..conditions)
                .map(|number| {
                    let mut one = condition(&format!("T{number}"), "True", "Synced");
                    one.message = text.repeat(times);
                    one
                })
                .chain([condition(READY, "True", "Synced")])
                .collect(),
            ..a_status_in_sync()
        };
        let kept = status(large);
        prop_assert_eq!(&status(kept.clone()), &kept);
        prop_assert!(kept.conditions.len() <= 8 && kept.conditions.iter().any(|condition| condition.type_ == READY));
        prop_assert!(kept.conditions.iter().all(|condition| condition.message.len() <= MESSAGE));
        prop_assert!(kept.last_handled_reconcile_at.as_ref().unwrap().len() <= 256);
        let size = serde_json::to_string(&kept).unwrap().len();
        prop_assert!(size < 70_000, "{}", size);
    }
}
