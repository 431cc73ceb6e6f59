//! How a registry wants its callers to prove who they are: the headers `WWW-Authenticate` of an answer (RFC 9110 §11.6.1).

use http_auth::parser::ChallengeParser;

/// Most challenges that are looked at; those that follow are not.
const MAX_CHALLENGES: usize = 16;
/// Longest name of the service, in bytes.
const MAX_SERVICE: usize = 256;

/// What is answered to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// User name and password with each request (RFC 7617).
    Basic,
    /// A token (distribution, `docs/content/spec/auth/token.md`). The scope that it names is not taken: it is that of the
    /// registry's own question, and some name a placeholder.
    Bearer { realm: Option<String>, service: Option<String> },
}

/// Why there is nothing to answer to: a clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unanswerable {
    #[error("it does not say how a caller proves who they are")]
    Missing,
    #[error("how it wants a caller to prove who they are cannot be read")]
    Malformed,
    #[error("it wants another proof than user name and password or a token")]
    OtherScheme,
    #[error("the name of its token service is longer than {MAX_SERVICE} bytes")]
    LongService,
}

/// The challenge to answer to, of the values of all headers: a token rather than the password, as docker chooses.
pub(super) fn choose<'a>(headers: impl IntoIterator<Item = &'a str>) -> Result<Challenge, Unanswerable> {
    let mut found = None;
    let mut why = Unanswerable::Missing;
    let mut left = MAX_CHALLENGES;
    for header in headers {
        for challenge in ChallengeParser::new(header) {
            let Some(rest) = left.checked_sub(1) else { return found.ok_or(why) };
            left = rest;
            let Ok(challenge) = challenge else {
                why = Unanswerable::Malformed;
                break;
            };
            let parameter = |name: &str| {
                let mut of_name = challenge.params.iter().filter(|(is, _)| is.eq_ignore_ascii_case(name));
                of_name.next().map(|(_, value)| value.to_unescaped())
            };
            if challenge.scheme.eq_ignore_ascii_case("bearer") {
                let service = parameter("service");
                if service.as_ref().is_some_and(|service| service.len() > MAX_SERVICE) {
                    return Err(Unanswerable::LongService);
                }
                return Ok(Challenge::Bearer { realm: parameter("realm"), service });
            } else if challenge.scheme.eq_ignore_ascii_case("basic") {
                found = Some(Challenge::Basic);
            } else {
                why = Unanswerable::OtherScheme;
            }
        }
    }
    found.ok_or(why)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn bearer(realm: &str, service: &str) -> Challenge {
        Challenge::Bearer { realm: Some(realm.to_owned()), service: Some(service.to_owned()) }
    }

    #[rstest]
    #[case::basic(&[r#"Basic realm="Registry""#], Ok(Challenge::Basic))]
    #[case::ecr(&[r#"Basic realm="https://1.dkr.ecr.eu-central-1.amazonaws.com/",service="ecr.amazonaws.com""#], Ok(Challenge::Basic))]
    #[case::bearer(&[r#"Bearer realm="https://a.test/t",service="s",scope="repository:user/image:pull""#], Ok(bearer("https://a.test/t", "s")))]
    #[case::any_case(&[r#"BEARER Realm="https://a.test/t", SERVICE=s"#], Ok(bearer("https://a.test/t", "s")))]
    #[case::escapes(&[r#"Bearer realm="https://a.test/\"t",service="s\\""#], Ok(bearer("https://a.test/\"t", "s\\")))]
    #[case::token_first(&["Basic realm=x", r#"Bearer realm="https://a.test/t",service="s""#], Ok(bearer("https://a.test/t", "s")))]
    #[case::in_one_line(&[r#"Basic realm="x", Bearer realm="https://a.test/t", service="s""#], Ok(bearer("https://a.test/t", "s")))]
    #[case::no_service(&[r#"Bearer realm="https://a.test/t""#], Ok(Challenge::Bearer { realm: Some("https://a.test/t".to_owned()), service: None }))]
    #[case::no_realm(&["Bearer"], Ok(Challenge::Bearer { realm: None, service: None }))]
    #[case::none(&[], Err(Unanswerable::Missing))]
    #[case::empty(&[""], Err(Unanswerable::Malformed))]
    #[case::other(&["Negotiate", "Digest realm=x, nonce=y"], Err(Unanswerable::OtherScheme))]
    #[case::broken(&["Bearer realm=\"https://a.test"], Err(Unanswerable::Malformed))]
    #[case::good_after_broken(&["=", "Basic realm=x"], Ok(Challenge::Basic))]
    fn the_challenge_to_answer_to(#[case] headers: &[&str], #[case] chosen: Result<Challenge, Unanswerable>) {
        assert_eq!(choose(headers.iter().copied()), chosen);
    }

    #[test]
    fn of_many_challenges_the_first_are_looked_at() {
        let many = |before: usize| {
            let mut headers = vec!["Negotiate"; before];
            headers.push("Basic realm=x");
            choose(headers)
        };
        assert_eq!(many(15), Ok(Challenge::Basic));
        assert_eq!(many(16), Err(Unanswerable::OtherScheme));
        let one_line = format!("{}Basic realm=x", "Negotiate, ".repeat(10_000));
        assert_eq!(choose([&*one_line]), Err(Unanswerable::OtherScheme));
    }

    #[test]
    fn a_service_has_a_length() {
        let header = format!("Bearer realm=x, service={}", "s".repeat(MAX_SERVICE + 1));
        assert_eq!(choose([&*header]), Err(Unanswerable::LongService));
    }
}
