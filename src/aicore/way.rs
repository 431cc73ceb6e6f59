//! How requests go out to AI Core and its authorization servers: directly or by a proxy, and how long they may take.

use std::{fmt, sync::Arc, time::Duration};

use url::Url;

use crate::k8s::kubeconfig::{Proxy, Rules, UnusableProxy};

/// The proxy for requests by https, if there is one, and who is reached without it. Hosts are excepted by the same rules as
/// the API server is.
#[derive(Clone, Default)]
pub struct Proxies(Option<Arc<(Proxy, Rules)>>);

impl Proxies {
    /// `HTTPS_PROXY`, else `ALL_PROXY`, also in small letters, and `NO_PROXY`.
    ///
    /// # Errors
    /// When the proxy cannot be used.
    pub fn from_environment(
        variable: impl Fn(&'static str) -> Option<String>,
    ) -> Result<Self, UnusableProxy> {
        let rules = Rules::from_environment(&variable).with_all_proxy(&variable);
        let proxy = rules.https_proxy()?;
        Ok(Self(proxy.map(|proxy| Arc::new((proxy, rules)))))
    }

    /// The proxy to this address.
    pub(crate) fn proxy_for(&self, url: &Url) -> Option<&Proxy> {
        let (proxy, rules) = self.0.as_deref()?;
        let port = url.port_or_known_default().unwrap_or(443);
        let excepted = url.scheme() != "https" || rules.excepts(url.host_str()?, &port.to_string());
        (!excepted).then_some(proxy)
    }

    /// The same for the HTTP client.
    pub(crate) fn for_client(&self) -> reqwest::Proxy {
        let proxies = self.clone();
        reqwest::Proxy::custom(move |url| {
            let uri = proxies.proxy_for(url)?.uri().to_string();
            // The proxy looks up the name.
            Some(uri.strip_prefix("socks5://").map(|rest| format!("socks5h://{rest}")).unwrap_or(uri))
        })
    }
}

/// Without user and password.
impl fmt::Display for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_deref() {
            Some((proxy, _)) => proxy.fmt(f),
            None => f.write_str("none"),
        }
    }
}

/// As they are shown: without user and password.
impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a failure tells of the way that the request took.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) proxies: Proxies,
    /// Limit on a whole request.
    pub(super) request_timeout: Duration,
}

#[cfg(test)]
pub(in crate::aicore) mod tests;
