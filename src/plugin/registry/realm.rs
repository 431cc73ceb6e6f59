//! Whom a registry may name as the server that gives tokens.
//!
//! The registry chooses it (`realm`), and whoever may write the Secret chooses the registry. So it is the registry's own host, a
//! known pair of hosts, or what the one who runs the plugin says: never what the answer alone says.

use std::str::FromStr;

use url::{Url, form_urlencoded};

use super::server::{Server, Unaskable};

/// Longest realm, in bytes.
const MAX_REALM: usize = 2048;

/// Registries whose tokens come from another host, by the documentation of those who run them, with the only path that is taken
/// there: <https://docs.docker.com/reference/api/registry/auth/> and
/// <https://docs.gitlab.com/api/container_registry/#obtain-token-from-gitlab>.
const KNOWN: [(&str, &str, &str); 2] = [
    (super::server::DOCKER_HUB_SERVER, "auth.docker.io", "/token"),
    ("registry.gitlab.com", "gitlab.com", "/jwt/auth"),
];

/// What a question for a token may hold besides the service (distribution, `docs/content/spec/auth/token.md`), which is not the
/// registry's to choose.
const OWN_PARAMETERS: [&str; 4] = ["scope", "account", "client_id", "offline_token"];

/// A value of `--registry-token-host`: the tokens of this registry come from that host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TokenHost {
    registry: Server,
    host: Server,
}

/// Why a realm is not asked: a clause.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("it does not say where tokens are given")]
    Missing,
    #[error("where it says that tokens are given is longer than {MAX_REALM} bytes")]
    TooLong,
    #[error("where it says that tokens are given is not an address")]
    NoUrl,
    #[error("it wants the credential sent without https")]
    NotHttps,
    #[error("it wants the credential sent to an address with a user name or password in it")]
    UserInfo,
    #[error("it wants the credential sent to a host that {0}")]
    Host(Unaskable),
    #[error(
        "it wants the credential sent to {host}, another host than the registry's; if those who run the registry say that this is \
         where its tokens are given, as GitLab's own address is for a GitLab of your own, allow it with \
         --registry-token-host={registry}={host}"
    )]
    OtherHost { registry: Server, host: Server },
    #[error("it wants the credential sent to a path of {host} that is not known to give tokens")]
    OtherPath { host: Server },
}

/// Why a value of the flag is none: a clause.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadTokenHost {
    #[error(
        "write the registry and the host that gives its tokens, as in registry.example.com=gitlab.example.com"
    )]
    Form,
    #[error("the registry {0}")]
    Registry(Unaskable),
    #[error("the host {0}")]
    Host(Unaskable),
}

impl FromStr for TokenHost {
    type Err = BadTokenHost;

    fn from_str(text: &str) -> Result<Self, BadTokenHost> {
        let (registry, host) = text.split_once('=').ok_or(BadTokenHost::Form)?;
        Ok(Self {
            registry: Server::parse(registry).map_err(BadTokenHost::Registry)?,
            host: Server::parse(host).map_err(BadTokenHost::Host)?,
        })
    }
}

/// The address of the server that gives tokens for the registry.
///
/// # Errors
/// When the credential must not be sent there.
pub(super) fn admit(realm: &str, registry: &Server, allowed: &[TokenHost]) -> Result<Url, Refused> {
    if realm.len() > MAX_REALM {
        return Err(Refused::TooLong);
    }
    let mut url = Url::parse(realm).map_err(|_| Refused::NoUrl)?;
    if url.scheme() != "https" {
        return Err(Refused::NotHttps);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Refused::UserInfo);
    }
    let host = Server::of(&url).map_err(Refused::Host)?;
    let is_allowed = host == *registry
        || allowed.iter().any(|allowed| allowed.registry == *registry && allowed.host == host);
    if !is_allowed {
        let known = KNOWN.iter().find(|(of, at, _)| *of == registry.as_str() && *at == host.as_str());
        match known {
            None => return Err(Refused::OtherHost { registry: registry.clone(), host }),
            Some((_, _, path)) if *path != url.path() => return Err(Refused::OtherPath { host }),
            Some(_) => {}
        }
    }
    url.set_fragment(None);
    leave_out_own_parameters(&mut url);
    Ok(url)
}

