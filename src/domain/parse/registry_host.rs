//! Which registry a key of `auths` means, and how it is written to AI Core.
//!
//! The kubelet decides in the end: it compares the key with the names of images
//! (kubernetes/kubernetes, `pkg/credentialprovider/keyring.go`, `Add` and `URLsMatch`), and images have the names that
//! distribution/reference admits. A key that neither of them can make match is of no use to anybody.

use std::borrow::Cow;

use crate::domain::{
    parse::{
        placeholder::{Kind, placeholder},
        token,
    },
    tools::invalid::Quoted,
};
pub(crate) use fault::Fault;

mod fault;

/// The key that AI Core documents for Docker Hub.
pub(crate) const DOCKER_HUB: &str = "https://index.docker.io";

/// The longest name of a registry, in bytes; the same as of `spec.secretRef.server` and the items of `spec.registries`.
pub(crate) const MAX_LENGTH: usize = 255;

/// Hosts that people write for Docker Hub. The kubelet itself only knows the first two.
const DOCKER_HUB_HOSTS: [&str; 5] =
    ["docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com", "hub.docker.com"];

const DOCKER_HUB_NORMALISED: &str = "index.docker.io";
/// What images of Docker Hub have in their name. Only a key without a path may name the other host instead.
const DOCKER_HUB_OF_IMAGES: &str = "docker.io";

/// Below a registry's address, the entries in which the docker program keeps tokens of the account.
const TOKEN_CACHES: [&str; 2] = ["/access-token", "/refresh-token"];

/// A key of `auths`, an item of `spec.registries` or `spec.secretRef.server`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RegistryHost {
    written: String,
    normalised: String,
}

impl RegistryHost {
    /// Takes any text; [`RegistryHost::fault`] says whether it can name a registry.
    pub(crate) fn new(written: &str) -> Self {
        Self { written: written.to_owned(), normalised: normalise(written) }
    }

    /// As it is written.
    pub(crate) fn written(&self) -> &str {
        &self.written
    }

    /// The same text for every spelling of a registry: host and path in lower case, as images have them, without
    /// scheme, `/v1` or `/v2` in front of the path, and trailing slashes. Ports and paths count, as for the kubelet.
    pub(crate) fn normalised(&self) -> &str {
        &self.normalised
    }

    /// The key that AI Core gets: [`DOCKER_HUB`] for each of its spellings, otherwise what was written, if the kubelet
    /// takes that for the registry that is meant, and if not, the normalised text.
    pub(crate) fn sent(&self) -> &str {
        if self.normalised == DOCKER_HUB_NORMALISED {
            return DOCKER_HUB;
        }
        let read = as_the_kubelet_reads(&self.written);
        if read.strip_suffix('/').unwrap_or(&read) == self.normalised {
            &self.written
        } else {
            &self.normalised
        }
    }

    /// Why no image can have this registry in its name; none when one can.
    pub(crate) fn fault(&self) -> Option<Fault> {
        fault::of(&self.written)
    }

    /// Whether this is no registry, but the place where `docker login` by the browser keeps a token of the account
    /// (docker/cli, `cli/internal/oauth/manager`).
    pub(crate) fn is_token_cache(&self) -> bool {
        let (host, path) = split_path(without_scheme(&self.written));
        let path = path.to_ascii_lowercase();
        let (_, path) = split_version(path.trim_end_matches('/'));
        let host = host.to_ascii_lowercase();
        let docker = host.ends_with(".docker.io") || host.ends_with(".docker.com") || host == "docker.io";
        docker && TOKEN_CACHES.contains(&path)
    }

    /// The name for messages, in quotes and without what can be a password: what stands in front of an `@`, and what
    /// follows a `?` or `#`. An ellipsis, when it can be a login or token that stands in the place of a name.
    pub(crate) fn shown(&self) -> String {
        Quoted(self.public().unwrap_or("…")).to_string()
    }

    /// Whether [`RegistryHost::shown`] shows nothing of it.
    pub(crate) fn is_hidden(&self) -> bool {
        self.public().is_none()
    }

    fn public(&self) -> Option<&str> {
        if self.written.is_empty()
            || placeholder(&self.written) == Some(Kind::Template)
            || self.fault().is_none()
        {
            return Some(&self.written);
        }
        let before_query = |text: &'_ str| text.find(['?', '#']).unwrap_or(text.len());
        let shown = match self.written.rsplit_once('@') {
            None => self.written.get(..before_query(&self.written)),
            Some(_) if fault::image_with_digest(&self.written) => Some(self.written.as_str()),
            Some((front, _)) if before_query(front) < front.len() => None,
            Some((_, rest)) => rest.get(..before_query(rest)),
        };
        shown.filter(|shown| {
            fault::image_with_digest(&self.written) || fault::is_digest(shown) || looks_public(shown)
        })
    }
}

