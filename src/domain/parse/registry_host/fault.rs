//! Why a text is no key that the kubelet matches with an image.

use std::net::Ipv6Addr;

use super::{MAX_LENGTH, split_path, split_version, without_scheme, without_trailing_dot};
use crate::domain::{
    parse::{
        placeholder::{Kind, placeholder},
        token,
    },
    tools::invalid::Quoted,
};

mod web_page;

/// What templating tools put around the name of a value that they should have filled in. No registry's name has any.
const PLACEHOLDER_MARKS: [char; 8] = ['<', '>', '{', '}', '$', '(', ')', '%'];
const LIST_MARKS: [char; 3] = [',', ';', '|'];
const QUOTES: [char; 7] = ['"', '\'', '`', '‘', '’', '“', '”'];

/// What is wrong with the name of a registry: a clause that follows a colon.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("it names no host")]
    NoHost,
    #[error("it has more than {MAX_LENGTH} bytes")]
    TooLong,
    #[error("it is a placeholder that no tool has filled in")]
    Placeholder,
    #[error("it {0}")]
    NoName(Kind),
    #[error("it looks like an access token, which belongs into the password")]
    Token,
    #[error("it is the name of an object at Amazon (ARN)")]
    Arn,
    #[error("it is the address of web pages, and {0}")]
    WebPage(&'static str),
    #[error("there are blanks or control characters in it")]
    Blank,
    #[error("it stands in quotes")]
    Quotes,
    #[error("it names more than one")]
    List,
    #[error("it starts with {}, and only https:// and http:// are understood", Quoted(.0))]
    Scheme(String),
    #[error("there is a user name or password in front of the host")]
    UserInfo,
    #[error("it is the name of an image with a tag or digest")]
    Image,
    #[error("it has a query or fragment")]
    Query,
    #[error("its port is not a number from 1 to 65535")]
    Port,
    #[error("it is not an IPv6 address in brackets with a port, as in \"[2001:db8::1]:5000\"")]
    Ipv6,
    #[error("it has {} in it, which no image's name has", Quoted(.0.encode_utf8(&mut [0; 4])))]
    Character(char),
    #[error("a part of its host between two dots is empty, or starts or ends with a hyphen")]
    Label,
    #[error("it has neither a dot nor a port, so that it is taken for a part of Docker Hub")]
    NoDomain,
    #[error("there is a \"*\" in its path; a path stands for all that starts with it, and needs none")]
    PathPattern,
    #[error("its path is not the beginning of an image's name")]
    Path,
}

/// The first fault of `written`.
pub(super) fn of(written: &str) -> Option<Fault> {
    of_characters(written).or_else(|| {
        let (authority, path) = split_path(without_scheme(written));
        of_template(authority)
            .or_else(|| web_page::of(authority, path).map(Fault::WebPage))
            .or_else(|| of_authority(authority))
            .or_else(|| of_path(path))
    })
}

fn of_characters(written: &str) -> Option<Fault> {
    let has = |characters: &[char]| written.contains(characters);
    let scheme = written.find("://").and_then(|end| written.get(..end + "://".len()));
    Some(match () {
        () if written.trim().is_empty() => Fault::NoHost,
        () if written.len() > MAX_LENGTH => Fault::TooLong,
        () if has(&PLACEHOLDER_MARKS) || written.starts_with("@@") || written.starts_with("__") => {
            Fault::Placeholder
        }
        () if token::is_token_and_no_host(written) => Fault::Token,
        () if let Some(kind) = placeholder(written) => match kind {
            Kind::Template => Fault::Placeholder,
            other => Fault::NoName(other),
        },
        () if written.starts_with("arn:aws") => Fault::Arn,
        () if has(&LIST_MARKS) => Fault::List,
        () if written.contains(|character: char| character.is_whitespace() || character.is_control()) => {
            Fault::Blank
        }
        () if has(&QUOTES) => Fault::Quotes,
        () if image_with_digest(written) => Fault::Image,
        () if written.contains('@') => Fault::UserInfo,
        () if let Some(scheme) = scheme
            && !["https://", "http://"].iter().any(|known| known.eq_ignore_ascii_case(scheme)) =>
        {
            Fault::Scheme(scheme.to_owned())
        }
        () if has(&['?', '#']) => Fault::Query,
        () if written.contains('\\') => Fault::Character('\\'),
        () => return None,
    })
}

