//! What users write, in any form: credentials, service keys, URLs.

mod hosts;
mod words;

use std::{collections::BTreeMap, sync::LazyLock};

use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::Value;
use url::Url;
use zeroize::Zeroizing;

use self::words::{CREDENTIAL_WORDS, KEY_WORDS};
use super::{
    allowed_hosts::{AllowedHosts, DEFAULT_ALLOWED_HOSTS},
    api_url::{ApiUrl, AuthorizationServer},
    bounds,
    certificate::Certificate,
    docker_config::{self, Payload, Selection},
    pem,
    secret_data::SecretData,
    service_key::{self, Grant, ServiceKey},
};
use crate::{
    domain::tools::invalid::Invalid,
    fuzz::{Outcome, Secrets, Syntax, Target, assert_hidden, fuzz},
};

/// The longest sentence about a Secret, in bytes. What is longer in a status is cut.
const SENTENCE: usize = 8 * bounds::MESSAGE;

/// The longest docker config that AI Core can keep, in bytes.
const PAYLOAD: usize = 1 << 20;

/// A Secret, and what the spec says about it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Envelope {
    #[serde(rename = "type")]
    type_: Option<String>,
    stale: bool,
    /// Texts, or objects with base64 for bytes that are none.
    data: BTreeMap<String, Value>,
    server: Option<String>,
    username_key: Option<String>,
    password_key: Option<String>,
    registries: Option<Vec<String>>,
    /// `spec.aiCoreSecretRef.key`.
    field: Option<String>,
}

impl Envelope {
    fn read(input: &[u8]) -> Option<Self> {
        // Other fields may be nested deeper than the rules on secrets look.
        serde_json::from_slice::<Value>(input).ok()?;
        serde_json::from_slice(input).ok()
    }

    fn secret(&self) -> SecretData {
        let bytes = |value: &Value| match value {
            Value::String(text) => text.as_bytes().to_vec(),
            Value::Object(members) => {
                let base64 = members.get("base64").and_then(Value::as_str).unwrap_or_default();
                STANDARD.decode(base64).unwrap_or_default()
            }
            other => other.to_string().into_bytes(),
        };
        let data = self.data.iter().map(|(key, value)| (key.clone(), Zeroizing::new(bytes(value)))).collect();
        SecretData::new("registry", self.type_.clone(), self.stale, data)
    }

    fn selection(&self) -> Selection<'_> {
        Selection {
            server: self.server.as_deref(),
            username_key: self.username_key.as_deref(),
            password_key: self.password_key.as_deref(),
            registries: self.registries.as_deref(),
        }
    }
}

fn under(key: &str, type_: Option<&str>, value: &[u8]) -> SecretData {
    let data = BTreeMap::from([(key.to_owned(), Zeroizing::new(value.to_vec()))]);
    SecretData::new("registry", type_.map(str::to_owned), false, data)
}

fn refused(invalid: &Invalid, secrets: impl FnOnce() -> Secrets) -> Outcome {
    let sentence = invalid.to_string();
    assert!(sentence.len() <= SENTENCE, "a sentence of {} bytes", sentence.len());
    assert!(!sentence.contains(char::is_control), "{sentence:?}");
    assert_hidden(&sentence, secrets);
    Outcome::of_sentence(&sentence)
}

/// What is sent for a Secret has the form that AI Core understands, and says of itself what it is: read again, it is the same.
fn sent(payload: &Payload, secrets: impl Fn() -> Secrets) -> Outcome {
    let config: BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>> =
        serde_json::from_str(payload.expose()).expect("the payload is a docker config");
    let auths = &config["auths"];
    assert!(config.len() == 1 && !auths.is_empty());
    for (registry, login) in auths {
        assert_eq!(login.keys().collect::<Vec<_>>(), ["password", "username"], "{registry}");
        assert!(login.values().all(|value| !value.is_empty()), "{registry}");
        assert!(!registry.contains(|c: char| c.is_whitespace() || c.is_control()), "{registry:?}");
    }
    assert_eq!(auths.keys().collect::<Vec<_>>(), payload.registries().iter().collect::<Vec<_>>());
    assert!(payload.expose().len() <= PAYLOAD);
    payload.remarks().iter().for_each(|remark| assert_hidden(remark, &secrets));
    let again = under(docker_config::DOCKER_CONFIG_JSON_KEY, None, payload.expose().as_bytes());
    let again = docker_config::payload(&again, &Selection::default());
    assert_eq!(again.map(|again| again.expose().to_owned()).as_deref(), Ok(payload.expose()));
    Outcome::of(("sent", auths.len().min(20), payload.remarks().len().min(20)))
}

fn docker_config_attempt(input: &[u8]) -> Outcome {
    let secrets = || Secrets::of_json(input);
    let recognised = docker_config::recognises(input);
    let old =
        docker_config::payload(&under(docker_config::DOCKER_CFG_KEY, None, input), &Selection::default());
    let new = docker_config::payload(
        &under(docker_config::DOCKER_CONFIG_JSON_KEY, None, input),
        &Selection::default(),
    );
    let outcomes = [old, new].map(|result| match result {
        Ok(payload) => sent(&payload, secrets),
        Err(invalid) => refused(&invalid, secrets),
    });
    Outcome::of((recognised, outcomes))
}

