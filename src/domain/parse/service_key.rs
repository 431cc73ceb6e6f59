//! From an AI Core service key or binding to what a client needs to call the API.

use jiff::Timestamp;
use secrecy::SecretString;
use url::Url;
use zeroize::Zeroizing;

pub(crate) use self::forms::SERVICE_KEY_FILE;
use self::{
    fields::{Fields, ServiceKeys, Value},
    forms::{Form, locate},
    oddity::Oddity,
};
use crate::domain::{
    parse::{
        allowed_hosts::{AllowedHosts, Refusal},
        api_url::{ApiUrl, AuthorizationServer, Difference, Tenant},
        certificate::{Certificate, Validity},
        pem, quotes,
        secret_data::{STALE_LABEL, SecretData},
        secret_type::{self, Use},
    },
    tools::invalid::{Invalid, Quoted, listed},
};

mod fields;
mod forms;
mod oddity;

/// A complete service key whose hosts are allowed.
#[derive(Clone, Debug)]
pub struct ServiceKey {
    api_url: ApiUrl,
    authorization_server: AuthorizationServer,
    client_id: String,
    grant: Grant,
}

/// How the client proves who it is to the authorization server.
#[derive(Clone, Debug)]
pub enum Grant {
    /// `client_secret` in the token request's body.
    ClientSecret(SecretString),
    /// A client certificate in the TLS connection to `token_url`.
    X509 {
        /// The certificate and its issuers, PEM.
        certificate_chain_pem: String,
        /// The private key, PEM (PKCS#8, PKCS#1 or SEC 1), not encrypted.
        private_key_pem: SecretString,
        /// `<certurl>/oauth/token`.
        token_url: Url,
    },
}

impl ServiceKey {
    /// The base URL of the API.
    #[must_use]
    pub fn api_url(&self) -> &ApiUrl {
        &self.api_url
    }

    /// The service key's `url`; when tokens come from `certurl`, the same server.
    #[must_use]
    pub fn authorization_server(&self) -> &AuthorizationServer {
        &self.authorization_server
    }

    /// The tenant that this key is for.
    #[must_use]
    pub fn tenant(&self) -> Tenant {
        Tenant::new(&self.api_url, &self.authorization_server)
    }

    /// `clientid`.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Client secret or certificate.
    #[must_use]
    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    /// Where tokens are requested: `<url>/oauth/token`, or `<certurl>/oauth/token` with a certificate.
    #[must_use]
    pub(crate) fn token_url(&self) -> Url {
        match &self.grant {
            Grant::ClientSecret(_) => self.authorization_server.token_url(),
            Grant::X509 { token_url, .. } => token_url.clone(),
        }
    }

    /// When the client certificate is valid: the client's own, not those of its issuers. `None` with a client secret, or when
    /// the certificate cannot be read.
    #[must_use]
    pub(crate) fn certificate_validity(&self) -> Option<Validity> {
        let Grant::X509 { certificate_chain_pem, .. } = &self.grant else {
            return None;
        };
        let der = pem::der(certificate_chain_pem)?;
        Certificate::read(&der).map(|certificate| certificate.validity)
    }

    /// When the client certificate ends; as [`Self::certificate_validity`].
    #[must_use]
    pub(crate) fn certificate_not_after(&self) -> Option<Timestamp> {
        self.certificate_validity().map(|validity| validity.not_after)
    }

    /// The secret that keys digests: client secret or private key.
    #[must_use]
    pub(crate) fn hmac_key(&self) -> &SecretString {
        match &self.grant {
            Grant::ClientSecret(secret) => secret,
            Grant::X509 { private_key_pem, .. } => private_key_pem,
        }
    }
}

/// Reads the service key in `secret`, under `key` or in any of the forms in which SAP's programs and SDKs write it.
///
/// # Errors
/// One sentence that names every missing and malformed field, or why the operator may not connect to its hosts.
pub(crate) fn parse(
    secret: &SecretData,
    key: Option<&str>,
    allowed: &AllowedHosts,
) -> Result<ServiceKey, Invalid> {
    secret_type::refuse_foreign(secret, Use::ServiceKey)?;
    if secret.is_stale() {
        return Err(secret.invalid(format_args!(
            "the label {STALE_LABEL} says that its credential was rotated and will be revoked; name the current \
             Secret of the binding in spec.aiCoreSecretRef"
        )));
    }
    let Form { key, fields } = locate::<ServiceKeys>(secret, key)?;
    Reader { fields: Fields::new(&fields), allowed, problems: Problems::default() }.read().map_err(
        |problems| match &key {
            Some(key) => secret.invalid_key(key, problems.in_words()),
            None => secret.invalid(problems.in_words()),
        },
    )
}

