//! Where the operator may connect to: a user of a namespace must not aim it at other systems.

use std::fmt::{self, Display};
use std::net::Ipv6Addr;
use std::str::FromStr;

use url::{Host, Url};

use crate::api::sizes;
use crate::domain::invalid::{Invalid, Quoted};

/// The domains of SAP's public clouds: all regions of SAP BTP, and those in China (SAP Help, "Regions and API
/// Endpoints Available for the Cloud Foundry Environment"). AI Core's API and its authorization servers are below them.
pub const DEFAULT_ALLOWED_HOSTS: &str = "*.hana.ondemand.com,*.platform.sapcloud.cn";

/// The hosts of `--allowed-hosts`, and whether plain http to this machine is accepted for tests and demos.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedHosts {
    patterns: Vec<Pattern>,
    insecure_http_on_loopback: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    /// `*.x`: every name that ends in `.x`. Holds `.x`. Never matches an address.
    Below(String),
    /// Exactly this name or address.
    Exactly(Host),
}

/// Why a URL is not used: a phrase that follows the name of the field. Of the URL it shows the host alone, as
/// people paste secrets into the wrong field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not an absolute URL with a host, or with blanks or control characters in it.
    #[error("is not a URL that starts with https://")]
    NotAUrl,
    /// Above 2048 characters: it stands in the status and in labels of metrics.
    #[error("is longer than {} characters", sizes::URL)]
    TooLong,
    /// Another scheme than https.
    #[error("does not start with https://")]
    NotHttps,
    /// `http` to a host that is not this machine, although `--allow-insecure-http` is set.
    #[error(
        "starts with http://, which --allow-insecure-http accepts for 127.0.0.1, [::1] and localhost only"
    )]
    NotLoopback,
    /// `user:password@` in front of the host.
    #[error("has a user name or password in front of the host; leave them out")]
    Userinfo,
    /// `?` or `#`.
    #[error("has a query or fragment; leave out what follows \"?\" or \"#\"")]
    QueryOrFragment,
    /// No pattern matches.
    #[error(
        "points to host {}, which the operator may not connect to; if it is right, its administrator can add the \
         host to --allowed-hosts",
        Quoted(.0)
    )]
    Host(String),
}

impl AllowedHosts {
    /// Reads a comma-separated list of patterns: `*.x` matches every name that ends in `.x`, a name or address
    /// without `*` exactly that host. Ports are not looked at. `insecure_http_on_loopback` also accepts
    /// `http://` to 127.0.0.0/8, `[::1]` and `localhost`, listed or not.
    ///
    /// # Errors
    /// A sentence that names the pattern that is none.
    pub fn parse(list: &str, insecure_http_on_loopback: bool) -> Result<Self, Invalid> {
        let patterns = list.split(',').map(str::trim).filter(|pattern| !pattern.is_empty());
        let patterns = patterns.map(str::parse).collect::<Result<Vec<_>, _>>()?;
        if patterns.is_empty() {
            return Err(Invalid::new(format!(
                "The list of allowed hosts is empty; the default is {}.",
                Quoted(DEFAULT_ALLOWED_HOSTS)
            )));
        }
        Ok(Self { patterns, insecure_http_on_loopback })
    }

    /// Reads a URL and checks that the operator may connect to it. The answer, not the text, is what has to be
    /// used for the connection: its host was judged after all decoding.
    ///
    /// # Errors
    /// The first reason against it.
    pub fn url(&self, text: &str) -> Result<Url, Refusal> {
        // The URL standard drops tabs and line breaks anywhere; a URL that holds one was not copied well.
        if text.contains(|character: char| character.is_whitespace() || character.is_control()) {
            return Err(Refusal::NotAUrl);
        }
        if text.len() > sizes::URL {
            return Err(Refusal::TooLong);
        }
        let url = Url::parse(text).map_err(|_| Refusal::NotAUrl)?;
        // What is no ASCII has become longer.
        if url.as_str().len() > sizes::URL {
            return Err(Refusal::TooLong);
        }
        let host = url.host().ok_or(Refusal::NotAUrl)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::Userinfo);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(Refusal::QueryOrFragment);
        }
        match url.scheme() {
            "https" if self.patterns.iter().any(|pattern| pattern.matches(&host)) => Ok(url),
            "https" => Err(Refusal::Host(host.to_string())),
            "http" if !self.insecure_http_on_loopback => Err(Refusal::NotHttps),
            "http" if is_loopback(&host) => Ok(url),
            "http" => Err(Refusal::NotLoopback),
            _ => Err(Refusal::NotHttps),
        }
    }
}

impl Pattern {
    fn matches(&self, host: &Host<&str>) -> bool {
        match (self, host) {
            (Self::Below(suffix), Host::Domain(name)) => name
                .strip_suffix(suffix.as_str())
                .is_some_and(|rest| !rest.is_empty() && !rest.ends_with('.')),
            (Self::Below(_), _) => false,
            (Self::Exactly(allowed), host) => *allowed == *host,
        }
    }
}

impl FromStr for Pattern {
    type Err = Invalid;

    fn from_str(pattern: &str) -> Result<Self, Invalid> {
        let parsed = match pattern.strip_prefix("*.") {
            Some(rest) => match parse_host(rest) {
                Some(Host::Domain(name)) => Some(Self::Below(format!(".{name}"))),
                _ => None,
            },
            None => parse_host(pattern).map(Self::Exactly),
        };
        parsed.ok_or_else(|| {
            Invalid::new(format!(
                "{} is not a pattern for allowed hosts; write a host without scheme, port and path, such as \
                 \"api.example.com\", or \"*.example.com\" for every host below it.",
                Quoted(pattern)
            ))
        })
    }
}

/// A name in the form in which URLs show it (lower case, IDNA), or an address.
fn parse_host(text: &str) -> Option<Host> {
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        return Some(Host::Ipv6(address));
    }
    match Host::parse(text).ok()? {
        Host::Domain(name) => is_name(&name).then_some(Host::Domain(name)),
        address => Some(address),
    }
}

fn is_name(name: &str) -> bool {
    name.split('.').all(|label| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    })
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

impl Display for AllowedHosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let patterns: Vec<_> = self.patterns.iter().map(Pattern::to_string).collect();
        f.write_str(&patterns.join(","))
    }
}

impl Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Below(suffix) => write!(f, "*{suffix}"),
            Self::Exactly(host) => host.fmt(f),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
