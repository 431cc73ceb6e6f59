//! Which proxy leads to the API server: `proxy-url` of the cluster, else the environment by the rules of Go's
//! `golang.org/x/net/http/httpproxy`, which kubectl follows. `ALL_PROXY` is none of these rules.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use http::Uri;
use url::{Host, Url};

use super::error::{ProxyFault, UnusableProxy};

/// Where a proxy is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Kubeconfig,
    /// By the variable of this name.
    Environment(&'static str),
}

/// A proxy between the program and a server.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    uri: Uri,
    /// Without user and password.
    shown: String,
    source: Source,
}

impl Proxy {
    pub(super) fn parse(text: &str, source: Source) -> Result<Self, ProxyFault> {
        let parsed = Url::parse(text).ok().filter(Url::has_host);
        // As Go: what is no URL may be one without its scheme. A kubeconfig must have it.
        let url = match (parsed, source) {
            (None, Source::Environment(_)) if !text.contains("://") => {
                Url::parse(&format!("http://{text}")).ok().filter(Url::has_host)
            }
            (parsed, _) => parsed,
        };
        let mut url = url.ok_or(ProxyFault::NotAUrl)?;
        let scheme = match url.scheme() {
            "http" | "https" => url.scheme().to_owned(),
            "socks5" | "socks5h" => "socks5".to_owned(), // the proxy looks up the name in either case
            other => return Err(ProxyFault::Scheme(other.to_owned())),
        };
        if scheme == "socks5" && !(url.username().is_empty() && url.password().is_none()) {
            return Err(ProxyFault::Login);
        }
        let port = url.port_or_known_default().unwrap_or(1080);
        let host = url.host_str().unwrap_or_default().to_owned();
        let shown = format!("{scheme}://{host}:{port}");
        url.set_path("/");
        let user = match (url.username(), url.password()) {
            ("", None) => String::new(),
            (user, password) => format!("{user}:{}@", password.unwrap_or_default()),
        };
        let uri = format!("{scheme}://{user}{host}:{port}/").parse().map_err(|_| ProxyFault::NotAUrl)?;
        Ok(Self { uri, shown, source })
    }

    /// Its address, with user and password if it has them: not to be shown.
    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source {
            Source::Kubeconfig => write!(f, "{} (proxy-url in the kubeconfig)", self.shown),
            Source::Environment(name) => write!(f, "{} ({name})", self.shown),
        }
    }
}

