use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::domain::testing::{a_payload, service_key_of, tenant};

fn digest(
    registry: &str,
    password: &str,
    remote_name: &str,
    client_secret: &str,
    api: &str,
) -> PayloadDigest {
    PayloadDigest::of(
        &a_payload(registry, password),
        remote_name,
        &service_key_of(client_secret, "one"),
        &tenant(api),
    )
}

#[test]
fn the_form_is_version_and_32_hexadecimal_digits() {
    let digest = digest("ghcr.io", "pw", "pull", "s3cret", "one");
    let digits = digest.as_str().strip_prefix("v1:").unwrap();
    assert_eq!(digits.len(), 32);
    assert!(digits.chars().all(|digit| matches!(digit, '0'..='9' | 'a'..='f')));
}

/// Computed apart from this code, with Python's `hmac`: a change of the digest means a push of everything, and another
/// version prefix.
#[test]
fn the_value_stands() {
    assert_eq!(
        digest("ghcr.io", "pw", "pull", "s3cret", "one").as_str(),
        "v1:a7ff24018ee7b1b3546a8f2bc004b66f"
    );
}

#[test]
fn the_same_gives_the_same() {
    assert_eq!(
        digest("ghcr.io", "pw", "pull", "s3cret", "one"),
        digest("ghcr.io", "pw", "pull", "s3cret", "one")
    );
}

#[rstest]
#[case::password(digest("ghcr.io", "other", "pull", "s3cret", "one"))]
#[case::registry(digest("quay.io", "pw", "pull", "s3cret", "one"))]
#[case::remote_name(digest("ghcr.io", "pw", "other", "s3cret", "one"))]
#[case::client_secret(digest("ghcr.io", "pw", "pull", "other", "one"))]
#[case::api(digest("ghcr.io", "pw", "pull", "s3cret", "two"))]
fn each_part_counts(#[case] other: PayloadDigest) {
    assert_ne!(other, digest("ghcr.io", "pw", "pull", "s3cret", "one"));
}

/// Who could try out keys would have to know the service key's secret, which nothing else of the key stands in for.
#[test]
fn only_the_secret_of_the_service_key_is_the_key() {
    let of = |key| PayloadDigest::of(&a_payload("ghcr.io", "pw"), "pull", &key, &tenant("one"));
    assert_eq!(of(service_key_of("s3cret", "one")), of(service_key_of("s3cret", "two")));
}

/// Moving the border between two parts gives another digest, because the length of each part comes before it.
#[test]
fn parts_do_not_run_into_each_other() {
    let payload = a_payload("ghcr.io", "pw");
    let key = service_key_of("s3cret", "one");
    let text = "pullhttps://api.example";
    let digests: std::collections::HashSet<String> = (0..=text.len())
        .map(|border| {
            let (remote_name, api_url) = text.split_at(border);
            let tenant = Tenant { api_url: api_url.to_owned(), authorization_server: String::new() };
            PayloadDigest::of(&payload, remote_name, &key, &tenant).as_str().to_owned()
        })
        .collect();
    assert_eq!(digests.len(), text.len() + 1);
}

#[rstest]
#[case("v1:00000000000000000000000000000000", true)]
#[case("v2:00000000000000000000000000000000", false)]
#[case("v10:0000000000000000000000000000000", false)]
#[case("V1:00000000000000000000000000000000", false)]
#[case("00000000000000000000000000000000", false)]
#[case("", false)]
fn versions(#[case] digest: &str, #[case] known: bool) {
    assert_eq!(is_known_version(digest), known);
}

proptest! {
    #[test]
    fn different_parts_give_different_digests(
        one in ("[0-9]{1,3}[ghk]", "[0-9]{1,3}[ghk]", "[0-9]{1,3}[ghk]"),
        other in ("[0-9]{1,3}[ghk]", "[0-9]{1,3}[ghk]", "[0-9]{1,3}[ghk]"),
    ) {
        let of = |(password, remote_name, secret): &(String, String, String)| {
            digest("ghcr.io", password, remote_name, secret, "one")
        };
        prop_assert!(is_known_version(of(&one).as_str()));
        prop_assert_eq!(one == other, of(&one) == of(&other));
    }
}
