//! The cases in files: each resource with the Secrets that it names, or else each credential by itself.

use std::collections::BTreeMap;

use serde_json::Value;
use zeroize::Zeroizing;

use super::{
    Case, Held,
    files::File,
    findings::Finding,
    manifest::{Place, Resource, Secret},
};
use crate::{
    api,
    domain::{
        docker_config::DOCKER_CONFIG_JSON_KEY,
        invalid::{Quoted, quoted_list},
        secret_data::SecretData,
    },
    plugin::Failed,
};

/// The name of the key under which a service key file is taken to be stored.
const SERVICE_KEY_FILE: &str = "service-key.json";

/// Everything that the files hold. `namespace` is that of manifests that name none.
pub(super) fn cases(files: &[File], namespace: Option<&str>) -> Result<Vec<Case>, Failed> {
    let mut inventory = Inventory { namespace: namespace.unwrap_or_default(), ..Inventory::default() };
    for file in files {
        match documents(&file.text) {
            Ok(documents) => {
                let alone = documents.len() == 1;
                for document in documents {
                    inventory.add(file, document, alone);
                }
            }
            Err(sentence) => inventory.broken(file, sentence),
        }
    }
    let cases = inventory.into_cases();
    if cases.is_empty() {
        return Err(Failed::Usage(
            "the files have no AICoreRegistrySecret, Secret, docker config or service key".to_owned(),
        ));
    }
    Ok(cases)
}

#[derive(Default)]
struct Inventory<'a> {
    namespace: &'a str,
    resources: Vec<Resource>,
    secrets: BTreeMap<Place, Secret>,
    /// Cases that need nothing else.
    alone: Vec<Case>,
}

impl Inventory<'_> {
    fn add(&mut self, file: &File, document: Value, alone: bool) {
        let kind = document.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
        let version = document.get("apiVersion").and_then(Value::as_str).unwrap_or_default().to_owned();
        match (version.as_str(), kind.as_str(), document) {
            (_, _, Value::Null) => {}
            ("v1", "List", Value::Object(mut list)) => {
                if let Some(Value::Array(items)) = list.remove("items") {
                    items.into_iter().for_each(|item| self.add(file, item, false));
                }
            }
            ("v1", "Secret", document) => match Secret::read(&document, self.namespace) {
                Ok(secret) => _ = self.secrets.insert(secret.place.clone(), secret),
                Err(sentence) => self.broken(file, sentence),
            },
            (version, api::KIND, document) if version.starts_with(api::GROUP) => {
                match Resource::read(&document, self.namespace) {
                    Ok(resource) => self.resources.push(resource),
                    Err(sentence) => self.broken(file, sentence),
                }
            }
            // Manifests of other kinds are somebody else's.
            (version, kind, _) if !version.is_empty() && !kind.is_empty() => {}
            (.., document) => self.bare(file, &document, alone),
        }
    }

    /// A credential that is no manifest.
    fn bare(&mut self, file: &File, document: &Value, alone: bool) {
        // As it stands, where possible: the domain notices what a parser has smoothed, such as a key that occurs twice.
        let text = if alone && is_json(&file.text) { file.text.clone() } else { document.to_string() };
        let held = |key: &str, type_: &str| {
            let data = BTreeMap::from([(key.to_owned(), Zeroizing::new(text.clone().into_bytes()))]);
            Some(Held::Read(SecretData::new(&*file.name, Some(type_.to_owned()), false, data)))
        };
        let mut case =
            Case { title: String::new(), found: Vec::new(), resource: None, source: None, service_key: None };
        let has = |names: &[&str]| names.iter().any(|name| document.get(name).is_some());
        let environment =
            document.as_object().is_some_and(|object| object.keys().any(|name| name.starts_with("AICORE_")));
        if has(&["auths", "credsStore", "credHelpers"]) {
            case.title = format!("Docker config in {}", file.name);
            case.source = held(DOCKER_CONFIG_JSON_KEY, "kubernetes.io/dockerconfigjson");
        } else if environment
            || has(&["clientid", "client_id", "clientsecret", "serviceurls", "certurl", "credentials"])
        {
            case.title = format!("Service key in {}", file.name);
            case.service_key = held(SERVICE_KEY_FILE, "Opaque");
        } else {
            return self.broken(
                file,
                "it is no manifest with apiVersion and kind, no docker config with auths, and no AI Core service key with \
                 clientid"
                    .to_owned(),
            );
        }
        self.alone.push(case);
    }

    fn broken(&mut self, file: &File, sentence: String) {
        self.alone.push(Case {
            title: file.name.clone(),
            found: vec![Finding::wrong("file", sentence)],
            resource: None,
            source: None,
            service_key: None,
        });
    }

    fn into_cases(self) -> Vec<Case> {
        let Self { resources, secrets, alone, .. } = self;
        let mut cases: Vec<Case> = if resources.is_empty() {
            secrets.values().map(secret_alone).collect()
        } else {
            resources.into_iter().map(|resource| with_secrets(resource, &secrets)).collect()
        };
        cases.extend(alone);
        cases
    }
}

fn with_secrets(resource: Resource, secrets: &BTreeMap<Place, Secret>) -> Case {
    let Resource { place, spec, unknown_fields } = resource;
    let held = |part, field, name: &str| match secrets.get(&place.sibling(name)) {
        Some(secret) => secret.held(part),
        None => {
            let others: Vec<&str> = secrets
                .keys()
                .filter(|other| other.namespace == place.namespace)
                .map(|other| &*other.name)
                .collect();
            let others = if others.is_empty() {
                "no Secret of its namespace".to_owned()
            } else {
                format!("only {}", quoted_list(others))
            };
            Held::Unread(Finding::note(
                part,
                format!(
                    "not checked: Secret {}, which {field} names, is not in the files, which have {others}",
                    Quoted(name)
                ),
            ))
        }
    };
    Case {
        title: format!("AICoreRegistrySecret {place}"),
        found: unknown_fields
            .iter()
            .map(|field| {
                Finding::wrong("spec", format!("{field} is not a field of {}; see the spelling", api::KIND))
            })
            .collect(),
        source: Some(held("credential", "spec.secretRef", &spec.secret_ref.name)),
        service_key: Some(held("service key", "spec.aiCoreSecretRef", &spec.ai_core_secret_ref.name)),
        resource: Some((place.name, spec)),
    }
}

/// Without a resource, a Secret with a docker config is judged as that, and any other as a service key.
fn secret_alone(secret: &Secret) -> Case {
    let docker = secret.has_docker_config();
    let (source, service_key) = if docker {
        (Some(secret.held("credential")), None)
    } else {
        (None, Some(secret.held("service key")))
    };
    Case { title: format!("Secret {}", secret.place), found: Vec::new(), resource: None, source, service_key }
}

fn is_json(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

/// The documents of a file. Parsers quote what they do not understand, so only the place is taken from their errors.
fn documents(text: &str) -> Result<Vec<Value>, String> {
    if is_json(text) {
        return serde_json::Deserializer::from_str(text).into_iter().collect::<Result<_, _>>().map_err(
            |error| format!("it is not valid JSON (line {}, column {})", error.line(), error.column()),
        );
    }
    serde_saphyr::from_multiple(text).map_err(|error| {
        let place = error
            .location()
            .map_or(String::new(), |place| format!(" (line {}, column {})", place.line(), place.column()));
        format!("it is not valid YAML{place}")
    })
}

#[cfg(test)]
mod tests;
