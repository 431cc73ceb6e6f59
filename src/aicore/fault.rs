//! Why a request had no answer, and what to do about it, in words of our own: which of the things it was that can be wrong between
//! two machines. They quote nothing but what the resolver of names says.

use std::{error::Error, fmt, io};

use rustls::AlertDescription;

use super::{error::Seconds, exchange::CONNECT_TIMEOUT, redact::visible};
use crate::{
    error::deep_chain,
    tls_error::{self, Untrusted},
};

/// The most that is shown of what the resolver says, in characters. It is one of a dozen texts of the C library.
const RESOLVER_SAYS: usize = 100;

/// What stood between the request and an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    what: What,
    /// Whether the way leads through a proxy. What goes wrong before there is a connection is about the proxy then.
    by_proxy: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    /// DNS knows no address of this name; with the resolver's words.
    UnknownName(String),
    /// There is no DNS server that answers; with the resolver's words.
    NoDns(String),
    /// Nothing listens there.
    Refused,
    /// The network does not know the way.
    NoRoute,
    /// It took longer than the limit to connect.
    NoConnection,
    /// The connection ended before there was an answer.
    Closed,
    /// What answered does not speak TLS.
    NotTls,
    /// The server ended the handshake.
    Alert(AlertDescription),
    /// The server's certificate is not accepted here.
    Certificate(Untrusted),
    /// The proxy answered the request for a tunnel with another status than 2xx.
    ProxyRefuses,
    /// It answered it with 407.
    ProxyWantsLogin,
    /// It answered it with nothing.
    ProxyClosed,
}

impl Fault {
    /// What the error is about, if that is one of these. What a proxy answers, and that a name is not known, the HTTP client says in
    /// words of its own, and in no type.
    pub(super) fn of(error: &(dyn Error + 'static), by_proxy: bool) -> Option<Self> {
        let what = deep_chain(error)
            .find_map(by_text)
            .or_else(|| tls_error::find(error).and_then(by_tls))
            .or_else(|| deep_chain(error).find_map(by_type))?;
        Some(Self { what, by_proxy })
    }

    /// There was no connection within [`CONNECT_TIMEOUT`].
    pub(super) fn no_connection(by_proxy: bool) -> Self {
        Self { what: What::NoConnection, by_proxy }
    }
}

fn by_text(error: &(dyn Error + 'static)) -> Option<What> {
    Some(match &*error.to_string() {
        "dns error" => unresolved(&error.source()?.to_string()),
        "tunnel error: unsuccessful" => What::ProxyRefuses,
        "tunnel error: proxy authorization required" => What::ProxyWantsLogin,
        "tunnel error: unexpected end of file" => What::ProxyClosed,
        _ => return None,
    })
}

/// What getaddrinfo(3) says. Of its errors `EAI_AGAIN` alone is about the way to the servers: glibc and musl word it like this.
fn unresolved(said: &str) -> What {
    let said = said.strip_prefix("failed to lookup address information: ").unwrap_or(said);
    let says: String = visible(said).take(RESOLVER_SAYS).collect();
    if said.starts_with("Temporary failure in name resolution") || said.starts_with("Try again") {
        What::NoDns(says)
    } else {
        What::UnknownName(says)
    }
}

fn by_tls(error: &rustls::Error) -> Option<What> {
    match error {
        rustls::Error::InvalidCertificate(error) => Some(What::Certificate(Untrusted::from(error))),
        rustls::Error::AlertReceived(alert) => Some(What::Alert(*alert)),
        rustls::Error::InvalidMessage(_) => Some(What::NotTls),
        _ => None,
    }
}

fn by_type(error: &(dyn Error + 'static)) -> Option<What> {
    if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_incomplete_message) {
        return Some(What::Closed);
    }
    match error.downcast_ref::<io::Error>()?.kind() {
        io::ErrorKind::ConnectionRefused => Some(What::Refused),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Some(What::NoRoute),
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => Some(What::Closed),
        _ => None,
    }
}

/// What follows `… could not be reached: `, with what to do.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.what, self.by_proxy) {
            (What::UnknownName(says), false) => write!(
                f,
                "its name cannot be resolved (the resolver says {says:?}); check the host in the service key, and that DNS \
                 knows it from here"
            ),
            (What::UnknownName(says), true) => write!(
                f,
                "the name of the proxy cannot be resolved (the resolver says {says:?}); check the proxy's address"
            ),
            (What::NoDns(says), by_proxy) => {
                let name = if by_proxy { "the name of the proxy" } else { "its name" };
                write!(
                    f,
                    "{name} cannot be resolved, because no DNS server answers (the resolver says {says:?}); check the cluster's \
                     DNS, and that a NetworkPolicy lets the operator reach it (networkPolicy.dnsPorts of the chart)"
                )
            }
            (What::Refused, false) => f.write_str(
                "nothing takes connections there (connection refused); check host and port in the service key",
            ),
            (What::Refused, true) => f.write_str(
                "the proxy takes no connections (connection refused); check its address, and whether it runs",
            ),
            (What::NoRoute, false) => f.write_str(
                "there is no route to it; check the network from here, and whether a proxy is needed (proxy.https of the chart)",
            ),
            (What::NoRoute, true) => f.write_str("there is no route to the proxy; check its address"),
            (What::NoConnection, false) => write!(
                f,
                "no connection within {}; check whether a firewall or a NetworkPolicy drops what is sent there, and whether a \
                 proxy is needed (proxy.https of the chart)",
                Seconds(CONNECT_TIMEOUT)
            ),
            (What::NoConnection, true) => write!(
                f,
                "no connection within {}; check whether the proxy can be reached from here, and the host from the proxy",
                Seconds(CONNECT_TIMEOUT)
            ),
            (What::Closed, _) => f.write_str("the connection was closed before there was an answer"),
            (What::NotTls, _) => {
                f.write_str("what answers there does not speak TLS; check host and port in the service key")
            }
            (What::Alert(alert), _) => write!(f, "it ended the TLS handshake with the alert {alert:?}"),
            (What::Certificate(untrusted), _) => write!(f, "its TLS certificate {untrusted}{}", cure(*untrusted)),
            (What::ProxyRefuses, _) => {
                f.write_str("the proxy does not let the request through; have it allow the host")
            }
            (What::ProxyWantsLogin, _) => {
                f.write_str("the proxy asks for a user name and a password (HTTP 407); write them into its address")
            }
            (What::ProxyClosed, _) => f.write_str("the proxy closed the connection"),
        }
    }
}

fn cure(untrusted: Untrusted) -> &'static str {
    match untrusted {
        Untrusted::UnknownIssuer => {
            "; where a private authority or a proxy has signed it, name that authority in caBundle of the chart (--ca-bundle)"
        }
        Untrusted::Expired => "; who runs the server has to renew it, unless the clock here is wrong",
        Untrusted::NotValidYet => "; check the clock here",
        Untrusted::OtherName => {
            "; check the host in the service key, and whether something else answers in its place"
        }
        Untrusted::Revoked | Untrusted::Other => "; who runs the server has to replace it",
    }
}

#[cfg(test)]
mod tests;
