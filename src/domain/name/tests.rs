use proptest::prelude::*;
use rstest::rstest;

use super::*;

/// [`PATTERN`] as a regular expression engine would walk it: a nondeterministic automaton.
fn by_automaton(name: &str) -> bool {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        Start,
        /// After the first character, or between two groups.
        Groups,
        /// After the `_` of a group.
        Underscore,
        /// After at least one character of a group.
        Group,
        End,
    }
    let mut states = vec![State::Start];
    for character in name.chars() {
        let alphanumeric = character.is_ascii_lowercase() || character.is_ascii_digit();
        let inner = alphanumeric || character == '.' || character == '-';
        let mut next = Vec::new();
        for state in states {
            match state {
                State::Start if alphanumeric => next.push(State::Groups),
                State::Groups | State::Group => {
                    if alphanumeric {
                        next.push(State::End);
                    }
                    if inner {
                        next.push(State::Group);
                    }
                    if character == '_' {
                        next.push(State::Underscore);
                    }
                }
                State::Underscore if inner => next.push(State::Group),
                _ => {}
            }
        }
        next.dedup();
        states = next;
    }
    states.contains(&State::End) && (2..=63).contains(&name.chars().count())
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
    assert!(by_automaton(name));
    assert_eq!(RemoteName::parse(name).map(|name| name.to_string()), Ok(name.to_owned()));
    assert_eq!(name.parse::<RemoteName>().unwrap().as_str(), name);
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
    assert!(!by_automaton(name));
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]
    #[test]
    fn agrees_with_the_pattern(name in "[az09._-]{0,8}|[a-z0-9_A]{61,65}|\\PC{0,4}") {
        prop_assert_eq!(RemoteName::parse(&name).is_ok(), by_automaton(&name));
    }
}