/// As it is shown: without user and password.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What the environment says.
pub(crate) struct Rules {
    http: Option<(&'static str, String)>,
    https: Option<(&'static str, String)>,
    exceptions: Vec<Exception>,
}

enum Exception {
    All,
    Network {
        address: u128,
        bits: u32,
    },
    Address {
        address: IpAddr,
        port: Option<String>,
    },
    /// The name with a dot in front; `whole` says that the name without it counts too.
    Domain {
        suffix: String,
        whole: bool,
        port: Option<String>,
    },
}

impl Rules {
    pub(crate) fn from_environment(variable: impl Fn(&'static str) -> Option<String>) -> Self {
        let first = |names| first(names, &variable);
        let exceptions =
            first(["NO_PROXY", "no_proxy"]).map(|(_, list)| exceptions(&list)).unwrap_or_default();
        // In a CGI program HTTP_PROXY is a header of the request.
        let cgi = variable("REQUEST_METHOD").is_some_and(|method| !method.is_empty());
        Self {
            http: first(["HTTP_PROXY", "http_proxy"]).filter(|_| !cgi),
            https: first(["HTTPS_PROXY", "https_proxy"]),
            exceptions,
        }
    }

    /// With `ALL_PROXY` where there is no other.
    pub(crate) fn with_all_proxy(mut self, variable: impl Fn(&'static str) -> Option<String>) -> Self {
        self.https = self.https.or_else(|| first(["ALL_PROXY", "all_proxy"], variable));
        self
    }

    /// The proxy to servers by https that are not excepted.
    pub(crate) fn https_proxy(&self) -> Result<Option<Proxy>, UnusableProxy> {
        self.https.as_ref().map(|(name, text)| by_variable(name, text)).transpose()
    }

    /// The proxy to this server, if there is one.
    pub(super) fn proxy_for(&self, server: &Uri) -> Result<Option<Proxy>, UnusableProxy> {
        let https = server.scheme_str() == Some("https");
        let Some((name, text)) = (if https { &self.https } else { &self.http }) else { return Ok(None) };
        let host = server.host().unwrap_or_default();
        let port = server.port_u16().unwrap_or(if https { 443 } else { 80 });
        if self.excepts(host, &port.to_string()) {
            return Ok(None);
        }
        by_variable(name, text).map(Some)
    }

    /// Whether this host is reached without a proxy.
    pub(crate) fn excepts(&self, host: &str, port: &str) -> bool {
        let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let address: Option<IpAddr> = host.parse().ok();
        if host == "localhost" || address.is_some_and(|address| address.to_canonical().is_loopback()) {
            return true;
        }
        let is_port = |wanted: &Option<String>| wanted.as_deref().is_none_or(|wanted| wanted == port);
        self.exceptions.iter().any(|exception| match exception {
            Exception::All => true,
            Exception::Network { address: network, bits } => address.is_some_and(|address| {
                let shift = 128_u32.saturating_sub(*bits);
                let start = |number: u128| number.checked_shr(shift).unwrap_or_default();
                start(number(address)) == start(*network)
            }),
            Exception::Address { address: wanted, port } => {
                address.is_some_and(|address| address.to_canonical() == *wanted) && is_port(port)
            }
            Exception::Domain { suffix, whole, port } => {
                (host.ends_with(suffix) || (*whole && suffix.strip_prefix('.') == Some(&host)))
                    && is_port(port)
            }
        })
    }
}

/// The first of the variables that is set to something.
fn first(
    names: [&'static str; 2],
    variable: impl Fn(&'static str) -> Option<String>,
) -> Option<(&'static str, String)> {
    names.into_iter().find_map(|name| Some((name, variable(name).filter(|value| !value.is_empty())?)))
}

fn by_variable(variable: &'static str, text: &str) -> Result<Proxy, UnusableProxy> {
    Proxy::parse(text, Source::Environment(variable)).map_err(|fault| UnusableProxy { variable, fault })
}

fn exceptions(list: &str) -> Vec<Exception> {
    let mut exceptions = Vec::new();
    for item in list.split(',').map(|item| item.trim().to_ascii_lowercase()).filter(|item| !item.is_empty()) {
        if item == "*" {
            return vec![Exception::All];
        }
        if let Some(network) = network(&item) {
            exceptions.push(network);
            continue;
        }
        let (host, port) = split_port(&item);
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = bare.parse::<IpAddr>() {
            exceptions.push(Exception::Address { address: address.to_canonical(), port });
        } else if !host.is_empty() {
            let host = host.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(host);
            let whole = !host.starts_with('.');
            let plain = host.trim_start_matches('.');
            let suffix = match Host::parse(plain) {
                Ok(Host::Domain(name)) => format!(".{name}"),
                _ => format!(".{plain}"),
            };
            exceptions.push(Exception::Domain { suffix, whole, port });
        }
    }
    exceptions
}

/// `10.0.0.0/8`, `fd00::/8`.
fn network(item: &str) -> Option<Exception> {
    let (address, bits) = item.split_once('/')?;
    let (address, bits): (IpAddr, u32) = (address.parse().ok()?, bits.parse().ok()?);
    let (width, offset) = if address.is_ipv4() { (32, 96) } else { (128, 0) };
    (bits <= width).then(|| Exception::Network { address: number(address), bits: bits + offset })
}

/// IPv4 as the part of IPv6 that is set aside for it.
fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => Ipv6Addr::to_bits(address),
    }
}

/// `host:port`, `[::1]:443`; an IPv6 address without brackets has no port.
fn split_port(item: &str) -> (&str, Option<String>) {
    match item.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host, Some(port.to_owned()).filter(|port| !port.is_empty()))
        }
        _ => (item, None),
    }
}

#[cfg(test)]
mod tests;
