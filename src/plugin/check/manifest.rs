//! Manifests, read as the API server would store them.

use std::{collections::BTreeMap, fmt};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{Held, findings::Finding, schema};
use crate::{
    api::{AICoreRegistrySecretSpec, AICoreTenantSpec, EXPIRES_AT, GROUP, KIND, TENANT_KIND, VERSION},
    domain::{
        parse::{
            docker_config, expiry,
            name::SecretName,
            secret_data::{STALE_LABEL, SecretData},
        },
        tools::{invalid::Quoted, printable::Printable},
    },
};

/// How much of a name is shown, in characters.
const MAX_NAME: usize = 100;
/// How many unknown fields are named.
const MAX_UNKNOWN: usize = 10;

/// Namespace and name; the namespace is empty when the manifest names none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) namespace: String,
    pub(super) name: String,
}

/// Why a manifest cannot be judged: a sentence that names it and the field.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Rejected {
    #[error("{kind} has no metadata.name")]
    NoName { kind: &'static str },
    #[error(
        "metadata.name {} of {kind} is not a name that Kubernetes accepts; write lower-case letters, digits, '-' and '.', \
         with a letter or a digit at both ends and beside each '.'",
        Quoted(name)
    )]
    Name { kind: &'static str, name: String },
    #[error(
        "metadata.namespace {} of {kind} {} cannot be a namespace; write at most 63 lower-case letters, digits and '-', with \
         a letter or a digit at both ends",
        Quoted(namespace),
        Quoted(name)
    )]
    Namespace { kind: &'static str, name: String, namespace: String },
    #[error("{kind} {place} has apiVersion {}; write {}/{}", Quoted(given), GROUP, VERSION)]
    ApiVersion { kind: &'static str, place: Place, given: String },
    #[error(
        "{kind} {place} does not fit its schema: {}",
        if misfits.is_empty() { "see its spec".to_owned() } else { misfits.join("; ") }
    )]
    Schema { kind: &'static str, place: Place, misfits: Vec<String> },
    #[error(
        "Secret {}, key {}: the value under data is not base64; put plain text under stringData",
        Quoted(name),
        Quoted(key)
    )]
    NotBase64 { name: String, key: String },
    #[error(
        "Secret {}, key {}: the value under stringData is not text; put it in quotes",
        Quoted(name),
        Quoted(key)
    )]
    NotText { name: String, key: String },
}

impl Place {
    /// Of a manifest of that kind.
    fn of(kind: &'static str, manifest: &Value, namespace: &str) -> Result<Self, Rejected> {
        let text = |field: &str| manifest.pointer(&format!("/metadata/{field}")).and_then(Value::as_str);
        let name = text("name").ok_or(Rejected::NoName { kind })?;
        let namespace = text("namespace").unwrap_or(namespace);
        if !is_subdomain(name) {
            return Err(Rejected::Name { kind, name: name.to_owned() });
        }
        if !namespace.is_empty()
            && (!is_subdomain(namespace) || namespace.contains('.') || namespace.len() > 63)
        {
            let (name, namespace) = (name.to_owned(), namespace.to_owned());
            return Err(Rejected::Namespace { kind, name, namespace });
        }
        Ok(Self { namespace: namespace.to_owned(), name: name.to_owned() })
    }

    pub(super) fn sibling(&self, name: &str) -> Self {
        Self { namespace: self.namespace.clone(), name: name.to_owned() }
    }
}

/// The rule for names of Secrets is that for names of resources.
fn is_subdomain(name: &str) -> bool {
    SecretName::parse("", name).is_ok()
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace.as_str() {
            "" => f.write_str(&self.name),
            namespace => write!(f, "{namespace}/{}", self.name),
        }
    }
}

/// A resource's manifest.
#[derive(Debug)]
pub(super) struct Resource {
    pub(super) place: Place,
    pub(super) spec: AICoreRegistrySecretSpec,
    /// Paths of what the schema does not have; `kubectl apply` refuses them.
    pub(super) unknown_fields: Vec<String>,
}

impl Resource {
    pub(super) fn read(manifest: &Value, namespace: &str) -> Result<Self, Rejected> {
        let place = Place::of("an AICoreRegistrySecret", manifest, namespace)?;
        let (spec, unknown_fields) = spec_of(KIND, &place, manifest, schema::judge)?;
        Ok(Self { place, spec, unknown_fields })
    }
}

/// An AICoreTenant's manifest.
pub(super) struct Tenant {
    /// In no namespace.
    pub(super) place: Place,
    pub(super) spec: AICoreTenantSpec,
    /// As those of a resource.
    pub(super) unknown_fields: Vec<String>,
}

impl Tenant {
    pub(super) fn read(manifest: &Value) -> Result<Self, Rejected> {
        let place = Place { namespace: String::new(), ..Place::of("an AICoreTenant", manifest, "")? };
        let (spec, unknown_fields) = spec_of(TENANT_KIND, &place, manifest, schema::judge_tenant)?;
        Ok(Self { place, spec, unknown_fields })
    }
}

