//! One tenant of AI Core.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::Context;
use serde_json::Value;

use super::{
    concurrency::{Concurrency, Scope},
    credentials::Credentials,
    faults::Faults,
    journal::Journal,
    options::{TENANT, TenantOptions},
    service_key::{self, Place},
    shared::Shared,
    tls::{Flaw, KeyFormat, Life},
};

/// A tenant: its credentials, secrets, faults and journal. A handle: clones are the same tenant.
#[derive(Clone)]
pub struct Tenant {
    pub(super) state: Arc<TenantState>,
    pub(super) shared: Arc<Shared>,
}

pub(super) struct TenantState {
    pub(super) name: String,
    pub(super) options: Mutex<TenantOptions>,
    pub(super) credentials: Mutex<Credentials>,
    /// Exact content by name.
    pub(super) secrets: Mutex<BTreeMap<String, String>>,
    pub(super) faults: Faults,
    pub(super) journal: Journal,
}

impl TenantState {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            options: Mutex::default(),
            credentials: Mutex::new(Credentials::random()),
            secrets: Mutex::default(),
            faults: Faults::default(),
            journal: Journal::new(),
        }
    }

    pub(super) fn options(&self) -> TenantOptions {
        lock(&self.options).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().expect("no holder panics")
}

/// Whether a tenant can have this name, which is part of URLs: small letters, digits and dashes.
#[must_use]
pub fn is_tenant_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty() && name.bytes().all(allowed)
}

impl Tenant {
    /// Its name, which is also its identity zone.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.state.name
    }

    /// Changes settings, from the next request on: `tenant.configure(|options| options.quota = 1)`.
    pub fn configure(&self, change: impl FnOnce(&mut TenantOptions)) {
        let mut options = self.state.options();
        change(&mut options);
        *lock(&self.state.options) = options;
    }

    /// `serviceurls.AI_API_URL`, without `/v2`.
    #[must_use]
    pub fn api_url(&self) -> String {
        if lock(&self.state.options).own_api_url {
            format!("{}/api/{}", self.shared.url, self.state.name)
        } else {
            self.shared.url.clone()
        }
    }

    /// The authorization server, `url` of the service key: every tenant has its own.
    #[must_use]
    pub fn authorization_server(&self) -> String {
        self.shared.authorization_url.replace(TENANT, &self.state.name)
    }

    /// OAuth client id; it holds `!` and `|`, as in SAP's service keys.
    #[must_use]
    pub fn client_id(&self) -> String {
        lock(&self.state.credentials).client_id().to_owned()
    }

    /// The current OAuth client secret; unless it was chosen by [`Tenant::rotate_secret`] it holds `$` and `=`.
    #[must_use]
    pub fn client_secret(&self) -> String {
        lock(&self.state.credentials).secret.clone()
    }

    /// A service key with the current client secret, as the BTP cockpit shows it.
    #[must_use]
    pub fn service_key(&self) -> Value {
        service_key::with_secret(&self.place(), &self.client_secret())
    }

    /// The Secret of a service binding with the current client secret, as the SAP BTP service operator writes it by
    /// default: flat, with values that are no strings as JSON text.
    #[must_use]
    pub fn binding_data(&self) -> BTreeMap<String, String> {
        service_key::binding_data(&self.service_key(), self.name())
    }

    /// A service key with a new RSA key and certificate instead of a client secret. Those of earlier calls work on
    /// until [`Tenant::revoke_certificates`].
    ///
    /// # Errors
    ///
    /// When the simulator does not serve TLS.
    pub fn x509_service_key(&self, format: KeyFormat) -> anyhow::Result<Value> {
        self.x509(format, None, None)
    }

    /// The same, with a certificate that has been valid for so long, and is for so much longer.
    ///
    /// # Errors
    ///
    /// When the simulator does not serve TLS.
    pub fn mortal_x509_service_key(&self, lived: Duration, left: Duration) -> anyhow::Result<Value> {
        self.x509(KeyFormat::Pkcs8, None, Some(Life { lived, left }))
    }

    /// The same, with a certificate that the TLS handshake refuses.
    ///
    /// # Errors
    ///
    /// When the simulator does not serve TLS.
    pub fn flawed_x509_service_key(&self, flaw: Flaw) -> anyhow::Result<Value> {
        self.x509(KeyFormat::Pkcs8, Some(flaw), None)
    }

    fn x509(&self, format: KeyFormat, flaw: Option<Flaw>, life: Option<Life>) -> anyhow::Result<Value> {
        let authority = self.shared.authority.as_ref().context("the simulator serves plain http")?;
        let client = authority.client(&self.state.name, format, flaw, life)?;
        lock(&self.state.credentials).add_certificate(client.certificate);
        Ok(service_key::with_certificate(&self.place(), &client.chain, &client.key))
    }

    /// Refuses all client certificates issued so far.
    pub fn revoke_certificates(&self) {
        lock(&self.state.credentials).revoke_certificates();
    }

    /// From now on the client secret is `new`, and earlier ones are refused. Tokens live on, as they do at XSUAA.
    pub fn rotate_secret(&self, new: impl Into<String>) {
        lock(&self.state.credentials).rotate_secret(new.into(), false);
    }

    /// The same, but earlier secrets work as well.
    pub fn rotate_secret_and_keep_old(&self, new: impl Into<String>) {
        lock(&self.state.credentials).rotate_secret(new.into(), true);
    }

    /// Ends all tokens of the tenant now.
    pub fn revoke_tokens(&self) {
        self.shared.tokens.revoke(&self.state);
    }

    /// The stored secrets: name and exact content.
    #[must_use]
    pub fn secrets(&self) -> BTreeMap<String, String> {
        lock(&self.state.secrets).clone()
    }

    /// Stores a secret behind the API's back, regardless of the quota.
    pub fn put(&self, name: impl Into<String>, content: impl Into<String>) {
        lock(&self.state.secrets).insert(name.into(), content.into());
    }

    /// Removes a secret behind the API's back.
    pub fn remove(&self, name: &str) {
        lock(&self.state.secrets).remove(name);
    }

    /// The scripted faults.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.state.faults
    }

    /// The requests of this tenant.
    #[must_use]
    pub fn journal(&self) -> Journal {
        self.state.journal.clone()
    }

    /// Requests with this tenant's tokens at once.
    #[must_use]
    pub fn concurrency(&self) -> Concurrency {
        self.shared.gauges.of(&Scope::Tenant(self.state.name.clone()))
    }

    /// Requests for one secret at once.
    #[must_use]
    pub fn concurrency_of(&self, name: &str) -> Concurrency {
        let scope = Scope::Secret(self.state.name.clone(), name.to_owned());
        self.shared.gauges.of(&scope)
    }

    fn place(&self) -> Place {
        let credentials = lock(&self.state.credentials);
        Place {
            api_url: self.api_url(),
            authorization_server: self.authorization_server(),
            client_id: credentials.client_id().to_owned(),
            zone: self.state.name.clone(),
            zone_id: credentials.zone_id.clone(),
        }
    }
}

impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tenant").field(&self.state.name).finish_non_exhaustive()
    }
}
