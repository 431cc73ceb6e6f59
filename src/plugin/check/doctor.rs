//! Judges a case by the operator's own rules. No request is made.

use std::sync::Arc;

use jiff::Timestamp;
use url::Url;

use super::{Case, Held, findings::Finding, schema};
use crate::{
    aicore::pool::{Connection, Pool},
    api::{AICoreRegistrySecretSpec, CreationPolicy},
    domain::parse::{
        allowed_hosts::AllowedHosts,
        certificate::{OutOfDate, Validity},
        docker_config::{self, Payload, Selection},
        expiry::{self, Expiry},
        name::RemoteName,
        secret_data::SecretData,
        service_key::{self, Grant, ServiceKey},
    },
    plugin::age,
};

/// The part of a finding about tokens.
pub(super) const TOKEN: &str = "token";

pub(super) struct Doctor {
    pub(super) allowed_hosts: AllowedHosts,
    /// Instead of `spec.registries`.
    pub(super) registries: Option<Vec<String>>,
    pub(super) pool: Pool,
    pub(super) now: Timestamp,
}

/// A case that was judged, and what is needed to ask AI Core about it.
pub(super) struct Examined {
    pub(super) title: String,
    pub(super) findings: Vec<Finding>,
    pub(super) remote_name: Option<RemoteName>,
    pub(super) creation_policy: CreationPolicy,
    /// What is sent to AI Core; none while the registry credential cannot be used.
    pub(super) payload: Option<Payload>,
    /// Whether a registry credential was wanted.
    pub(super) has_credential: bool,
    /// What holds the service key, and the way to the tenant; none while the key cannot be used.
    pub(super) connection: Option<(String, Arc<Connection>)>,
    /// How tokens are got with it; none while the key cannot be used.
    pub(super) token: Option<String>,
    /// Whether a service key was read and judged.
    pub(super) has_service_key: bool,
}

/// A service key that can be used.
struct Usable {
    connection: Arc<Connection>,
    /// How tokens are got with it; none when that is known to fail.
    token: Option<String>,
}

impl Doctor {
    pub(super) fn examine(&self, case: Case) -> Examined {
        let Case { title, found: mut findings, resource, source, service_key, key_field } = case;
        let remote_name = resource.as_ref().and_then(|(name, spec)| remote_name(name, spec, &mut findings));
        let spec = resource.as_ref().map(|(_, spec)| spec);
        if let Some(spec) = spec {
            findings.extend(faults(spec));
        }
        let has_credential = source.is_some();
        let mut payload = None;
        match source {
            Some(Held::Read(secret)) => payload = self.credential(&secret, spec, &mut findings),
            Some(Held::Unread(why)) => findings.push(why),
            None => {}
        }
        let (mut connection, mut token) = (None, None);
        let mut has_service_key = false;
        match service_key {
            Some(Held::Read(secret)) => {
                has_service_key = true;
                if let Some(usable) = self.service_key(&secret, key_field.as_deref(), &mut findings) {
                    connection = Some((secret.title(), usable.connection));
                    token = usable.token;
                }
            }
            Some(Held::Unread(why)) => findings.push(why),
            None => {}
        }
        Examined {
            title,
            findings,
            remote_name,
            creation_policy: spec.map(AICoreRegistrySecretSpec::creation_policy).unwrap_or_default(),
            payload,
            has_credential,
            connection,
            token,
            has_service_key,
        }
    }

    /// What is sent of it.
    fn credential(
        &self,
        secret: &SecretData,
        spec: Option<&AICoreRegistrySecretSpec>,
        findings: &mut Vec<Finding>,
    ) -> Option<Payload> {
        const PART: &str = "credential";
        let mut selection = spec.map(Selection::of).unwrap_or_default();
        if let Some(registries) = &self.registries {
            selection.registries = Some(registries);
        }
        match docker_config::payload(secret, &selection) {
            Ok(payload) => {
                let given = format!(
                    "{} gives a user name and a password for {}",
                    secret.title(),
                    payload.registries().join(", ")
                );
                let Expiry { ends, remark } = expiry::read(secret, &payload, self.now);
                let remarks =
                    payload.remarks().iter().chain(&remark).map(|remark| Finding::note(PART, remark));
                let life = ends.map(|ends| self.life(secret, ends));
                findings.extend([Finding::ok(PART, given)].into_iter().chain(remarks).chain(life));
                Some(payload)
            }
            Err(invalid) => {
                findings.push(Finding::wrong(PART, invalid));
                None
            }
        }
    }

