use std::sync::LazyLock;

use proptest::prelude::*;
use regex::Regex;
use rstest::rstest;

use super::*;

/// By [`PATTERN`] and the bounds of length, as AI Core's API definition has them.
fn by_pattern(name: &str) -> bool {
    static RULE: LazyLock<Regex> = LazyLock::new(|| Regex::new(PATTERN).unwrap());
    RULE.is_match(name) && (MIN_LENGTH..=MAX_LENGTH).contains(&name.chars().count())
}

#[rstest]
#[case::two_characters("ab")]
#[case::digits("00")]
#[case::underscore("a_bc")]
#[case::underscores("a_b_cd")]
#[case::dot_and_dash("a.-b")]
#[case::underscore_before_dash("a_-b")]
#[case::underscore_after_dot("a._bc")]
#[case::longest("a23456789012345678901234567890123456789012345678901234567890123")]
fn accepts(#[case] name: &str) {
    assert!(by_pattern(name));
    assert_eq!(RemoteName::parse(name).map(|name| name.to_string()), Ok(name.to_owned()));
    assert_eq!(RemoteName::parse(name).unwrap().as_str(), name);
}

#[rstest]
#[case::empty("")]
#[case::one_character("a")]
#[case::underscore_before_the_last("a_b")]
#[case::two_underscores("a__bc")]
#[case::leading_dash("-ab")]
#[case::trailing_dash("ab-")]
#[case::leading_underscore("_ab")]
#[case::trailing_underscore("ab_")]
#[case::trailing_dot("ab.")]
#[case::upper_case("Ab")]
#[case::upper_case_inside("aBc")]
#[case::slash("a/b")]
#[case::line_break("ab\n")]
#[case::not_ascii("aüb")]
#[case::too_long("a234567890123456789012345678901234567890123456789012345678901234")]
fn refuses(#[case] name: &str) {
    assert!(!by_pattern(name));
    assert!(RemoteName::parse(name).is_err());
}

#[test]
fn the_message_states_the_rule() {
    assert_eq!(
        RemoteName::parse("My Secret").unwrap_err().to_string(),
        "AI Core does not accept the name \"My Secret\" for a docker registry secret; set spec.remoteName to a name \
         of 2 to 63 characters that matches ^[a-z0-9](?:_?[a-z0-9\\.\\-]+)*[a-z0-9]$."
    );
}

/// `dns1123SubdomainFmt` of `k8s.io/apimachinery/pkg/util/validation`, walked by hand: each part between dots begins and ends
/// with a letter or a digit, and has only these and `-`.
fn is_subdomain(name: &str) -> bool {
    let mut at_edge = true;
    let mut last = '.';
    for character in name.chars() {
        match character {
            'a'..='z' | '0'..='9' => at_edge = false,
            '-' if !at_edge => {}
            '.' if !at_edge && last != '-' => at_edge = true,
            _ => return false,
        }
        last = character;
    }
    !at_edge && last != '-' && name.chars().count() <= 253
}

#[rstest]
#[case::one_letter("a")]
#[case::digits("0")]
#[case::dots("a.b-c.1")]
#[case::dashes_inside("a--b")]
#[case::a_long_label(&"a".repeat(253))]
fn a_name_of_a_secret(#[case] name: &str) {
    assert!(is_subdomain(name));
    assert_eq!(SecretName::parse("spec.secretRef.name", name).unwrap().as_str(), name);
}

#[rstest]
#[case::a_list("?")]
#[case::a_watch("?watch=1&timeoutSeconds=1")]
#[case::a_query("source?x=1")]
#[case::a_fragment("source#f")]
#[case::a_folder("source/")]
#[case::an_absolute_path("/source")]
#[case::another_namespace("../../other/secrets/source")]
#[case::escaped("..%2f..%2fother%2fsecrets%2fsource")]
#[case::a_subresource("source/status")]
#[case::dot(".")]
#[case::dots("..")]
#[case::a_dot_at_the_end("source.")]
#[case::a_dash_beside_a_dot("a-.b")]
#[case::empty("")]
#[case::blank("a b")]
#[case::upper_case("Source")]
#[case::underscore("a_b")]
#[case::not_ascii("größe")]
#[case::a_line_break("source\n")]
#[case::a_header("a\r\nX-Remote-User: admin")]
#[case::nul("a\0b")]
#[case::backslash("a\\b")]
#[case::colon("a:b")]
#[case::at("a@b")]
#[case::semicolon("a;b=c")]
#[case::too_long(&"a".repeat(254))]
fn no_name_of_a_secret(#[case] name: &str) {
    assert!(!is_subdomain(name));
    let sentence = SecretName::parse("spec.secretRef.name", name).unwrap_err().to_string();
    assert!(sentence.starts_with("spec.secretRef.name \"") && sentence.len() < 900, "{sentence}");
    assert!(!sentence.contains(char::is_control), "{sentence}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]
    #[test]
    fn a_name_of_a_secret_is_a_subdomain(name in "[az09.-]{0,8}|[a-z0-9.A-]{250,256}|\\PC{0,4}|[ -~]{0,6}") {
        prop_assert_eq!(SecretName::parse("f", &name).is_ok(), is_subdomain(&name));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]
    #[test]
    fn agrees_with_the_pattern(name in "[az09._-]{0,8}|[a-z0-9_A]{61,65}|\\PC{0,4}") {
        prop_assert_eq!(RemoteName::parse(&name).is_ok(), by_pattern(&name));
    }
}
