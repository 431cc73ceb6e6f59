//! The way to registries: https alone, to names alone, without redirects and cookies, and with a limit on everything.

use std::{error::Error as _, io, net::IpAddr, sync::Arc, time::Duration};

use reqwest::{
    Method,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{ACCEPT, WWW_AUTHENTICATE},
};
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::{
    attempts::Login,
    conversation::{Answer, Ask, Authorization, MAX_TOKEN_ANSWER},
    verdict::Step,
};
use crate::{
    aicore::{
        tls::{Trust, TrustError},
        way::Proxies,
    },
    response_body::read_limited,
    tls_error::Untrusted,
};

/// Most bytes of `WWW-Authenticate` that are looked at.
const MAX_CHALLENGES: usize = 64 * 1024;

/// What a client takes: manifests and indexes, in both forms (OCI image-spec, `media-types.md`; distribution,
/// `docs/content/spec/manifest-v2-2.md`).
const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json";

/// How long a registry may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// To establish a connection.
    pub(super) connect: Duration,
    /// For a request as a whole.
    pub(super) request: Duration,
    /// For everything that is asked.
    pub(super) total: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            request: Duration::from_secs(10),
            total: Duration::from_secs(60),
        }
    }
}

/// Why nothing can be asked at all.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client for registries cannot be set up")]
pub(super) enum SetupError {
    /// By whom to trust.
    Trust(#[from] TrustError),
    /// By its settings.
    Http(#[from] reqwest::Error),
}

pub(super) struct Http {
    client: reqwest::Client,
    proxies: Proxies,
    limits: Limits,
}

impl Http {
    /// Opens no connection by itself.
    pub(super) fn new(
        extra_roots_pem: Option<&[u8]>,
        proxies: Proxies,
        limits: Limits,
    ) -> Result<Self, SetupError> {
        let mut tls = Trust::new(extra_roots_pem)?.anonymous().map_err(TrustError::Tls)?;
        // With HTTP/1.1 what a head may hold is bounded, in bytes and in number.
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let client = reqwest::Client::builder()
            .user_agent(concat!("kubectl-aicore_registry/", env!("CARGO_PKG_VERSION")))
            .https_only(true)
            .http1_only()
            .connect_timeout(limits.connect)
            .timeout(limits.request)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .proxy(proxies.for_client())
            .dns_resolver(Arc::new(OtherMachines))
            .tls_backend_preconfigured(tls)
            .build()?;
        Ok(Self { client, proxies, limits })
    }

    pub(super) fn limits(&self) -> Limits {
        self.limits
    }

    /// # Errors
    /// A clause that says why there is no answer.
    pub(super) async fn ask(&self, ask: Ask, login: &Login) -> Result<Answer, String> {
        let Ask { step, url, authorization } = ask;
        let proxy = self.proxies.proxy_for(&url).map(ToString::to_string);
        let host = url.host_str().unwrap_or_default().to_owned();
        let failed = |error: &reqwest::Error| self.in_words(error, &host, proxy.as_deref());
        let method = if step == Step::Manifest { Method::HEAD } else { Method::GET };
        let mut request = self.client.request(method, url);
        if step == Step::Manifest {
            request = request.header(ACCEPT, MANIFESTS);
        }
        // Both mark the header as one that is not shown.
        request = match authorization {
            Authorization::None => request,
            Authorization::Login => {
                request.basic_auth(login.username.expose_secret(), Some(login.password.expose_secret()))
            }
            Authorization::Token(token) => request.bearer_auth(token.expose_secret()),
        };
        let mut response = request.send().await.map_err(|error| failed(&error))?;
        let mut room = MAX_CHALLENGES;
        let challenges = response.headers().get_all(WWW_AUTHENTICATE).iter();
        let challenges = challenges
            .filter_map(|value| value.to_str().ok())
            .take_while(|value| {
                let fits = value.len() <= room;
                room = room.saturating_sub(value.len());
                fits
            })
            .map(str::to_owned)
            .collect();
        let status = response.status().as_u16();
        let mut body = Zeroizing::new(Vec::new());
        if step == Step::Token && status == 200 {
            // A buffer that grows leaves copies behind.
            body.reserve_exact(MAX_TOKEN_ANSWER + 1);
            read_limited(&mut response, MAX_TOKEN_ANSWER + 1, &mut body)
                .await
                .map_err(|error| failed(&error))?;
        }
        Ok(Answer { status, challenges, body })
    }

    /// In words of our own: libraries quote addresses, certificates and what servers send.
    fn in_words(&self, error: &reqwest::Error, host: &str, proxy: Option<&str>) -> String {
        let by = proxy.map(|proxy| format!(" through the proxy {proxy}")).unwrap_or_default();
        if let Some(why) = Untrusted::of(error) {
            let remedy = match why {
                Untrusted::UnknownIssuer => {
                    "; where a private authority has signed it, name that in --ca-bundle"
                }
                _ => "",
            };
            return format!("because the TLS certificate of {host} {why}{remedy}");
        }
        if leads_to_this_machine(error) {
            return format!("because the name {host} leads to this machine or its own link");
        }
        if error.is_connect() {
            let within = if error.is_timeout() {
                format!(" within {} s", self.limits.connect.as_secs_f32())
            } else {
                String::new()
            };
            return format!("because there is no connection to {host}{by}{within}");
        }
        if error.is_timeout() {
            return format!(
                "because {host} has not answered{by} within {} s",
                self.limits.request.as_secs_f32()
            );
        }
        format!("because the answer of {host}{by} breaks off or is not one of HTTP")
    }
}

/// Looks up names, and leaves out addresses where no registry of anybody else can be: an answer of the DNS is no reason to send
/// a request to what listens on this machine, or to the metadata service of a cloud.
struct OtherMachines;

/// A name that leads nowhere else.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to this machine")]
struct ThisMachine;

impl Resolve for OtherMachines {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let is_nowhere = found.is_empty();
            let others: Vec<_> = found.into_iter().filter(|address| is_elsewhere(address.ip())).collect();
            if others.is_empty() && !is_nowhere {
                return Err(ThisMachine.into());
            }
            Ok(Box::new(others.into_iter()) as Addrs)
        })
    }
}

