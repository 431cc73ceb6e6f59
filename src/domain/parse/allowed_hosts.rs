//! Where the operator may connect to: a user of a namespace must not aim it at other systems.

use std::fmt::{self, Display};

use url::{Host, Url};

use crate::domain::tools::invalid::{Invalid, Quoted};
use pattern::Pattern;

mod pattern;

/// What a service key names in SAP's public clouds, and nothing that a customer can own there.
///
/// - AI Core's API: `api.ai.<landscape>.<region>.<provider>.ml.hana.ondemand.com` (the servers that AI Core's API document
///   lists).
/// - SAP's authorization servers: `<subdomain>.authentication.<region>.hana.ondemand.com`, for client certificates
///   `<subdomain>.authentication.cert.<region>…`; `platform.sapcloud.cn` instead in China (SAP Help, "Regions and API
///   Endpoints Available for the Cloud Foundry Environment").
///
/// Applications of customers are at `<app>.cfapps.<region>…`, `<app><account>.<region>…` (Neo) and, in China, below
/// `<region>.apps.…`: no `*` above stands where a customer could put the labels around it.
pub(crate) const DEFAULT_ALLOWED_HOSTS: &str = "api.ai.*.*.*.ml.hana.ondemand.com,\
                                         *.authentication.*.hana.ondemand.com,\
                                         *.authentication.cert.*.hana.ondemand.com,\
                                         *.authentication.*.platform.sapcloud.cn,\
                                         *.authentication.cert.*.platform.sapcloud.cn";

/// The longest URL that is used, in bytes: it becomes a field of the status and a label of metrics.
const MAX_URL: usize = 1024;

/// The hosts of `--allowed-hosts`, and whether plain http to this machine is accepted for tests and demos.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedHosts {
    patterns: Vec<Pattern>,
    insecure_http_on_loopback: bool,
}

/// Why a URL is not used: a phrase that follows the name of the field. Of the URL it shows host and port alone, as
/// people paste secrets into the wrong field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not an absolute URL.
    #[error("is not a URL that starts with https://")]
    NotAUrl,
    /// Blanks, line breaks or control characters.
    #[error("has a blank, a line break or a control character inside; copy the URL again")]
    Blank,
    /// `https://` with nothing behind it that is a host.
    #[error("has no valid host and port behind https://")]
    NoHost,
    /// More than [`MAX_URL`] bytes.
    #[error("is longer than {MAX_URL} bytes, which no URL of a service key is")]
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
    /// A path below `/v2/inference`: what answers there is a customer's own server.
    #[error(
        "is the URL of a deployment or has an encoded path; write the URL of AI Core's API, which has no path but /v2"
    )]
    Deployment,
    /// The same where the authorization server belongs.
    #[error(
        "is the URL of a deployment or has an encoded path; write the URL of the authorization server, which has no path but \
         /oauth/token"
    )]
    NotTheAuthorizationServer,
    /// A host of AI Core's API where the authorization server belongs.
    #[error(
        "is a URL of AI Core's API; the one of the authorization server belongs here, as in the service key \
         (https://<subdomain>.authentication.<region>.hana.ondemand.com)"
    )]
    IsTheApi,
    /// A host of an authorization server where AI Core's API belongs.
    #[error(
        "is the URL of an authorization server; the one of AI Core's API belongs here, as in the service key \
         (https://api.ai.<landscape>.<region>.<provider>.ml.hana.ondemand.com)"
    )]
    IsAnAuthorizationServer,
    /// A path at which a host of AI Core's API has nothing to answer with.
    #[error("has a path that is not AI Core's API; write it with /v2 behind the host, or with nothing")]
    ApiPath,
    /// A path at which SAP's authorization servers issue no tokens.
    #[error(
        "has a path where no tokens are issued; write it with /oauth/token behind the host, or with nothing"
    )]
    TokenPath,
    /// No pattern matches. With the port where it is not 443.
    #[error(
        "points to host {}, which the operator may not connect to; if it is right, its administrator can add the \
         host to --allowed-hosts",
        Quoted(.0)
    )]
    Host(String),
    /// A pattern matches the host, and none this port of it.
    #[error(
        "points to port {port} of host {}, where the operator may not connect to; leave the port out, or have the \
         operator's administrator add {} to --allowed-hosts",
        Quoted(.host),
        Quoted(&format!("{host}:{port}"))
    )]
    Port {
        /// The host as URLs show it.
        host: String,
        /// The port in the URL.
        port: u16,
    },
}