/// A part of a host in capitals with underscores, as documentation has it: `ACCOUNT_ID.dkr.ecr.REGION.amazonaws.com`.
fn of_template(authority: &str) -> Option<Fault> {
    let is_name = |label: &str| {
        let is_of_a_name = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        (label.contains('_') || ["REGION", "ACCOUNT", "REGISTRY"].contains(&label))
            && label.starts_with(|first: char| first.is_ascii_uppercase())
            && label.bytes().all(is_of_a_name)
    };
    let is_template = authority.contains('.')
        && authority.bytes().any(|byte| byte.is_ascii_lowercase())
        && authority.split('.').any(is_name);
    is_template.then_some(Fault::Placeholder)
}

/// Whether `written` is an image's name with a digest, so that what stands in front of the `@` is no password.
pub(super) fn image_with_digest(written: &str) -> bool {
    let Some((image, digest)) = written.rsplit_once('@') else { return false };
    is_digest(digest) && !image.contains('@') && matches!(of(image), None | Some(Fault::Image))
}

pub(super) fn is_digest(text: &str) -> bool {
    ["sha256:", "sha512:"]
        .iter()
        .find_map(|start| text.strip_prefix(start))
        .is_some_and(|hex| hex.len() >= 32 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn of_authority(authority: &str) -> Option<Fault> {
    let authority = without_trailing_dot(authority);
    if authority.parse::<Ipv6Addr>().is_ok() {
        return Some(Fault::Ipv6);
    }
    if let Some(bracketed) = authority.strip_prefix('[') {
        let address_and_port = bracketed.split_once("]:").filter(|(address, port)| {
            // The kubelet takes brackets without a port for a pattern, and images have no zones or dots here.
            !address.contains('.') && address.parse::<Ipv6Addr>().is_ok() && is_port(port)
        });
        return address_and_port.is_none().then_some(Fault::Ipv6);
    }
    let (host, port) =
        authority.split_once(':').map_or((&*authority, None), |(host, port)| (host, Some(port)));
    // Images with an underscore in the host have no port: there it is read as a part of the path.
    let is_known = |character: char| match character {
        '-' | '.' | '*' => true,
        '_' => port.is_none(),
        other => other.is_ascii_alphanumeric(),
    };
    Some(match () {
        () if host.is_empty() => Fault::NoHost,
        // A second scheme, or one with a slash too few.
        () if port == Some("") && ["https", "http"].contains(&host) => Fault::Scheme(format!("{host}:")),
        () if let Some(character) = host.chars().find(|character| !is_known(*character)) => {
            Fault::Character(character)
        }
        () if port.is_some_and(|port| !is_port(port)) => Fault::Port,
        () if !host.split('.').all(is_label) => Fault::Label,
        () if port.is_none() && !host.contains('.') && !host.eq_ignore_ascii_case("localhost") => {
            Fault::NoDomain
        }
        () => return None,
    })
}

fn is_port(port: &str) -> bool {
    port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
}

fn is_label(label: &str) -> bool {
    !label.is_empty() && !label.starts_with(['-', '_']) && !label.ends_with(['-', '_'])
}

/// A path is compared as text with the beginning of the image's, so its last part may be cut off anywhere.
fn of_path(path: &str) -> Option<Fault> {
    let is_open = !path.ends_with('/');
    let path = path.trim_end_matches('/').to_ascii_lowercase();
    let (_, path) = split_version(&path);
    let mut components = path.split('/').skip(1).peekable();
    let mut is_path = true;
    while let Some(component) = components.next() {
        let may_be_cut = is_open && components.peek().is_none();
        is_path &= is_path_component(component)
            && (may_be_cut || component.ends_with(|end: char| end.is_ascii_alphanumeric()));
    }
    match path {
        _ if path.contains('*') => Some(Fault::PathPattern),
        _ if path.contains(':') => Some(Fault::Image),
        // Written without the first, it would be read without the second as well.
        _ if split_version(path).0.is_some() => Some(Fault::Path),
        _ => (!is_path).then_some(Fault::Path),
    }
}

/// Letters and digits with separators between them: one dot, one or two underscores, or hyphens.
fn is_path_component(component: &str) -> bool {
    let is_alphanumeric = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit();
    component.starts_with(is_alphanumeric)
        && component.split(is_alphanumeric).all(|separator| {
            matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-')
        })
}
