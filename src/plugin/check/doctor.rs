//! Judges a case by the operator's own rules. No request is made.

use std::sync::Arc;

use jiff::Timestamp;
use url::Url;

use super::{Case, Held, findings::Finding};
use crate::{
    aicore::pool::{Connection, Pool},
    api::{AICoreRegistrySecretSpec, CreationPolicy},
    domain::parse::{
        allowed_hosts::AllowedHosts,
        certificate::Validity,
        docker_config::{self, Selection},
        duration::ResyncInterval,
        name::RemoteName,
        secret_data::SecretData,
        service_key::{self, Grant, ServiceKey},
    },
    plugin::age,
};

/// The part of a finding about tokens.
const PART: &str = "token";

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
    /// Name of the Secret with the service key, and the way to the tenant; none while the key cannot be used.
    pub(super) connection: Option<(String, Arc<Connection>)>,
    /// Whether a service key was there to be judged.
    pub(super) has_service_key: bool,
}

impl Doctor {
    pub(super) fn examine(&self, case: Case) -> Examined {
        let Case { title, found: mut findings, resource, source, service_key } = case;
        let remote_name = resource.as_ref().and_then(|(name, spec)| remote_name(name, spec, &mut findings));
        let spec = resource.as_ref().map(|(_, spec)| spec);
        if let Some(spec) = spec {
            findings.extend(resync_interval(spec));
        }
        match source {
            Some(Held::Read(secret)) => findings.extend(self.credential(&secret, spec)),
            Some(Held::Unread(why)) => findings.push(why),
            None => {}
        }
        let mut connection = None;
        let mut has_service_key = false;
        match service_key {
            Some(Held::Read(secret)) => {
                has_service_key = true;
                connection = self
                    .service_key(&secret, spec, &mut findings)
                    .map(|connection| (secret.name().to_owned(), connection));
            }
            Some(Held::Unread(why)) => findings.push(why),
            None => {}
        }
        Examined {
            title,
            findings,
            remote_name,
            creation_policy: spec.map(AICoreRegistrySecretSpec::creation_policy).unwrap_or_default(),
            connection,
            has_service_key,
        }
    }

    fn credential(&self, secret: &SecretData, spec: Option<&AICoreRegistrySecretSpec>) -> Vec<Finding> {
        const PART: &str = "credential";
        let mut selection = spec.map(Selection::of).unwrap_or_default();
        if let Some(registries) = &self.registries {
            selection.registries = Some(registries);
        }
        match docker_config::payload(secret, &selection) {
            Ok(payload) => {
                let given = format!(
                    "Secret {:?} gives a user name and a password for {}",
                    secret.name(),
                    payload.registries().join(", ")
                );
                let remarks = payload.remarks().iter().map(|remark| Finding::note(PART, remark));
                [Finding::ok(PART, given)].into_iter().chain(remarks).collect()
            }
            Err(invalid) => vec![Finding::wrong(PART, invalid)],
        }
    }

    fn service_key(
        &self,
        secret: &SecretData,
        spec: Option<&AICoreRegistrySecretSpec>,
        findings: &mut Vec<Finding>,
    ) -> Option<Arc<Connection>> {
        let field = spec.and_then(|spec| spec.ai_core_secret_ref.key.as_deref());
        let key = match service_key::parse(secret, field, &self.allowed_hosts) {
            Ok(key) => key,
            Err(invalid) => {
                findings.push(Finding::wrong("service key", invalid));
                return None;
            }
        };
        findings.push(Finding::ok("service key", format!("Secret {:?} is complete", secret.name())));
        findings.push(Finding::ok(
            "tenant",
            format!("API {}, authorization server {}", key.api_url(), key.authorization_server()),
        ));
        findings.push(Finding::ok("hosts", self.hosts(&key)));
        let (authentication, usable) = self.authentication(secret, &key);
        findings.push(authentication);
        usable
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
    fn certificate(&self, secret: &str, validity: Option<Validity>, server: &Url) -> Finding {
        let Some(validity) = validity else {
            return Finding::ok(PART, format!("with an X.509 certificate, from {server}"));
        };
        if let Some(out_of_date) = validity.out_of_date(self.now) {
            return Finding::wrong(PART, out_of_date.failure(secret).message);
        }
        let end = validity.not_after;
        let left = age::short(end.duration_since(self.now).as_secs());
        Finding::ok(
            PART,
            format!("with an X.509 certificate that is valid until {end} ({left} more), from {server}"),
        )
    }

    /// How tokens are got, and the connection that would get them.
    fn authentication(&self, secret: &SecretData, key: &ServiceKey) -> (Finding, Option<Arc<Connection>>) {
        let connection = match self.pool.connect(key) {
            Ok(connection) => connection,
            Err(error) => return (Finding::wrong(PART, error.failure(secret.name(), false).message), None),
        };
        let server = key.token_url();
        let finding = match key.grant() {
            Grant::ClientSecret(_) => Finding::ok(PART, format!("with a client secret, from {server}")),
            Grant::X509 { .. } => self.certificate(secret.name(), key.certificate_validity(), &server),
        };
        (finding, Some(connection))
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

/// What admission says about the interval.
fn resync_interval(spec: &AICoreRegistrySecretSpec) -> Option<Finding> {
    let invalid = ResyncInterval::parse(spec.resync_interval.as_deref()?).err()?;
    Some(Finding::wrong("spec", invalid))
}

#[cfg(test)]
mod tests;