fn registry_secret_attempt(input: &[u8]) -> Outcome {
    let Some(envelope) = Envelope::read(input) else { return Outcome::of("no envelope") };
    let secrets = || Secrets::of_json(input);
    let secret = envelope.secret();
    let declared = docker_config::declares(&secret);
    let outcome = match docker_config::payload(&secret, &envelope.selection()) {
        Ok(payload) => sent(&payload, secrets),
        Err(invalid) => refused(&invalid, secrets),
    };
    Outcome::of((declared, outcome))
}

fn is_admitted(url: &Url, allowed: &AllowedHosts) {
    assert_eq!(allowed.url(url.as_str()).as_ref(), Ok(url), "where requests go is allowed");
}

/// A service key leads nowhere but to allowed hosts, and its tenant is the same however it is spelt.
fn usable(key: &ServiceKey, allowed: &AllowedHosts, secrets: impl Fn() -> Secrets) -> Outcome {
    is_admitted(&key.token_url(), allowed);
    is_admitted(&key.api_url().join("/v2/admin/dockerRegistrySecrets"), allowed);
    let tenant = key.tenant();
    assert_eq!(ApiUrl::parse(&tenant.api_url, allowed).as_ref(), Ok(key.api_url()));
    assert_eq!(
        AuthorizationServer::parse(&tenant.authorization_server, allowed).as_ref(),
        Ok(key.authorization_server())
    );
    assert!(!key.client_id().is_empty() && !key.hmac_key().expose_secret().is_empty());
    assert_hidden(&format!("{key:?} {tenant}"), secrets);
    Outcome::of((matches!(key.grant(), Grant::X509 { .. }), key.certificate_validity().is_some()))
}

fn read_key(secret: &SecretData, key: Option<&str>, secrets: impl Fn() -> Secrets) -> Outcome {
    static ALLOWED: LazyLock<AllowedHosts> =
        LazyLock::new(|| AllowedHosts::parse(DEFAULT_ALLOWED_HOSTS, false).unwrap());
    match service_key::parse(secret, key, &ALLOWED) {
        Ok(key) => usable(&key, &ALLOWED, secrets),
        Err(invalid) => refused(&invalid, secrets),
    }
}

fn service_key_attempt(input: &[u8]) -> Outcome {
    let secrets = || Secrets::of_json(input);
    let recognised = service_key::recognises(input);
    let anywhere = read_key(&under("any", None, input), None, secrets);
    let there = read_key(
        &under(service_key::SERVICE_KEY_FILE, None, input),
        Some(service_key::SERVICE_KEY_FILE),
        secrets,
    );
    Outcome::of((recognised, anywhere, there))
}

fn binding_attempt(input: &[u8]) -> Outcome {
    let Some(envelope) = Envelope::read(input) else { return Outcome::of("no envelope") };
    read_key(&envelope.secret(), envelope.field.as_deref(), || Secrets::of_json(input))
}

/// PEM in all its spellings, and DER.
fn certificate_attempt(input: &[u8]) -> Outcome {
    let direct = Certificate::read(input).map(|certificate| certificate.validity);
    let text = String::from_utf8_lossy(input);
    let chain = pem::certificate_chain(&text);
    let inside = chain.as_ref().ok().and_then(|chain| pem::der(chain));
    let inside = inside.as_deref().and_then(Certificate::read).map(|certificate| certificate.validity);
    if let Ok(chain) = &chain {
        assert_eq!(pem::certificate_chain(chain).as_ref(), Ok(chain), "what was read is read as the same");
    }
    let malformed = chain.err().map(|malformed| Outcome::of_sentence(&malformed.to_string()));
    let key = pem::private_key(&text).err().map(|malformed| Outcome::of_sentence(&malformed.to_string()));
    Outcome::of((direct.is_some(), inside.is_some(), malformed, key))
}

#[test]
fn docker_config() {
    let dictionary = CREDENTIAL_WORDS;
    fuzz(&Target {
        name: "docker_config",
        short: 1_500,
        syntax: Syntax::Json,
        dictionary,
        attempt: docker_config_attempt,
    });
}

#[test]
fn registry_secrets() {
    let dictionary = CREDENTIAL_WORDS;
    let attempt = registry_secret_attempt;
    fuzz(&Target { name: "registry_secrets", short: 2_000, syntax: Syntax::Envelope, dictionary, attempt });
}

#[test]
fn service_key() {
    let dictionary = KEY_WORDS;
    fuzz(&Target {
        name: "service_key",
        short: 500,
        syntax: Syntax::Json,
        dictionary,
        attempt: service_key_attempt,
    });
}

#[test]
fn bindings() {
    let dictionary = KEY_WORDS;
    fuzz(&Target {
        name: "bindings",
        short: 500,
        syntax: Syntax::Envelope,
        dictionary,
        attempt: binding_attempt,
    });
}

#[test]
fn certificates() {
    let dictionary = KEY_WORDS;
    fuzz(&Target {
        name: "certificates",
        short: 2_000,
        syntax: Syntax::Bytes,
        dictionary,
        attempt: certificate_attempt,
    });
}
