//! The image of `--registry=repository:tag`, by the grammar of distribution/reference (`reference.go`, `regexp.go`).

use std::str::FromStr;

use super::server::{DOCKER_HUB_SERVER, Place, Unaskable};

/// Longest name with the registry, in bytes (`RepositoryNameTotalLengthMax`).
const MAX_NAME: usize = 255;
/// Longest tag, in bytes.
const MAX_TAG: usize = 128;
/// The tag that is meant when none is written.
const DEFAULT_TAG: &str = "latest";
/// Where Docker Hub keeps images with a name of one part.
const OFFICIAL: &str = "library";

/// An image whose manifest is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Image {
    /// None when the name does not say it.
    pub(super) registry: Option<Place>,
    pub(super) repository: String,
    /// A tag or a digest.
    pub(super) reference: String,
}

/// Why a text names no image: a clause.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadImage {
    #[error(
        "nothing follows the '='; write --registry alone to ask without an image, and see whether a variable is not set"
    )]
    Empty,
    #[error(
        "it is a registry alone; write --registry alone to ask without an image, or a repository behind the registry, as in \
         ghcr.io/acme/app:1.2"
    )]
    RegistryAlone,
    #[error("the name has more than {MAX_NAME} bytes")]
    TooLong,
    #[error("the registry in front of the name {0}")]
    Registry(Unaskable),
    #[error(
        "a repository has lower-case letters and digits, with '.', '_', '__' or '-' between them, in parts with '/' between them"
    )]
    Repository,
    #[error(
        "a tag has at most {MAX_TAG} letters, digits, '_', '.' and '-', and starts with none of the last two"
    )]
    Tag,
    #[error("a digest is sha256: and 64 hexadecimal digits, or sha512: and 128")]
    Digest,
}

impl Image {
    /// The path of its manifest. What it is made of needs no escapes.
    pub(super) fn manifest_path(&self) -> String {
        format!("/v2/{}/manifests/{}", self.repository, self.reference)
    }

    /// What a token has to allow.
    pub(super) fn scope(&self) -> String {
        format!("repository:{}:pull", self.repository)
    }

    /// `repository:tag`, or `repository@digest`.
    pub(super) fn name(&self) -> String {
        let separator = if self.reference.contains(':') { '@' } else { ':' };
        format!("{}{separator}{}", self.repository, self.reference)
    }

    /// Whether the kubelet would take the entry for it, if the image is the entry's registry's: it compares the beginnings as
    /// text (kubernetes, `pkg/credentialprovider/keyring.go`, `URLsMatch`).
    pub(super) fn is_of(&self, place: &Place) -> bool {
        self.registry.as_ref().is_none_or(|own| own.server == place.server)
            && self.repository.starts_with(&place.prefix)
    }
}

impl FromStr for Image {
    type Err = BadImage;

    fn from_str(text: &str) -> Result<Self, BadImage> {
        if text.is_empty() {
            return Err(BadImage::Empty);
        }
        let (text, digest) = match text.split_once('@') {
            Some((text, digest)) => (text, Some(digest)),
            None => (text, None),
        };
        let name_ends = text.rfind('/').unwrap_or(0);
        let (name, tag) = match text.rfind(':').filter(|colon| *colon > name_ends) {
            Some(colon) => (text.get(..colon).unwrap_or_default(), text.get(colon + 1..)),
            None => (text, None),
        };
        if name.len() > MAX_NAME {
            return Err(BadImage::TooLong);
        }
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(BadImage::Tag);
        }
        if digest.is_some_and(|digest| !is_digest(digest)) {
            return Err(BadImage::Digest);
        }
        // A repository of one part may have dots in its name; who means one writes its registry in front.
        let alone = name.strip_suffix('/').unwrap_or(name);
        if !alone.contains('/') && (alone.contains('.') || alone == "localhost") {
            return Err(BadImage::RegistryAlone);
        }
        let (registry, repository) = match name.split_once('/').filter(|(first, _)| is_host(first)) {
            Some((host, repository)) => (Some(Place::of(host).map_err(BadImage::Registry)?), repository),
            None => (None, name),
        };
        if !repository.split('/').all(is_component) {
            return Err(BadImage::Repository);
        }
        let official = !repository.contains('/')
            && registry.as_ref().is_some_and(|place| place.server.as_str() == DOCKER_HUB_SERVER);
        Ok(Self {
            registry,
            repository: if official { format!("{OFFICIAL}/{repository}") } else { repository.to_owned() },
            reference: digest.or(tag).unwrap_or(DEFAULT_TAG).to_owned(),
        })
    }
}

/// How the first part of a name is told from a repository (`splitDockerDomain`).
fn is_host(first: &str) -> bool {
    first.contains(['.', ':']) || first == "localhost" || first.bytes().any(|byte| byte.is_ascii_uppercase())
}

fn is_component(component: &str) -> bool {
    let is_alphanumeric = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit();
    component.starts_with(is_alphanumeric)
        && component.ends_with(is_alphanumeric)
        && component.split(is_alphanumeric).all(|separator| {
            matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-')
        })
}