impl AllowedHosts {
    /// Reads a comma-separated list of patterns: `*.x` matches every name that ends in `.x`, another label may be `*` for
    /// any one label, a name or address without `*` is exactly that host; each on port 443, or on the port behind `:`.
    /// `insecure_http_on_loopback` also accepts `http://` to 127.0.0.0/8, `[::1]` and `localhost` on any port, listed or not.
    ///
    /// # Errors
    /// A sentence that names the pattern that is none.
    pub fn parse(list: &str, insecure_http_on_loopback: bool) -> Result<Self, Invalid> {
        let patterns = list.split(',').map(str::trim).filter(|pattern| !pattern.is_empty());
        let patterns = patterns.map(str::parse).collect::<Result<Vec<_>, _>>()?;
        if patterns.is_empty() {
            return Err(Invalid::new(format!(
                "The list of allowed hosts is empty; the default is \"{DEFAULT_ALLOWED_HOSTS}\"."
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
        if text.len() > MAX_URL {
            return Err(Refusal::TooLong);
        }
        // The URL standard drops tabs and line breaks anywhere; a URL that holds one was not copied well.
        if text.contains(|character: char| character.is_whitespace() || character.is_control()) {
            return Err(Refusal::Blank);
        }
        let url = Url::parse(text).map_err(|_| unreadable(text))?;
        let host = url.host().ok_or(Refusal::NotAUrl)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::Userinfo);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(Refusal::QueryOrFragment);
        }
        if url.as_str().len() > MAX_URL {
            // What is not ASCII has grown.
            return Err(Refusal::TooLong);
        }
        match url.scheme() {
            "https" => self.https(&host, url.port()).map(|()| url),
            "http" if !self.insecure_http_on_loopback => Err(Refusal::NotHttps),
            "http" if is_loopback(&host) => Ok(url),
            "http" => Err(Refusal::NotLoopback),
            _ => Err(Refusal::NotHttps),
        }
    }

    /// `port` is none where it is that of https.
    fn https(&self, host: &Host<&str>, port: Option<u16>) -> Result<(), Refusal> {
        if let Host::Domain(name) = host
            && !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        {
            // The URL standard lets some characters through that no host has, and no client can ask for.
            return Err(Refusal::NoHost);
        }
        if self.patterns.iter().any(|pattern| pattern.admits(host, port.unwrap_or(pattern::HTTPS))) {
            return Ok(());
        }
        Err(match port {
            None => Refusal::Host(host.to_string()),
            Some(port) if self.patterns.iter().any(|pattern| pattern.has_host(host)) => {
                Refusal::Port { host: host.to_string(), port }
            }
            Some(port) => Refusal::Host(format!("{host}:{port}")),
        })
    }
}

/// What answers at a host of SAP's public clouds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// AI Core's API.
    Api,
    /// An authorization server.
    AuthorizationServer,
}

impl Role {
    /// By the shapes of [`DEFAULT_ALLOWED_HOSTS`]. `None` for any other host, which a list of one's own may admit for either.
    pub(crate) fn of(url: &Url) -> Option<Self> {
        let host = url.host()?;
        let is_like = |pattern: &&str| pattern.parse().is_ok_and(|pattern: Pattern| pattern.has_host(&host));
        let pattern = DEFAULT_ALLOWED_HOSTS.split(',').find(is_like)?;
        Some(if pattern.starts_with("api.") { Self::Api } else { Self::AuthorizationServer })
    }
}

fn unreadable(text: &str) -> Refusal {
    match text.get(.."https://".len()) {
        Some(scheme) if scheme.eq_ignore_ascii_case("https://") => Refusal::NoHost,
        _ => Refusal::NotAUrl,
    }
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

#[cfg(test)]
pub(crate) mod tests;
