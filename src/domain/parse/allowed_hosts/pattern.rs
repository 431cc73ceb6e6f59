//! One entry of `--allowed-hosts`.
//!
//! ```text
//! pattern = host [":" port]       the port is 443 where none is written
//! host    = name | IPv4 address | IPv6 address, in brackets where a port follows
//! name    = label *("." label)
//! label   = letters, digits, "-", "_" | "*"
//! ```
//!
//! `*` stands for one whole label; as the first label it stands for one label or several, so that `*.x` is every name that
//! ends in `.x`. A name without `*` is that host alone. A `*` never stands for a part of an address.

use std::{
    fmt::{self, Display},
    net::{Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use url::Host;

use crate::domain::tools::invalid::{Invalid, Quoted};

/// The port of https, and of a pattern without one.
pub(super) const HTTPS: u16 = 443;
/// How many labels with a name stand behind a `*` that is not the first label: less would be names that anybody can buy.
const NAMED_BEHIND_STAR: usize = 2;
/// The longest name of the DNS in its textual form (RFC 1035 §2.3.4).
const MAX_NAME: usize = 253;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    host: Hosts,
    port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Hosts {
    /// This name or address alone.
    Exactly(Host),
    /// Names. `None` is a label that may be anything.
    Like {
        /// Whether one more label, or several, stand in front.
        below: bool,
        labels: Vec<Option<String>>,
    },
}

impl Pattern {
    /// Whether it admits the host, on whatever port.
    pub(super) fn has_host(&self, host: &Host<&str>) -> bool {
        match (&self.host, host) {
            (Hosts::Exactly(allowed), host) => *allowed == *host,
            (Hosts::Like { below, labels }, Host::Domain(name)) => are_like(name, *below, labels),
            (Hosts::Like { .. }, _) => false,
        }
    }

    /// Whether it admits the host on that port.
    pub(super) fn admits(&self, host: &Host<&str>, port: u16) -> bool {
        self.port == port && self.has_host(host)
    }
}

fn are_like(name: &str, below: bool, pattern: &[Option<String>]) -> bool {
    let mut labels = name.rsplit('.');
    let end_fits = pattern.iter().rev().all(|wanted| match (labels.next(), wanted) {
        (None | Some(""), _) => false,
        (Some(_), None) => true,
        (Some(label), Some(wanted)) => label == wanted,
    });
    let mut front = labels.peekable();
    end_fits && front.peek().is_some() == below && front.all(|label| !label.is_empty())
}

impl FromStr for Pattern {
    type Err = Invalid;

    fn from_str(pattern: &str) -> Result<Self, Invalid> {
        let refused =
            |why| Invalid::new(format!("{} is not a pattern for allowed hosts; {why}.", Quoted(pattern)));
        if pattern.contains("://") || pattern.contains('/') {
            return Err(refused(FORM));
        }
        let (host, port) = split_port(pattern).ok_or_else(|| refused(PORT))?;
        Ok(Self { host: parse_host(host).map_err(refused)?, port })
    }
}

const FORM: &str = "write a host without scheme and path, such as \"api.example.com\", or \"*.example.com\" for every \
                    host below it, or \"*.example.com:8443\" for another port than 443";
const PORT: &str =
    "behind the colon stands a port from 1 to 65535, and an IPv6 address with a port stands in brackets";
const STAR: &str =
    "a \"*\" stands for a whole label, and behind one inside of a name stand at least two labels without";
const FIRST_STAR: &str = "a \"*\" in front stands for any number of labels already; leave out the second";
const ADDRESS: &str = "an address is written in full, as in \"192.0.2.1\" or \"2001:db8::1\"";

fn split_port(pattern: &str) -> Option<(&str, u16)> {
    if pattern.parse::<Ipv6Addr>().is_ok() {
        return Some((pattern, HTTPS));
    }
    let (host, port) = match pattern.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => return Some((pattern, HTTPS)),
    };
    // An address with a colon left over is one that lacks its brackets.
    let bracketed = host.starts_with('[') && host.ends_with(']');
    if host.contains(':') && !bracketed {
        return None;
    }
    let digits = !port.starts_with('0') && port.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| port.parse().ok())?.map(|port| (host, port))
}

fn parse_host(text: &str) -> Result<Hosts, &'static str> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    if let Ok(address) = bare.parse::<Ipv6Addr>() {
        return Ok(Hosts::Exactly(Host::Ipv6(address)));
    }
    if !text.contains('*') {
        return match Host::parse(text).map_err(|_| FORM)? {
            Host::Domain(name) if is_name(&name) => Ok(Hosts::Exactly(Host::Domain(name))),
            // A URL may write an address as one number; who does so here means something else.
            Host::Ipv4(address) if text.parse() == Ok::<Ipv4Addr, _>(address) => {
                Ok(Hosts::Exactly(Host::Ipv4(address)))
            }
            Host::Ipv4(_) => Err(ADDRESS),
            _ => Err(FORM),
        };
    }
    let (below, rest) = match text.strip_prefix("*.") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    // The stars pass as labels through what brings a name into the form in which URLs show it (lower case, IDNA).
    let as_labels: Vec<_> = rest.split('.').map(|label| if label == "*" { "x" } else { label }).collect();
    let Ok(Host::Domain(name)) = Host::parse(&as_labels.join(".")) else {
        return Err(if rest.contains('*') { STAR } else { FORM });
    };
    if !is_name(&name) {
        return Err(if rest.contains('*') { STAR } else { FORM });
    }
    let labels: Vec<_> = name
        .split('.')
        .zip(rest.split('.'))
        .map(|(label, written)| (written != "*").then(|| label.to_owned()))
        .collect();
    if below && labels.first().is_some_and(Option::is_none) {
        return Err(FIRST_STAR);
    }
    let named_at_the_end = labels.iter().rev().take_while(|label| label.is_some()).count();
    if labels.len() > named_at_the_end && named_at_the_end < NAMED_BEHIND_STAR {
        return Err(STAR);
    }
    Ok(Hosts::Like { below, labels })
}

fn is_name(name: &str) -> bool {
    name.len() <= MAX_NAME
        && name.split('.').all(|label| {
            !label.is_empty()
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        })
}

impl Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Hosts::Exactly(host) => host.fmt(f)?,
            Hosts::Like { below, labels } => {
                let front = below.then_some("*");
                let labels: Vec<_> = front
                    .into_iter()
                    .chain(labels.iter().map(|label| label.as_deref().unwrap_or("*")))
                    .collect();
                f.write_str(&labels.join("."))?;
            }
        }
        if self.port == HTTPS { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}