fn is_tag(tag: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=MAX_TAG).contains(&tag.len())
        && tag.bytes().all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'))
        && tag.bytes().next().is_some_and(is_word)
}

fn is_digest(digest: &str) -> bool {
    let hex = |hex: &str, length| {
        hex.len() == length && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    match digest.split_once(':') {
        Some(("sha256", digits)) => hex(digits, 64),
        Some(("sha512", digits)) => hex(digits, 128),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[rstest]
    #[case("acme/app:1.2", None, "/v2/acme/app/manifests/1.2", "acme/app:1.2")]
    #[case("app", None, "/v2/app/manifests/latest", "app:latest")]
    #[case("ghcr.io/acme/app", Some("ghcr.io"), "/v2/acme/app/manifests/latest", "acme/app:latest")]
    #[case(
        "registry.test:5000/a__b/c-d.e:V_1",
        Some("registry.test:5000"),
        "/v2/a__b/c-d.e/manifests/V_1",
        "a__b/c-d.e:V_1"
    )]
    #[case(
        "docker.io/alpine:3",
        Some("registry-1.docker.io"),
        "/v2/library/alpine/manifests/3",
        "library/alpine:3"
    )]
    #[case(
        "docker.io/acme/app",
        Some("registry-1.docker.io"),
        "/v2/acme/app/manifests/latest",
        "acme/app:latest"
    )]
    fn names_are_read_as_docker_reads_them(
        #[case] text: &str,
        #[case] server: Option<&str>,
        #[case] path: &str,
        #[case] name: &str,
    ) {
        let image: Image = text.parse().unwrap();
        assert_eq!(image.registry.as_ref().map(|place| place.server.as_str()), server);
        assert_eq!((&*image.manifest_path(), &*image.name()), (path, name));
    }

    #[test]
    fn a_digest_counts_more_than_a_tag() {
        for text in [format!("acme/app@{DIGEST}"), format!("acme/app:1@{DIGEST}")] {
            let image: Image = text.parse().unwrap();
            assert_eq!(image.manifest_path(), format!("/v2/acme/app/manifests/{DIGEST}"));
            assert_eq!(image.name(), format!("acme/app@{DIGEST}"));
        }
    }

    #[rstest]
    #[case("", BadImage::Empty)]
    #[case("registry.test", BadImage::RegistryAlone)]
    #[case("registry.test/", BadImage::RegistryAlone)]
    #[case("registry.test:5000", BadImage::RegistryAlone)]
    #[case("registry.test:5000/", BadImage::RegistryAlone)]
    #[case("localhost:5000", BadImage::RegistryAlone)]
    #[case("a//b", BadImage::Repository)]
    #[case("../../token", BadImage::Registry(Unaskable::NoName))]
    #[case("a/../b", BadImage::Repository)]
    #[case("a/b%2fc", BadImage::Repository)]
    #[case("a/b?x=1", BadImage::Repository)]
    #[case("a/b\r\nX", BadImage::Repository)]
    #[case("a/b:\r\nX", BadImage::Tag)]
    #[case("a/\u{430}", BadImage::Repository)]
    #[case("a___b", BadImage::Repository)]
    #[case("a-", BadImage::Repository)]
    #[case("a/b:", BadImage::Tag)]
    #[case("a/b:.x", BadImage::Tag)]
    #[case("a/b:x y", BadImage::Tag)]
    #[case("a/b@sha256:12", BadImage::Digest)]
    #[case("a/b@md5:e3b0c44298fc1c149afbf4c8996fb924", BadImage::Digest)]
    #[case("localhost/a", BadImage::Registry(Unaskable::ThisMachine))]
    #[case("10.0.0.1/a", BadImage::Registry(Unaskable::Address))]
    #[case("http://ghcr.io/a/b", BadImage::Registry(Unaskable::NoName))]
    fn what_names_no_image_is_refused(#[case] text: &str, #[case] why: BadImage) {
        assert_eq!(text.parse::<Image>(), Err(why));
    }

    #[test]
    fn names_and_tags_have_a_length() {
        assert!(format!("a/{}", "b".repeat(253)).parse::<Image>().is_ok());
        assert_eq!(format!("a/{}", "b".repeat(254)).parse::<Image>(), Err(BadImage::TooLong));
        assert!(format!("a/b:{}", "1".repeat(128)).parse::<Image>().is_ok());
        assert_eq!(format!("a/b:{}", "1".repeat(129)).parse::<Image>(), Err(BadImage::Tag));
    }

    #[rstest]
    #[case("ghcr.io/acme/app", "ghcr.io", true)]
    #[case("ghcr.io/acme/app", "ghcr.io/acme", true)]
    #[case("ghcr.io/acme/app", "ghcr.io/other", false)]
    #[case("ghcr.io/acme/app", "quay.io", false)]
    #[case("acme/app", "quay.io", true)]
    #[case("docker.io/acme/app", "https://index.docker.io", true)]
    fn an_image_belongs_to_the_entries_that_its_name_begins_with(
        #[case] image: &str,
        #[case] entry: &str,
        #[case] belongs: bool,
    ) {
        assert_eq!(image.parse::<Image>().unwrap().is_of(&Place::of(entry).unwrap()), belongs);
    }
}
