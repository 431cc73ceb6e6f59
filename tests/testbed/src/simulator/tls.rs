//! A certificate authority on this machine, and the certificates that it issues for the simulator and for registries.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_RSA_SHA256, RsaKeySize, date_time_ymd,
};
use rustls::{
    ALL_VERSIONS, RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::WebPkiClientVerifier,
    version::TLS12,
};

use super::clock;

/// How the private key of an X.509 service key is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFormat {
    /// `-----BEGIN RSA PRIVATE KEY-----`, what SAP hands out.
    Pkcs1,
    /// `-----BEGIN PRIVATE KEY-----`
    Pkcs8,
}

/// What is wrong with a client certificate, so that the handshake fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It ended on 2026-01-02T00:00:00Z.
    Ended,
    /// An authority that the server does not know has issued it.
    UnknownIssuer,
}

/// What is wrong with the server's own certificate, so that clients do not trust it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerFlaw {
    /// It ended on 2026-01-02T00:00:00Z.
    Ended,
    /// It begins in the year 2100.
    NotYetValid,
    /// It is for `elsewhere.example`.
    OtherName,
}

/// From when to when a client certificate is valid, seen from now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Life {
    pub(super) lived: Duration,
    pub(super) left: Duration,
}

/// A certificate authority that lives as long as the simulator.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    /// PEM.
    pub(crate) certificate_pem: String,
}

/// What a client needs to authenticate by certificate.
pub(super) struct Client {
    pub(super) certificate: CertificateDer<'static>,
    /// PEM: the client's certificate, then the authority's.
    pub(super) chain: String,
    /// PEM.
    pub(super) key: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> anyhow::Result<Self> {
        let key = KeyPair::generate().context("cannot make the authority's key")?;
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.self_signed(&key).context("cannot make the authority's certificate")?;
        Ok(Self {
            certificate: certificate.der().clone(),
            certificate_pem: certificate.pem(),
            issuer: Issuer::new(params, key),
        })
    }

    /// Settings of a listener on 127.0.0.1, also known as localhost and by `names`, for HTTP/1.1. A client needs no certificate;
    /// one that it has must be of this authority.
    pub(super) fn server(
        &self,
        names: &[String],
        tls_1_2_only: bool,
        flaw: Option<ServerFlaw>,
    ) -> anyhow::Result<ServerConfig> {
        let names: Vec<&str> = match flaw {
            Some(ServerFlaw::OtherName) => vec!["elsewhere.example"],
            _ => ["127.0.0.1", "localhost"].into_iter().chain(names.iter().map(String::as_str)).collect(),
        };
        self.listener(self.issue_with(&names, flaw)?, tls_1_2_only)
    }

    /// The same for a listener with these names.
    pub(crate) fn server_named(&self, names: &[&str], tls_1_2_only: bool) -> anyhow::Result<ServerConfig> {
        self.listener(self.issue(names)?, tls_1_2_only)
    }

    fn listener(
        &self,
        (certificate, key): (Certificate, KeyPair),
        tls_1_2_only: bool,
    ) -> anyhow::Result<ServerConfig> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let only_1_2 = [&TLS12];
        let versions = if tls_1_2_only { &only_1_2[..] } else { ALL_VERSIONS };
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)
            .context("there is no TLS version")?;
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).context("the authority's certificate is not valid")?;
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        let verifier =
            verifier.allow_unauthenticated().build().context("cannot check client certificates")?;
        let config = config.with_client_cert_verifier(verifier);
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
        let mut config = config
            .with_single_cert(vec![certificate.der().clone()], key)
            .context("the server's certificate is not usable")?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    /// A certificate for a server with these names, and its key.
    pub(crate) fn issue(&self, names: &[&str]) -> anyhow::Result<(Certificate, KeyPair)> {
        self.issue_with(names, None)
    }

    fn issue_with(&self, names: &[&str], flaw: Option<ServerFlaw>) -> anyhow::Result<(Certificate, KeyPair)> {
        let key = KeyPair::generate().context("cannot make the server's key")?;
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).context("the server's names are not valid")?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        match flaw {
            Some(ServerFlaw::Ended) => {
                params.not_before = date_time_ymd(2026, 1, 1);
                params.not_after = date_time_ymd(2026, 1, 2);
            }
            Some(ServerFlaw::NotYetValid) => params.not_before = date_time_ymd(2100, 1, 1),
            Some(ServerFlaw::OtherName) | None => {}
        }
        let certificate =
            params.signed_by(&key, &self.issuer).context("cannot make the server's certificate")?;
        Ok((certificate, key))
    }

    /// A certificate with a new RSA key, as long as those of SAP; without a `life` it is valid for ever.
    pub(super) fn client(
        &self,
        name: &str,
        format: KeyFormat,
        flaw: Option<Flaw>,
        life: Option<Life>,
    ) -> anyhow::Result<Client> {
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048);
        let key = key.context("cannot make the client's key")?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        if let Some(Life { lived, left }) = life {
            let now = Duration::try_from(clock::now().duration_since(Timestamp::UNIX_EPOCH))?;
            let now = date_time_ymd(1970, 1, 1) + now;
            (params.not_before, params.not_after) = (now - lived, now + left);
        }
        if flaw == Some(Flaw::Ended) {
            params.not_before = date_time_ymd(2026, 1, 1);
            params.not_after = date_time_ymd(2026, 1, 2);
        }
        let stranger = if flaw == Some(Flaw::UnknownIssuer) { Some(Self::new("a stranger")?) } else { None };
        let authority = stranger.as_ref().unwrap_or(self);
        let certificate =
            params.signed_by(&key, &authority.issuer).context("cannot make the client's certificate")?;
        let pkcs8 = key.serialized_der();
        let key = match format {
            KeyFormat::Pkcs8 => pem("PRIVATE KEY", pkcs8),
            KeyFormat::Pkcs1 => pem("RSA PRIVATE KEY", pkcs1(pkcs8)?),
        };
        Ok(Client {
            chain: certificate.pem() + &authority.certificate_pem,
            certificate: certificate.der().clone(),
            key,
        })
    }
}

/// The RSA key inside a PKCS#8 structure (RFC 5208): the octet string after version and algorithm.
fn pkcs1(pkcs8: &[u8]) -> anyhow::Result<&[u8]> {
    const INTEGER: u8 = 0x02;
    const OCTET_STRING: u8 = 0x04;
    const SEQUENCE: u8 = 0x30;
    let (structure, _) = element(pkcs8, SEQUENCE)?;
    let (_version, rest) = element(structure, INTEGER)?;
    let (_algorithm, rest) = element(rest, SEQUENCE)?;
    let (key, _) = element(rest, OCTET_STRING)?;
    Ok(key)
}

/// Content of the DER element with `tag` at the start of `der`, and what follows it.
fn element(der: &[u8], tag: u8) -> anyhow::Result<(&[u8], &[u8])> {
    let (&[found, first], mut rest) = der.split_first_chunk::<2>().context("the key ends early")?;
    ensure!(found == tag, "the key has tag {found:#x} where {tag:#x} belongs");
    let mut length = usize::from(first);
    if first & 0x80 != 0 {
        let (digits, after) =
            rest.split_at_checked(usize::from(first & 0x7f)).context("the key ends early")?;
        length = digits.iter().fold(0, |length, digit| (length << 8) | usize::from(*digit));
        rest = after;
    }
    rest.split_at_checked(length).context("the key ends early")
}

/// RFC 7468.
fn pem(label: &str, der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let lines = base64.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line) + "\n");
    let body: String = lines.collect();
    format!("-----BEGIN {label}-----\n{body}-----END {label}-----\n")
}