/// Whoever reads the query may take `;` for `&`, and `scope[]` for `scope`.
fn leave_out_own_parameters(url: &mut Url) {
    let Some(query) = url.query() else { return };
    let is_own = |part: &&str| {
        form_urlencoded::parse(part.as_bytes()).any(|(name, _)| {
            let name = name.split('[').next().unwrap_or_default().trim();
            OWN_PARAMETERS.iter().any(|own| own.eq_ignore_ascii_case(name))
        })
    };
    let parts: Vec<&str> = query.split(['&', ';']).collect();
    if parts.iter().any(is_own) {
        let kept = parts.into_iter().filter(|part| !is_own(part)).collect::<Vec<_>>().join("&");
        url.set_query((!kept.is_empty()).then_some(&*kept));
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn admitted(realm: &str, registry: &str, allowed: &[&str]) -> Result<String, String> {
        let allowed: Vec<TokenHost> = allowed.iter().map(|pair| pair.parse().unwrap()).collect();
        admit(realm, &Server::parse(registry).unwrap(), &allowed)
            .map(String::from)
            .map_err(|refused| refused.to_string())
    }

    #[rstest]
    #[case::same_host("https://quay.io/v2/auth", "quay.io", &[])]
    #[case::any_case("https://QUAY.io/v2/auth", "quay.io", &[])]
    #[case::same_port("https://harbor.test:8443/service/token", "harbor.test:8443", &[])]
    #[case::usual_port("https://harbor.test:443/service/token", "harbor.test", &[])]
    #[case::docker_hub("https://auth.docker.io/token", "registry-1.docker.io", &[])]
    #[case::gitlab("https://gitlab.com/jwt/auth", "registry.gitlab.com", &[])]
    #[case::allowed("https://gitlab.test/jwt/auth", "registry.test", &["registry.test=gitlab.test"])]
    #[case::allowed_port("https://gitlab.test:8443/jwt/auth", "registry.test:5050", &["registry.test:5050=gitlab.test:8443"])]
    #[case::query("https://quay.io/v2/auth?a=b", "quay.io", &[])]
    fn tokens_are_asked_for_at_the_registrys_own_host_and_at_known_ones(
        #[case] realm: &str,
        #[case] registry: &str,
        #[case] allowed: &[&str],
    ) {
        let admitted = admitted(realm, registry, allowed);
        assert_eq!(admitted, Ok(realm.replace(":443", "").replace("QUAY", "quay")));
    }

    #[rstest]
    #[case::other_host("https://evil.test/token", "sent to evil.test, another host")]
    #[case::parent("https://test/token", "sent to test, another host")]
    #[case::sibling("https://auth.registry.test/token", "sent to auth.registry.test, another host")]
    #[case::suffix("https://registry.test.evil.test/token", "another host")]
    #[case::other_port("https://registry.test:8443/token", "sent to registry.test:8443, another host")]
    #[case::trailing_dot("https://registry.test./token", "another host")]
    #[case::of_docker_hub("https://auth.docker.io/token", "sent to auth.docker.io, another host")]
    #[case::of_gitlab("https://gitlab.com/jwt/auth", "another host")]
    #[case::look_alike("https://r\u{435}gistry.test/token", "sent to xn--rgistry-7gg.test, another host")]
    #[case::http("http://registry.test/token", "without https")]
    #[case::file("file:///etc/passwd", "without https")]
    #[case::user("https://registry.test@evil.test/token", "user name or password in it")]
    #[case::password("https://:x@registry.test/token", "user name or password in it")]
    #[case::backslash("https://evil.test\\@registry.test/token", "sent to evil.test, another host")]
    #[case::address("https://10.0.0.1/token", "is an address and no name")]
    #[case::metadata("https://169.254.169.254/latest", "is an address and no name")]
    #[case::short_address("https://0/token", "is an address and no name")]
    #[case::number("https://2130706433/token", "is an address and no name")]
    #[case::address_6("https://[::1]/token", "is an address and no name")]
    #[case::localhost("https://localhost/token", "is this machine")]
    #[case::below_localhost("https://a.localhost/token", "is this machine")]
    #[case::relative("/token", "not an address")]
    #[case::nothing("", "not an address")]
    fn nobody_else_gets_the_credential(#[case] realm: &str, #[case] part: &str) {
        let refused = admitted(realm, "registry.test", &["other.test=evil.test"]).unwrap_err();
        assert!(refused.contains(part), "{refused}");
    }

    #[test]
    fn a_pair_is_known_with_its_path_and_in_one_direction() {
        let refused = |realm: &str, registry: &str| admitted(realm, registry, &[]).unwrap_err();
        assert!(
            refused("https://gitlab.com/evil/auth", "registry.gitlab.com").contains("a path of gitlab.com")
        );
        assert!(refused("https://registry.gitlab.com/jwt/auth", "gitlab.com").contains("another host"));
        assert!(
            refused("https://auth.docker.io:8443/token", "registry-1.docker.io").contains("another host")
        );
    }

    #[test]
    fn the_sentence_says_how_to_allow_the_host() {
        let refused = admitted("https://gitlab.test/jwt/auth", "registry.test:5050", &[]).unwrap_err();
        assert!(refused.ends_with("--registry-token-host=registry.test:5050=gitlab.test"), "{refused}");
    }

    /// What an address may hold in the place of a host, and a shell acts on.
    #[rstest]
    fn of_a_host_with_odd_characters_nothing_is_printed(
        #[values(
            ";{touch,pwned};",
            "$(id)",
            "`id`",
            "'&reboot&'",
            "\"",
            "=evil",
            "_",
            "~",
            "!",
            "*",
            "+",
            ",",
            "(",
            "a%3bb"
        )]
        odd: &str,
    ) {
        for host in [format!("x{odd}.test"), format!("{odd}x"), format!("x.test{odd}:8443")] {
            let refused = admitted(&format!("https://{host}/token"), "registry.test", &[]).unwrap_err();
            let plain = |character: char| character.is_ascii_alphanumeric() || " '.-,".contains(character);
            assert!(refused.chars().all(plain) && !refused.contains("--registry-token-host"), "{refused}");
            assert!(format!("registry.test={host}").parse::<TokenHost>().is_err(), "{host}");
        }
    }

    #[rstest]
    #[case("scope=repository:other/app:pull,push&offline_token=true", "")]
    #[case("a=b%20c&account=root&service=s&client_id=x", "?a=b%20c&service=s")]
    #[case("a=b;scope=x", "?a=b")]
    #[case("SCOPE=x&%73cope=x&scope[]=x&+scope=x&scope", "")]
    #[case("a=scope;b", "?a=scope;b")]
    fn what_a_token_is_for_is_not_chosen_by_the_registry(#[case] query: &str, #[case] kept: &str) {
        let admitted = admitted(
            &format!("https://gitlab.test/jwt/auth?{query}"),
            "registry.test",
            &["registry.test=gitlab.test"],
        );
        assert_eq!(admitted, Ok(format!("https://gitlab.test/jwt/auth{kept}")));
    }

    #[test]
    fn a_realm_has_a_length() {
        let long = format!("https://registry.test/{}", "a".repeat(MAX_REALM));
        assert!(admitted(&long, "registry.test", &[]).unwrap_err().contains("longer than 2048 bytes"));
    }

    #[rstest]
    #[case("gitlab.test", BadTokenHost::Form)]
    #[case("registry.test=10.0.0.1", BadTokenHost::Host(Unaskable::Address))]
    #[case("registry.test=localhost", BadTokenHost::Host(Unaskable::ThisMachine))]
    #[case("registry.test=https://gitlab.test", BadTokenHost::Host(Unaskable::NoName))]
    #[case("registry.test=*.test", BadTokenHost::Host(Unaskable::Pattern))]
    #[case("registry.test=u@gitlab.test", BadTokenHost::Host(Unaskable::NoName))]
    #[case("registry.test=gitlab.test=evil", BadTokenHost::Host(Unaskable::OddName))]
    #[case("registry.test=gitlab.test;id", BadTokenHost::Host(Unaskable::OddName))]
    #[case("=gitlab.test", BadTokenHost::Registry(Unaskable::NoName))]
    fn a_host_is_allowed_by_name_for_one_registry(#[case] value: &str, #[case] why: BadTokenHost) {
        assert_eq!(value.parse::<TokenHost>(), Err(why));
    }
}