fn is_elsewhere(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            !(address.is_loopback()
                || address.octets()[0] == 0
                || address.is_link_local()
                || address.is_multicast()
                || address.is_broadcast())
        }
        IpAddr::V6(address) => {
            !(address.is_loopback()
                || address.is_unspecified()
                || address.is_unicast_link_local()
                || address.is_multicast())
        }
    }
}

fn leads_to_this_machine(error: &reqwest::Error) -> bool {
    let mut next = error.source();
    while let Some(cause) = next {
        let wrapped = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let wrapped = wrapped.and_then(|wrapped| wrapped.downcast_ref::<ThisMachine>());
        if cause.is::<ThisMachine>() || wrapped.is_some() {
            return true;
        }
        next = cause.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("127.0.0.1", false)]
    #[case("127.9.9.9", false)]
    #[case("0.0.0.0", false)]
    #[case("169.254.169.254", false)]
    #[case("224.0.0.1", false)]
    #[case("255.255.255.255", false)]
    #[case("::1", false)]
    #[case("::", false)]
    #[case("fe80::1", false)]
    #[case("::ffff:127.0.0.1", false)]
    #[case("ff02::1", false)]
    #[case("10.1.2.3", true)]
    #[case("192.168.1.1", true)]
    #[case("140.82.121.33", true)]
    #[case("fd00::5", true)]
    #[case("2606:50c0::1", true)]
    fn registries_of_a_private_network_are_asked_and_this_machine_is_not(
        #[case] address: &str,
        #[case] elsewhere: bool,
    ) {
        assert_eq!(is_elsewhere(address.parse().unwrap()), elsewhere);
    }

    #[tokio::test]
    async fn a_name_of_this_machine_is_not_connected_to() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let http = Http::new(None, Proxies::default(), Limits::default()).unwrap();
        let error = http.client.get("https://localhost:1/v2/").send().await.unwrap_err();
        let said = http.in_words(&error, "localhost", None);
        assert_eq!(said, "because the name localhost leads to this machine or its own link");
    }
}