/// Whether each item of a list of names has the form of a host, with a path or not, or is a word, or a placeholder.
fn looks_public(text: &str) -> bool {
    let mut items = text.split([',', ';', '|', ' ', '\n']).filter(|item| !item.is_empty()).peekable();
    items.peek().is_some()
        && items.all(|item| {
            placeholder(item) == Some(Kind::Template)
                || (looks_like_a_host(item) && !token::has_random_part(item))
        })
}

/// A host has a dot, a port or no more than a word; nothing but a number stands behind its colon.
fn looks_like_a_host(item: &str) -> bool {
    const LONGEST_SCHEME: usize = 8;
    let item = item.trim_matches(['"', '\'', '`', '<', '>', '{', '}', '[', ']']);
    let is_scheme = |scheme: &str| {
        scheme.len() <= LONGEST_SCHEME && scheme.bytes().all(|byte| byte.is_ascii_alphabetic())
    };
    let rest = item.split_once("://").filter(|(scheme, _)| is_scheme(scheme)).map_or(item, |(_, rest)| rest);
    let (authority, path) = split_path(rest);
    let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
    let is_of_a_name = |character: char| character.is_alphanumeric() || "._-/*${}%\\".contains(character);
    let is_word = !host.bytes().any(|byte| byte.is_ascii_digit());
    port.bytes().all(|byte| byte.is_ascii_digit())
        && host.chars().all(is_of_a_name)
        && path.chars().all(|character| is_of_a_name(character) || character == ':')
        && (host.contains('.') || host.eq_ignore_ascii_case("localhost") || !port.is_empty() || is_word)
}

fn normalise(written: &str) -> String {
    let (authority, path) = split_path(without_scheme(written.trim()));
    let authority = without_trailing_dot(authority).to_ascii_lowercase();
    let path = path.trim_end_matches('/').to_ascii_lowercase();
    let (_, path) = split_version(&path);
    let docker_hub = DOCKER_HUB_HOSTS.contains(&authority.as_str());
    match authority.as_str() {
        _ if docker_hub && path.is_empty() => DOCKER_HUB_NORMALISED.to_owned(),
        DOCKER_HUB_NORMALISED => format!("{DOCKER_HUB_OF_IMAGES}{path}"),
        authority => format!("{authority}{path}"),
    }
}

/// What `Add` puts into its index.
fn as_the_kubelet_reads(written: &str) -> Cow<'_, str> {
    let text =
        ["https://", "http://"].iter().find_map(|scheme| written.strip_prefix(scheme)).unwrap_or(written);
    let (host, path) = split_path(text);
    let path = ["/v1/", "/v2/"]
        .iter()
        .find(|version| path.starts_with(*version))
        .and_then(|version| path.get(version.len() - 1..))
        .unwrap_or(path);
    match path {
        "" | "/" => Cow::Borrowed(host),
        path => Cow::Owned(format!("{host}{path}")),
    }
}

fn without_scheme(text: &str) -> &str {
    text.split_once("://")
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http"))
        .map_or(text, |(_, rest)| rest)
}

/// The dot that ends a full domain name; no image has it.
fn without_trailing_dot(authority: &str) -> Cow<'_, str> {
    let (host, port) =
        authority.find(':').and_then(|colon| authority.split_at_checked(colon)).unwrap_or((authority, ""));
    match host.strip_suffix('.') {
        Some(host) => Cow::Owned(format!("{host}{port}")),
        None => Cow::Borrowed(authority),
    }
}

/// Host and path; the path starts with `/` or is empty.
fn split_path(text: &str) -> (&str, &str) {
    text.find('/').and_then(|slash| text.split_at_checked(slash)).unwrap_or((text, ""))
}

/// The `/v1` or `/v2` in front of a path, and the rest.
fn split_version(path: &str) -> (Option<&str>, &str) {
    path.split_at_checked("/v1".len())
        .filter(|(version, rest)| {
            ["/v1", "/v2"].contains(version) && (rest.is_empty() || rest.starts_with('/'))
        })
        .map_or((None, path), |(version, rest)| (Some(version), rest))
}

#[cfg(test)]
mod tests;
