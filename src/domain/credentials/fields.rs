//! The fields of a service key, and the names under which they occur.

use zeroize::Zeroizing;

use crate::domain::invalid::Quoted;
use crate::domain::json::{Ambiguous, Json, Object};

/// One field: its name in service keys, its name in the environment of SAP's SDKs, and other spellings.
pub(super) struct Names {
    service_key: &'static str,
    environment: &'static str,
    others: &'static [&'static str],
}

pub(super) const CLIENT_ID: Names =
    Names { service_key: "clientid", environment: "AICORE_CLIENT_ID", others: &["client_id", "clientId"] };
pub(super) const CLIENT_SECRET: Names = Names {
    service_key: "clientsecret",
    environment: "AICORE_CLIENT_SECRET",
    others: &["client_secret", "clientSecret"],
};
pub(super) const URL: Names = Names {
    service_key: "url",
    environment: "AICORE_AUTH_URL",
    others: &["auth_url", "authUrl", "token_url"],
};
pub(super) const CERTIFICATE: Names =
    Names { service_key: "certificate", environment: "AICORE_CERT_STR", others: &[] };
pub(super) const PRIVATE_KEY: Names =
    Names { service_key: "key", environment: "AICORE_KEY_STR", others: &[] };
pub(super) const CERT_URL: Names =
    Names { service_key: "certurl", environment: "AICORE_CERT_URL", others: &["cert_url"] };
/// Outside of `serviceurls`.
const API_URL: Names = Names {
    service_key: "AI_API_URL",
    environment: "AICORE_BASE_URL",
    others: &["ai_api_url", "base_url", "baseUrl"],
};
const SERVICE_URLS: &str = "serviceurls";

/// Whether an object has a field that is only found in service keys (`url` and `key` are found everywhere).
pub(super) fn is_service_key(object: &Object) -> bool {
    let fields = [&CLIENT_ID, &CLIENT_SECRET, &API_URL, &CERT_URL];
    object.has(SERVICE_URLS)
        || object.has(URL.environment)
        || fields.iter().any(|field| field.all().any(|name| object.has(name)))
}

/// A field's text under the quoted name where it stands, or what to say about it.
pub(super) enum Value {
    Text(String, Zeroizing<String>),
    /// The quoted name that the form would use.
    Missing(String),
    /// A clause.
    Wrong(String),
}

pub(super) struct Fields {
    object: Object,
    /// Whether the form uses the names of the environment.
    environment: bool,
}

impl Names {
    fn all(&self) -> impl Iterator<Item = &'static str> {
        [self.service_key, self.environment].into_iter().chain(self.others.iter().copied())
    }
}

impl Fields {
    pub(super) fn new(object: Object) -> Self {
        let environment = object.members().any(|(name, _)| name.starts_with("AICORE_"));
        Self { object, environment }
    }

    /// The first of a field's names that has a value. Line breaks at the end are not part of it.
    pub(super) fn text(&self, field: &Names) -> Value {
        let missing = if self.environment { field.environment } else { field.service_key };
        let mut values = field.all().map(|name| text(&self.object, name, name));
        values
            .find(|value| !matches!(value, Value::Missing(_)))
            .unwrap_or_else(|| Value::Missing(Quoted(missing).to_string()))
    }

    /// `serviceurls.AI_API_URL`, or the same outside of `serviceurls`.
    pub(super) fn api_url(&self) -> Value {
        let outside = self.text(&API_URL);
        let name = "serviceurls.AI_API_URL";
        let service_urls = match self.object.get(SERVICE_URLS) {
            Err(Ambiguous) => return different_values(SERVICE_URLS),
            Ok(None) if self.environment => return outside,
            Ok(None) => return outside.or_missing(name),
            Ok(Some(service_urls)) => service_urls,
        };
        let Some(service_urls) = service_urls.object() else {
            return Value::Wrong(format!("{} is not a JSON object", Quoted(SERVICE_URLS)));
        };
        match text(&service_urls, "AI_API_URL", name) {
            Value::Missing(_) => {}
            other => return other,
        }
        if service_urls.has("ML_API_URL") && matches!(outside, Value::Missing(_)) {
            return Value::Wrong(format!(
                "{} has ML_API_URL but no AI_API_URL, as in old service keys; create a new service key",
                Quoted(SERVICE_URLS)
            ));
        }
        outside.or_missing(name)
    }
}

impl Value {
    fn or_missing(self, name: &str) -> Self {
        if matches!(self, Self::Missing(_)) { Self::Missing(Quoted(name).to_string()) } else { self }
    }
}

fn text(object: &Object, key: &str, name: &str) -> Value {
    let value = match object.get(key) {
        Err(Ambiguous) => return different_values(name),
        Ok(value) => value,
    };
    match value {
        None => Value::Missing(Quoted(name).to_string()),
        Some(Json::Text(text)) => match text.trim_end_matches(['\r', '\n']) {
            blank if blank.trim().is_empty() => Value::Missing(Quoted(name).to_string()),
            text => Value::Text(Quoted(name).to_string(), Zeroizing::new(text.to_owned())),
        },
        Some(_) => Value::Wrong(format!("{} is not text", Quoted(name))),
    }
}

fn different_values(name: &str) -> Value {
    Value::Wrong(format!("{} occurs twice with different values", Quoted(name)))
}
