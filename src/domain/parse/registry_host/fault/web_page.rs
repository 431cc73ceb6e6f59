//! Addresses of pages and services around registries, which people copy from a browser.

const DOCKER_HUB: &str = "the registry is \"docker.io\"";
const GITHUB: &str = "the registry is \"ghcr.io\"";
const GITLAB: &str = "the registry is \"registry.gitlab.com\"";
const QUAY: &str = "the registry is \"quay.io\"";
const GOOGLE: &str = "the registry is a host as \"europe-docker.pkg.dev\" or \"gcr.io\"";
const AZURE: &str = "the registry is a host as \"acme.azurecr.io\"";
const AMAZON: &str = "the registry is a host as \"123456789012.dkr.ecr.eu-central-1.amazonaws.com\"";
const OWN: &str = "the registry is what its pages say about pulling images";

/// No image is at these hosts, whatever the path.
const HOSTS: [(&str, &str); 13] = [
    ("docker.com", DOCKER_HUB),
    ("www.docker.com", DOCKER_HUB),
    ("app.docker.com", DOCKER_HUB),
    ("cloud.docker.com", DOCKER_HUB),
    ("login.docker.com", DOCKER_HUB),
    ("index.docker.com", DOCKER_HUB),
    ("auth.docker.io", DOCKER_HUB),
    ("github.com", GITHUB),
    ("www.github.com", GITHUB),
    ("gitlab.com", GITLAB),
    ("console.cloud.google.com", GOOGLE),
    ("portal.azure.com", AZURE),
    ("console.aws.amazon.com", AMAZON),
];

/// Paths of pages at a host that is a registry as well, or is taken for one.
const PATHS: [(&str, &[&str], &str); 3] = [
    (
        "hub.docker.com",
        &["u", "r", "_", "repositories", "repository", "orgs", "settings", "layers", "search"],
        DOCKER_HUB,
    ),
    ("registry.hub.docker.com", &["v2", "u", "r", "_"], DOCKER_HUB),
    ("quay.io", &["organization", "repository", "user"], QUAY),
];

/// What to write instead of such an address: a clause.
pub(super) fn of(authority: &str, path: &str) -> Option<&'static str> {
    let authority = authority.to_ascii_lowercase();
    let host = authority.strip_suffix(":443").unwrap_or(&authority);
    let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty()).take(3).collect();
    let of_host = || HOSTS.iter().find(|(known, _)| *known == host).map(|(_, instead)| *instead);
    let of_path = || {
        let (_, pages, instead) = PATHS.iter().find(|(known, ..)| *known == host)?;
        let (first, rest) = parts.split_first()?;
        (pages.contains(first) && !rest.is_empty()).then_some(*instead)
    };
    let of_any_host = || {
        let is_harbor = parts.starts_with(&["harbor", "projects"]);
        (is_harbor || path.trim_end_matches('/').ends_with("/container_registry")).then_some(OWN)
    };
    let of_amazon = || host.ends_with(".console.aws.amazon.com").then_some(AMAZON);
    of_host().or_else(of_path).or_else(of_amazon).or_else(of_any_host)
}
