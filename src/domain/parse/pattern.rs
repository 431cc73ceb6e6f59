//! Patterns of names, in which `*` stands for any characters.

/// What stands for the namespace of a resource in a pattern of remote names.
const NAMESPACE: &str = "{namespace}";

/// Whether a namespace is one of these names and patterns.
#[must_use]
pub(crate) fn allows_namespace(patterns: &[String], namespace: &str) -> bool {
    patterns.iter().any(|pattern| matches(pattern, namespace))
}

/// Whether a namespace may claim a remote name by these patterns.
#[must_use]
pub(crate) fn allows_remote_name(patterns: &[String], namespace: &str, remote_name: &str) -> bool {
    // No namespace has a star or a brace in its name, so nothing of it is taken for a part of the pattern.
    patterns.iter().any(|pattern| matches(&pattern.replace(NAMESPACE, namespace), remote_name))
}

/// What of these patterns of remote names is for this namespace alone: those that name it, filled in.
#[must_use]
pub(crate) fn of_namespace(patterns: &[String], namespace: &str) -> Vec<String> {
    let own = patterns.iter().filter(|pattern| pattern.contains(NAMESPACE));
    own.map(|pattern| pattern.replace(NAMESPACE, namespace)).collect()
}

/// Whether the whole name is what the pattern says. The time grows with the product of both lengths, at worst.
fn matches(pattern: &str, name: &str) -> bool {
    let (mut pattern, mut name) = (pattern.as_bytes(), name.as_bytes());
    // What to go on with when the star before was taken for too few characters.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        match (pattern, name) {
            ([b'*', rest @ ..], _) => {
                pattern = rest;
                retry = Some((rest, name));
            }
            ([expected, rest @ ..], [first, others @ ..]) if expected == first => {
                (pattern, name) = (rest, others);
            }
            ([], []) => return true,
            _ => match retry {
                Some((after, [_, others @ ..])) => {
                    (pattern, name) = (after, others);
                    retry = Some((after, others));
                }
                _ => return false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("team-a", "team-a", true)]
    #[case("team-a", "team-ab", false)]
    #[case("team-a", "xteam-a", false)]
    #[case("team-*", "team-a", true)]
    #[case("team-*", "team-", true)]
    #[case("team-*", "team", false)]
    #[case("team-*", "my-team-a", false)]
    #[case("*", "anything", true)]
    #[case("*", "", true)]
    #[case("**", "a", true)]
    #[case("*-prod", "team-a-prod", true)]
    #[case("*-prod", "team-a-prod-2", false)]
    #[case("a*b*c", "a-b-b-c", true)]
    #[case("a*b*c", "a-c-b", false)]
    #[case("a*a", "a", false)]
    #[case("", "", true)]
    #[case("", "a", false)]
    fn a_star_stands_for_any_characters(#[case] pattern: &str, #[case] name: &str, #[case] expected: bool) {
        assert_eq!(matches(pattern, name), expected);
        assert_eq!(allows_namespace(&[pattern.to_owned()], name), expected);
        let others = ["nobody".to_owned(), pattern.to_owned()];
        assert_eq!(allows_namespace(&others, name), expected);
    }

    #[rstest]
    #[case("{namespace}", "team-a", "team-a", true)]
    #[case("{namespace}", "team-a", "team-b", false)]
    #[case("{namespace}.*", "team", "team.ghcr", true)]
    #[case("{namespace}.*", "team", "team-a.ghcr", false)]
    #[case("{namespace}.*", "team-a", "team.ghcr", false)]
    #[case("shared-*", "team", "shared-pull", true)]
    #[case("*-{namespace}", "team", "ghcr-team", true)]
    #[case("{namespace}-{namespace}", "a", "a-a", true)]
    #[case("{namespace}", "team", "{namespace}", false)]
    // Whoever writes this lets `team` have what looks like `team-a`'s.
    #[case("{namespace}-*", "team", "team-a-ghcr", true)]
    fn the_namespace_stands_for_itself(
        #[case] pattern: &str,
        #[case] namespace: &str,
        #[case] name: &str,
        #[case] expected: bool,
    ) {
        assert_eq!(allows_remote_name(&[pattern.to_owned()], namespace, name), expected);
    }

    #[test]
    fn nothing_is_allowed_by_no_pattern() {
        assert!(!allows_namespace(&[], "a") && !allows_remote_name(&[], "a", "a"));
    }

    /// With a matcher that goes back for each star, this would take longer than the universe has.
    #[test]
    fn many_stars_take_no_long_time() {
        let pattern = format!("{}b", "*a".repeat(60));
        assert!(!matches(&pattern, &"a".repeat(253)));
    }

    proptest! {
        /// As a regular expression sees it, which is made for this alone.
        #[test]
        fn a_pattern_matches_what_the_regular_expression_does(pattern in "[ab*.]{0,8}", name in "[ab.]{0,10}") {
            let expression: Vec<String> = pattern.split('*').map(regex::escape).collect();
            let expression = Regex::new(&format!("^{}$", expression.join(".*"))).unwrap();
            prop_assert_eq!(matches(&pattern, &name), expression.is_match(&name));
        }

        /// The pattern that the documents advise.
        #[test]
        fn a_dot_keeps_namespaces_apart(one in "[a-c]([-a-c]{0,4}[a-c])?", other in "[a-c]([-a-c]{0,4}[a-c])?", rest in "[-a-c.]{0,6}") {
            let patterns = ["{namespace}.*".to_owned()];
            let name = format!("{one}.{rest}");
            prop_assert!(allows_remote_name(&patterns, &one, &name));
            prop_assert_eq!(allows_remote_name(&patterns, &other, &name), one == other);
        }
    }
}
