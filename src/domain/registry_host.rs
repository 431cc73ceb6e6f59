//! Which registry a key of `auths` means, and how it is written to AI Core.

use crate::domain::invalid::Quoted;

/// The key that AI Core documents for Docker Hub.
pub(crate) const DOCKER_HUB: &str = "https://index.docker.io";

/// Hosts that people write for Docker Hub. The kubelet itself only knows the first two.
const DOCKER_HUB_HOSTS: [&str; 5] =
    ["docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com", "hub.docker.com"];

const DOCKER_HUB_PATHS: [&str; 3] = ["", "/v1", "/v2"];
const DOCKER_HUB_NORMALISED: &str = "index.docker.io";

/// A key of `auths`, an item of `spec.registries` or `spec.secretRef.server`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RegistryHost {
    written: String,
    normalised: String,
}

impl RegistryHost {
    /// Takes any text; [`RegistryHost::is_usable`] says whether it can name a registry.
    pub(crate) fn new(written: &str) -> Self {
        Self { written: written.to_owned(), normalised: normalise(written) }
    }

    /// The same text for every spelling of a registry: host in lower case and path, without scheme, `/v1` or `/v2`
    /// in front of the path, and trailing slashes. Ports and paths count, as for the kubelet.
    pub(crate) fn normalised(&self) -> &str {
        &self.normalised
    }

    /// The key that AI Core gets: [`DOCKER_HUB`] for each of its spellings, otherwise what was written.
    pub(crate) fn sent(&self) -> &str {
        if self.normalised == DOCKER_HUB_NORMALISED { DOCKER_HUB } else { &self.written }
    }

    /// Whether this can be a registry: there is a host, nothing blank, and no `@`, in front of which people write
    /// user names and passwords.
    pub(crate) fn is_usable(&self) -> bool {
        let (host, _) = split_path(&self.normalised);
        let is_foreign =
            |character: char| character == '@' || character.is_whitespace() || character.is_control();
        !host.is_empty() && !self.written.contains(is_foreign)
    }

    /// The name for messages, in quotes and without what stands before an `@`, which can be a password.
    pub(crate) fn shown(&self) -> String {
        Quoted(self.written.rsplit_once('@').map_or(self.written.as_str(), |(_, rest)| rest)).to_string()
    }
}

fn normalise(written: &str) -> String {
    let (host, path) = split_path(without_scheme(written.trim()));
    let host = host.to_lowercase();
    let path = path.trim_end_matches('/');
    if DOCKER_HUB_HOSTS.contains(&host.as_str()) && DOCKER_HUB_PATHS.contains(&path.to_lowercase().as_str()) {
        return DOCKER_HUB_NORMALISED.to_owned();
    }
    let path = ["/v1", "/v2"]
        .iter()
        .find_map(|version| {
            path.strip_prefix(version).filter(|rest| rest.is_empty() || rest.starts_with('/'))
        })
        .unwrap_or(path);
    host + path
}

fn without_scheme(text: &str) -> &str {
    text.split_once("://")
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http"))
        .map_or(text, |(_, rest)| rest)
}

/// Host and path; the path starts with `/` or is empty.
fn split_path(text: &str) -> (&str, &str) {
    text.find('/').and_then(|slash| text.split_at_checked(slash)).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests;