/// Whether `value` by itself is a service key, or was meant to be one: what [`parse`] says about it then is what its owner
/// needs to hear.
#[must_use]
pub(crate) fn recognises(value: &[u8]) -> bool {
    forms::recognises::<ServiceKeys>(value)
}

/// Collects everything that is wrong with a service key, so that one message can name it all.
struct Reader<'a> {
    fields: Fields<'a>,
    allowed: &'a AllowedHosts,
    problems: Problems,
}

#[derive(Default)]
struct Problems {
    /// Quoted names.
    missing: Vec<String>,
    /// Clauses.
    wrong: Vec<String>,
    /// The names of what is missing and how they are written instead, as `"clientid" for "CLIENTID"`.
    misspelled: Vec<String>,
    /// What to do about what is missing, where that is not to store the whole key.
    cure: Option<&'static str>,
}

impl Reader<'_> {
    fn read(mut self) -> Result<ServiceKey, Problems> {
        let client_id = self.required(&fields::CLIENT_ID, |text| oddity::of_client_id(text.trim()));
        let client_id = client_id.map(|text| text.trim().to_owned());
        let (grant, contacted) = self.grant().unzip();
        let (authorization_server, api_url) = self.tenant();
        let authorization_server = match contacted.flatten() {
            Some(contacted) => authorization_server.and_then(|server| self.one_server(server, contacted)),
            None => authorization_server,
        };
        // Whatever is missing or wrong is a problem noted, and a None here.
        match (client_id, grant, authorization_server, api_url) {
            (Some(client_id), Some(grant), Some(authorization_server), Some(api_url)) => {
                Ok(ServiceKey { api_url, authorization_server, client_id, grant })
            }
            _ => {
                self.problems.misspelled = self
                    .fields
                    .misspelled()
                    .into_iter()
                    .map(|(given, meant)| format!("{} for {}", Quoted(meant), Quoted(given)))
                    .collect();
                Err(self.problems)
            }
        }
    }

    fn tenant(&mut self) -> (Option<AuthorizationServer>, Option<ApiUrl>) {
        let (server, api) = (self.fields.text(&fields::URL), self.fields.api_url());
        if let (Value::Text(server_name, server), Value::Text(api_name, api)) = (&server, &api)
            && self.read_url(server, AuthorizationServer::parse)
                == Err(UrlProblem::Refused(Refusal::IsTheApi))
            && self.read_url(api, ApiUrl::parse) == Err(UrlProblem::Refused(Refusal::IsAnAuthorizationServer))
        {
            self.problems.wrong.push(format!("{server_name} and {api_name} seem to be swapped"));
            return (None, None);
        }
        (self.url(server, AuthorizationServer::parse), self.url(api, ApiUrl::parse))
    }

    /// The authorization server of a key whose tokens come from `certurl`: that is the tenant, and `url` must name it too. Else a
    /// key that works in one tenant would pass for one of another.
    fn one_server(
        &mut self,
        url: AuthorizationServer,
        cert_url: AuthorizationServer,
    ) -> Option<AuthorizationServer> {
        let (url, cert_url) = (url.for_any_client(), cert_url.for_any_client());
        let expected = match url.differs_from(&cert_url) {
            None => return Some(url),
            Some(Difference::Host { expected }) => format!("host {}", Quoted(&expected)),
            Some(Difference::Scheme { expected }) => format!("scheme {}", Quoted(&expected)),
            Some(Difference::Port { expected }) => format!("port {expected}"),
            Some(Difference::Path) => "the same path".to_owned(),
        };
        let (url, cert_url) = (self.fields.name(&fields::URL), self.fields.name(&fields::CERT_URL));
        self.problems.wrong.push(format!(
            "{url} and {cert_url} name different authorization servers; by {cert_url}, which tokens are requested from, {url} \
             has {expected}; copy both from one service key, or write the value of {cert_url} in both"
        ));
        None
    }

    /// How the client proves who it is, and the server behind `certurl` if that is by a certificate. A certificate is preferred over
    /// a client secret when `certificate`, `key` and `certurl` are all there.
    fn grant(&mut self) -> Option<(Grant, Option<AuthorizationServer>)> {
        let x509 = [&fields::CERTIFICATE, &fields::PRIVATE_KEY, &fields::CERT_URL];
        let present =
            x509.iter().filter(|field| !matches!(self.fields.text(field), Value::Missing(_))).count();
        let has_secret = !matches!(self.fields.text(&fields::CLIENT_SECRET), Value::Missing(_));
        if present < x509.len() && (has_secret || present == 0) {
            let secret = self.required(&fields::CLIENT_SECRET, oddity::of_secret)?;
            return Some((Grant::ClientSecret(SecretString::from(secret.as_str())), None));
        }
        if present + 1 == x509.len() && matches!(self.fields.text(&fields::PRIVATE_KEY), Value::Missing(_)) {
            self.problems.cure = Some(
                "SAP hands out the service key for a certificate of your own without its private key: add that beside the \
                 certificate (PEM, not encrypted)",
            );
        }
        let certificate = self.required_pem(&fields::CERTIFICATE, pem::certificate_chain);
        let private_key = self.required_pem(&fields::PRIVATE_KEY, pem::private_key);
        let cert_url = self.url(self.fields.text(&fields::CERT_URL), AuthorizationServer::parse);
        let contacted = cert_url?;
        let grant = Grant::X509 {
            certificate_chain_pem: certificate?,
            private_key_pem: SecretString::from(private_key?.as_str()),
            token_url: contacted.token_url(),
        };
        Some((grant, Some(contacted)))
    }

    fn required(
        &mut self,
        field: &fields::Names,
        oddity: fn(&str) -> Option<Oddity>,
    ) -> Option<Zeroizing<String>> {
        let value = self.fields.text(field);
        let (name, text) = self.known(value)?;
        if let Some(oddity) = oddity(&text) {
            self.problems.wrong.push(format!("{name} {oddity}"));
            return None;
        }
        Some(text)
    }

    fn required_pem<T>(
        &mut self,
        field: &fields::Names,
        parse: fn(&str) -> Result<T, pem::Malformed>,
    ) -> Option<T> {
        let value = self.fields.text(field);
        let (name, text) = self.known(value)?;
        parse(&text).map_err(|malformed| self.problems.wrong.push(format!("{name} {malformed}"))).ok()
    }

    fn url<T>(&mut self, value: Value, parse: ParseUrl<T>) -> Option<T> {
        let (name, text) = self.known(value)?;
        self.read_url(&text, parse).map_err(|why| self.problems.wrong.push(format!("{name} {why}"))).ok()
    }

    fn read_url<T>(&self, text: &str, parse: ParseUrl<T>) -> Result<T, UrlProblem> {
        // No URL begins with a quote: a pair around it was never meant.
        let text = quotes::inside(text).unwrap_or(text).trim();
        if let Some(oddity) = oddity::of_url(text) {
            return Err(UrlProblem::Odd(oddity));
        }
        parse(text, self.allowed).map_err(UrlProblem::Refused)
    }

    /// Notes what is missing or wrong.
    fn known(&mut self, value: Value) -> Option<(String, Zeroizing<String>)> {
        match value {
            Value::Text(name, text) => return Some((name, text)),
            Value::Missing(name) => self.problems.missing.push(name),
            Value::Wrong(clause) => self.problems.wrong.push(clause),
        }
        None
    }
}

/// Why a URL is not used: a phrase that follows the name of the field.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum UrlProblem {
    #[error(transparent)]
    Odd(Oddity),
    #[error(transparent)]
    Refused(Refusal),
}

type ParseUrl<T> = fn(&str, &AllowedHosts) -> Result<T, Refusal>;

impl Problems {
    /// A sentence without its full stop.
    fn in_words(self) -> String {
        let missing = match self.missing.len() {
            0 => return self.wrong.join("; "),
            1 => format!("{} is missing", listed(self.missing)),
            _ => format!("{} are missing", listed(self.missing)),
        };
        let mut clauses = vec![missing];
        clauses.extend(self.wrong);
        clauses.push(if self.misspelled.is_empty() {
            self.cure.unwrap_or("store a complete service key or binding of SAP AI Core").to_owned()
        } else {
            format!("fields are found by their exact names: write {}", listed(self.misspelled))
        });
        clauses.join("; ")
    }
}

#[cfg(test)]
mod tests;
