//! Where a registry is asked, and which names are not asked at all.

use std::fmt;

use url::{Host, Url};

use crate::domain::parse::registry_host::{DOCKER_HUB, RegistryHost};

/// Where the images of Docker Hub are (moby, `registry/config.go`, `DefaultV2Registry`).
pub(super) const DOCKER_HUB_SERVER: &str = "registry-1.docker.io";
/// The host in the names of its images, and that of the entry that AI Core gets.
const DOCKER_HUB_NAMES: [&str; 2] = ["docker.io", "index.docker.io"];

/// A host, with a port unless that is 443: a name of lower-case letters, digits, '.' and '-', and no address. So it can be
/// printed as part of a command.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Server(String);

/// Why nobody is asked: a phrase that follows the entry's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unaskable {
    #[error("stands for more than one host")]
    Pattern,
    #[error(
        "is an address and no name, for which no certificate can vouch; credentials are sent to names only"
    )]
    Address,
    #[error("is this machine")]
    ThisMachine,
    #[error("is reached by http, and credentials are sent by https only")]
    PlainHttp,
    #[error("is not the name of a host")]
    NoName,
    #[error("has other characters in its name than letters, digits, '.' and '-'")]
    OddName,
}

/// A registry of the credential: whom to ask, and which repositories it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) server: Server,
    /// What the names of its repositories begin with, as text; empty for all of them.
    pub(super) prefix: String,
}

impl Server {
    /// `authority` is a host with a port or without one.
    pub(super) fn parse(authority: &str) -> Result<Self, Unaskable> {
        if authority.contains('*') {
            return Err(Unaskable::Pattern);
        }
        let written = authority.to_ascii_lowercase();
        let url = Url::parse(&format!("https://{written}/")).map_err(|_| Unaskable::NoName)?;
        let server = Self::of(&url)?;
        // What the parser has read in another way than it is written is no host alone.
        let has_labels = url.host_str().is_some_and(|host| host.split('.').all(|label| !label.is_empty()));
        if has_labels && written.strip_suffix(":443").unwrap_or(&written) == server.0 {
            Ok(server)
        } else {
            Err(Unaskable::NoName)
        }
    }

    /// Of an address that was parsed as it will be requested.
    pub(super) fn of(url: &Url) -> Result<Self, Unaskable> {
        let host = match url.host() {
            None => return Err(Unaskable::NoName),
            Some(Host::Ipv4(_) | Host::Ipv6(_)) => return Err(Unaskable::Address),
            Some(Host::Domain(host)) => host,
        };
        let name = host.strip_suffix('.').unwrap_or(host);
        // An address may hold what a shell acts on (RFC 3986 §3.2.2), and the names of hosts are printed for users to copy.
        if !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')) {
            return Err(Unaskable::OddName);
        }
        if name == "localhost" || name.ends_with(".localhost") {
            return Err(Unaskable::ThisMachine);
        }
        Ok(Self(match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The address of a resource; none when the name makes no address, which [`Server::parse`] has excluded.
    pub(super) fn url(&self, path: &str) -> Option<Url> {
        Url::parse(&format!("https://{}{path}", self.0)).ok()
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Place {
    /// `registry` is a key of `auths` as it is sent, or the registry of an image.
    pub(super) fn of(registry: &str) -> Result<Self, Unaskable> {
        if registry.get(.."http://".len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://")) {
            return Err(Unaskable::PlainHttp);
        }
        if registry == DOCKER_HUB {
            return Ok(Self { server: Server(DOCKER_HUB_SERVER.to_owned()), prefix: String::new() });
        }
        let registry = RegistryHost::new(registry);
        let (authority, prefix) =
            registry.normalised().split_once('/').unwrap_or((registry.normalised(), ""));
        let server = if DOCKER_HUB_NAMES.contains(&authority) {
            Server(DOCKER_HUB_SERVER.to_owned())
        } else {
            Server::parse(authority)?
        };
        Ok(Self { server, prefix: prefix.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("ghcr.io", "ghcr.io", "")]
    #[case("GHCR.io/Acme", "ghcr.io", "acme")]
    #[case("https://ghcr.io:443/v2/", "ghcr.io", "")]
    #[case("registry.example.com:5000/team/a", "registry.example.com:5000", "team/a")]
    #[case("https://index.docker.io", "registry-1.docker.io", "")]
    #[case("docker.io/acme", "registry-1.docker.io", "acme")]
    #[case("registry-1.docker.io", "registry-1.docker.io", "")]
    fn an_entry_is_asked_at_its_own_host(#[case] entry: &str, #[case] server: &str, #[case] prefix: &str) {
        let place = Place::of(entry).unwrap();
        assert_eq!((place.server.as_str(), &*place.prefix), (server, prefix));
    }

    #[rstest]
    #[case("*.dkr.ecr.eu-central-1.amazonaws.com", Unaskable::Pattern)]
    #[case("10.0.0.5:5000", Unaskable::Address)]
    #[case("0x7f.1", Unaskable::Address)]
    #[case("127.1", Unaskable::Address)]
    #[case("[::1]:5000", Unaskable::Address)]
    #[case("localhost:5000", Unaskable::ThisMachine)]
    #[case("registry.localhost", Unaskable::ThisMachine)]
    #[case("http://registry.example.com", Unaskable::PlainHttp)]
    #[case("HTTP://registry.example.com", Unaskable::PlainHttp)]
    #[case("registry_1.example.com", Unaskable::OddName)]
    #[case("registry.example.com;{id,}", Unaskable::OddName)]
    #[case("registry.example.com=evil", Unaskable::OddName)]
    fn what_is_no_name_of_another_host_is_not_asked(#[case] entry: &str, #[case] why: Unaskable) {
        assert_eq!(Place::of(entry), Err(why));
    }

    #[rstest]
    #[case("a.example@b.example")]
    #[case("a.example/path")]
    #[case("a.example?b")]
    #[case("a.example#b")]
    #[case("a.example\\b")]
    #[case("ex\u{e4}mple.com")]
    #[case("")]
    #[case(".")]
    #[case("a..example")]
    fn a_host_is_nothing_but_a_host(#[case] authority: &str) {
        assert_eq!(Server::parse(authority), Err(Unaskable::NoName));
    }
}