    /// Whether the credential still lives.
    fn life(&self, secret: &SecretData, ends: Timestamp) -> Finding {
        const PART: &str = "life";
        match ends.duration_since(self.now).as_secs() {
            left @ 1.. => Finding::ok(
                PART,
                format!("the credential in {} ends at {ends} ({} more)", secret.title(), age::short(left)),
            ),
            ago => Finding::wrong(
                PART,
                format_args!(
                    "the credential in {} ended at {ends} ({} ago); see why there is no newer one",
                    secret.title(),
                    age::short(-ago)
                ),
            ),
        }
    }

    fn service_key(
        &self,
        secret: &SecretData,
        field: Option<&str>,
        findings: &mut Vec<Finding>,
    ) -> Option<Usable> {
        let key = match service_key::parse(secret, field, &self.allowed_hosts) {
            Ok(key) => key,
            Err(invalid) => {
                findings.push(Finding::wrong("service key", invalid));
                return None;
            }
        };
        findings.push(Finding::ok("service key", format!("{} is complete", secret.title())));
        findings.push(Finding::ok(
            "tenant",
            format!("API {}, authorization server {}", key.api_url(), key.authorization_server()),
        ));
        findings.push(Finding::ok("hosts", self.hosts(&key)));
        let connection = match self.pool.connect(&key) {
            Ok(connection) => connection,
            Err(error) => {
                findings.push(Finding::wrong(TOKEN, error.message(&secret.title())));
                return None;
            }
        };
        let token = match self.token(&key) {
            Ok(token) => Some(token),
            Err(out_of_date) => {
                findings.push(Finding::wrong(TOKEN, out_of_date.in_words(&secret.title())));
                None
            }
        };
        Some(Usable { connection, token })
    }

    /// How tokens are got.
    fn token(&self, key: &ServiceKey) -> Result<String, OutOfDate> {
        let server = key.token_url();
        match key.grant() {
            Grant::ClientSecret(_) => Ok(format!("with a client secret, from {server}")),
            Grant::X509 { .. } => self.certificate(key.certificate_validity(), &server),
        }
    }

    /// Which setting admits the hosts; a key with another host is not read at all.
    fn hosts(&self, key: &ServiceKey) -> String {
        let (tenant, token_url) = (key.tenant(), key.token_url());
        let urls = [tenant.api_url.as_str(), &tenant.authorization_server, token_url.as_str()];
        match urls.iter().filter(|url| url.starts_with("http://")).count() {
            0 => format!("allowed by --allowed-hosts {}", self.allowed_hosts),
            3 => "on this machine, allowed by --allow-insecure-http".to_owned(),
            _ => format!("allowed by --allowed-hosts {} and --allow-insecure-http", self.allowed_hosts),
        }
    }

    /// How tokens are got with a certificate.
    fn certificate(&self, validity: Option<Validity>, server: &Url) -> Result<String, OutOfDate> {
        let Some(validity) = validity else {
            return Ok(format!("with an X.509 certificate, from {server}"));
        };
        if let Some(out_of_date) = validity.out_of_date(self.now) {
            return Err(out_of_date);
        }
        let end = validity.not_after;
        let left = age::short(end.duration_since(self.now).as_secs());
        Ok(format!("with an X.509 certificate that is valid until {end} ({left} more), from {server}"))
    }
}

fn remote_name(
    name: &str,
    spec: &AICoreRegistrySecretSpec,
    findings: &mut Vec<Finding>,
) -> Option<RemoteName> {
    match RemoteName::parse(spec.remote_name.as_deref().unwrap_or(name)) {
        Ok(name) => {
            findings.push(Finding::ok(
                "remote name",
                format!("{:?} is a name that AI Core accepts", name.as_str()),
            ));
            Some(name)
        }
        Err(invalid) => {
            findings.push(Finding::wrong("remote name", invalid));
            None
        }
    }
}

/// What the API server would refuse, but for the remote name, which is judged whether it is given or not.
fn faults(spec: &AICoreRegistrySecretSpec) -> impl Iterator<Item = Finding> {
    let spec = serde_json::to_value(spec).unwrap_or_default();
    let faults = schema::judge(&spec).faults.into_iter().filter(|fault| fault.field != "spec.remoteName");
    faults.map(|fault| Finding::wrong("spec", fault.sentence))
}

#[cfg(test)]
mod tests;