/// The spec of one of the operator's own kinds, and the paths of what its schema does not have.
fn spec_of<S: Serialize + DeserializeOwned>(
    kind: &'static str,
    place: &Place,
    manifest: &Value,
    judge: fn(&Value) -> schema::Verdict,
) -> Result<(S, Vec<String>), Rejected> {
    let place = || place.clone();
    let given = manifest.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    if given != format!("{GROUP}/{VERSION}") {
        return Err(Rejected::ApiVersion { kind, place: place(), given: given.to_owned() });
    }
    let given = manifest.get("spec").unwrap_or(&Value::Null);
    let misfits = judge(given).misfits;
    let spec: Option<S> = if misfits.is_empty() { serde_json::from_value(given.clone()).ok() } else { None };
    let Some(spec) = spec else {
        // What serde says quotes values, so the schema says it.
        return Err(Rejected::Schema { kind, place: place(), misfits });
    };
    let mut unknown_fields = Vec::new();
    if let Ok(known) = serde_json::to_value(&spec) {
        collect_unknown(given, &known, "spec", &mut unknown_fields);
    }
    Ok((spec, unknown_fields))
}

/// What is given but was not taken over.
fn collect_unknown(given: &Value, known: &Value, path: &str, unknown: &mut Vec<String>) {
    let (Value::Object(given), Value::Object(known)) = (given, known) else { return };
    for (name, value) in given.iter().filter(|(_, value)| !value.is_null()) {
        let path = format!("{path}.{}", Printable::new(name).cut(MAX_NAME));
        match known.get(name) {
            Some(known) => collect_unknown(value, known, &path, unknown),
            None if unknown.len() < MAX_UNKNOWN => unknown.push(path),
            None => {}
        }
    }
}

/// A Secret's manifest.
pub(super) struct Secret {
    pub(super) place: Place,
    content: Content,
}

enum Content {
    Plain(SecretData),
    /// With SOPS.
    Encrypted,
}

impl Secret {
    pub(super) fn read(manifest: &Value, namespace: &str) -> Result<Self, Rejected> {
        let place = Place::of("a Secret", manifest, namespace)?;
        if manifest.get("sops").is_some() {
            return Ok(Self { place, content: Content::Encrypted });
        }
        let mut data = BTreeMap::new();
        for (key, value) in entries(manifest, "data") {
            // The API server ignores line breaks in base64 too.
            let text = value.as_str().map(|text| text.replace(['\r', '\n'], ""));
            let bytes = match text.map(|text| STANDARD.decode(text)) {
                Some(Ok(bytes)) => bytes,
                None if value.is_null() => Vec::new(),
                _ => {
                    return Err(Rejected::NotBase64 { name: place.name, key: key.clone() });
                }
            };
            data.insert(key.clone(), Zeroizing::new(bytes));
        }
        for (key, value) in entries(manifest, "stringData") {
            let Some(text) = value.as_str().or(value.is_null().then_some("")) else {
                return Err(Rejected::NotText { name: place.name, key: key.clone() });
            };
            data.insert(key.clone(), Zeroizing::new(text.as_bytes().to_vec()));
        }
        let stale =
            manifest.pointer("/metadata/labels").is_some_and(|labels| labels.get(STALE_LABEL).is_some());
        let type_ = manifest.get("type").and_then(Value::as_str).map(str::to_owned);
        let annotation = |name: &str| {
            let annotations = manifest.pointer("/metadata/annotations")?;
            annotations.get(name).and_then(Value::as_str).map(expiry::kept)
        };
        let annotations = expiry::Annotations {
            ours: annotation(EXPIRES_AT),
            external_secrets: annotation(expiry::EXTERNAL_SECRETS),
        };
        let secret = SecretData::new(&*place.name, type_, stale, data).with_expiry(annotations);
        let content = Content::Plain(secret);
        Ok(Self { place, content })
    }

    pub(super) fn held(&self, part: &'static str) -> Held {
        match &self.content {
            Content::Plain(data) => Held::Read(data.clone()),
            Content::Encrypted => Held::Unread(Finding::unchecked(
                part,
                format!(
                    "not checked: Secret {} is encrypted with SOPS; decrypt it and give it with -f -",
                    Quoted(&self.place.name)
                ),
            )),
        }
    }

    /// Whether it says so; what it holds is judged later.
    pub(super) fn has_docker_config(&self) -> bool {
        let Content::Plain(data) = &self.content else { return false };
        docker_config::declares(data)
    }
}

fn entries<'a>(manifest: &'a Value, field: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    manifest.get(field).and_then(Value::as_object).into_iter().flat_map(Map::iter)
}

#[cfg(test)]
mod tests;
