//! The cases in files: each resource with the Secrets that it names, or else each credential by itself.

use std::{collections::BTreeMap, fmt::Display};

use serde_json::Value;
use zeroize::Zeroizing;

use super::{
    Case, Held, KeyFound, documents,
    files::{File, Source},
    findings::Finding,
    manifest::{Place, Resource, Secret, Tenant},
    shared,
};
use crate::{
    api,
    domain::{
        parse::{
            docker_config::{self, DOCKER_CONFIG_JSON_KEY, DOCKER_CONFIG_JSON_TYPE},
            name::SecretName,
            secret_data::SecretData,
            service_key::{self, SERVICE_KEY_FILE},
        },
        tools::invalid::{Quoted, quoted_list},
    },
    plugin::Failed,
};

/// Most manifests in all files.
const MAX_MANIFESTS: usize = 10_000;

/// Everything that the files hold. `namespace` is that of manifests that name none.
pub(super) fn cases(files: &[File], namespace: Option<&str>) -> Result<Vec<Case>, Failed> {
    let mut inventory = Inventory { namespace: namespace.unwrap_or_default(), ..Inventory::default() };
    for file in files {
        match documents::read(&file.text) {
            Ok(documents) => {
                let alone = documents.len() == 1;
                for (number, document) in (1..).zip(documents) {
                    let number = (!alone).then_some(number);
                    inventory.add(&Origin { file, number }, document)?;
                }
            }
            Err(broken) => inventory.broken(&Origin { file, number: None }, broken),
        }
    }
    let cases = inventory.into_cases();
    if cases.is_empty() {
        return Err(Failed::usage(
            "the files have no AICoreRegistrySecret, AICoreTenant, Secret, docker config or service key",
        ));
    }
    Ok(cases)
}

/// Where a document is.
struct Origin<'a> {
    file: &'a File,
    /// Which of the file's documents it is, from 1 on; none if it is the only one.
    number: Option<usize>,
}

#[derive(Default)]
struct Inventory<'a> {
    namespace: &'a str,
    /// How many manifests there were, those of lists and of other kinds included.
    manifests: usize,
    resources: Vec<Resource>,
    tenants: BTreeMap<String, Tenant>,
    secrets: BTreeMap<Place, Secret>,
    /// Cases that need nothing else.
    alone: Vec<Case>,
}

impl Inventory<'_> {
    fn add(&mut self, origin: &Origin<'_>, document: Value) -> Result<(), Failed> {
        self.manifests += 1;
        if self.manifests > MAX_MANIFESTS {
            return Err(Failed::usage(format_args!(
                "-f: the files hold more than {MAX_MANIFESTS} manifests; give the ones that matter"
            )));
        }
        let kind = document.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
        let version = document.get("apiVersion").and_then(Value::as_str).unwrap_or_default().to_owned();
        match (version.as_str(), kind.as_str(), document) {
            (_, _, Value::Null) => {}
            ("v1", "List", Value::Object(mut list)) => {
                if let Some(Value::Array(items)) = list.remove("items") {
                    let origin = Origin { number: origin.number.or(Some(1)), ..*origin };
                    return items.into_iter().try_for_each(|item| self.add(&origin, item));
                }
            }
            ("v1", "Secret", document) => match Secret::read(&document, self.namespace) {
                Ok(secret) => _ = self.secrets.insert(secret.place.clone(), secret),
                Err(rejected) => self.broken(origin, rejected),
            },
            (version, api::KIND, document) if version.starts_with(api::GROUP) => {
                match Resource::read(&document, self.namespace) {
                    Ok(resource) => self.resources.push(resource),
                    Err(rejected) => self.broken(origin, rejected),
                }
            }
            (version, api::TENANT_KIND, document) if version.starts_with(api::GROUP) => {
                match Tenant::read(&document) {
                    Ok(tenant) => _ = self.tenants.insert(tenant.place.name.clone(), tenant),
                    Err(rejected) => self.broken(origin, rejected),
                }
            }
            // Manifests of other kinds are somebody else's.
            (version, kind, _) if !version.is_empty() && !kind.is_empty() => {}
            (.., document) => self.bare(origin, &document),
        }
        Ok(())
    }

    /// A credential that is no manifest.
    fn bare(&mut self, origin: &Origin<'_>, document: &Value) {
        let Origin { file, number } = *origin;
        // As it stands, where possible: the domain notices what a parser has smoothed, such as a key that occurs twice.
        let text = match document {
            Value::String(text) => text.clone(),
            _ if number.is_none() && documents::is_json(&file.text) => file.text.clone(),
            _ => document.to_string(),
        };
        let held = |key: &str, type_: &str| {
            let content = Zeroizing::new(text.clone().into_bytes());
            Some(Held::Read(SecretData::of_file(&*file.name, type_, key, content)))
        };
        let mut case = Case {
            title: String::new(),
            found: Vec::new(),
            resource: None,
            source: None,
            service_key: None,
            key_field: None,
        };
        if docker_config::recognises(text.as_bytes()) {
            case.title = format!("Docker config in {}", file.name);
            case.source = held(DOCKER_CONFIG_JSON_KEY, DOCKER_CONFIG_JSON_TYPE);
        } else if service_key::recognises(text.as_bytes()) {
            case.title = format!("Service key in {}", file.name);
            case.service_key = held(SERVICE_KEY_FILE, "Opaque");
        } else {
            return self.unknown(
                origin,
                "it is no manifest with apiVersion and kind, no docker config with auths, and no AI Core service key with \
                 clientid"
                    .to_owned(),
            );
        }
        self.alone.push(case);
    }

    fn broken(&mut self, origin: &Origin<'_>, sentence: impl Display) {
        self.remark(origin, Finding::wrong("file", sentence));
    }

    /// A folder may hold what is somebody else's; who names a file means it.
    fn unknown(&mut self, origin: &Origin<'_>, sentence: String) {
        self.remark(
            origin,
            match origin.file.source {
                Source::Named => Finding::wrong("file", sentence),
                Source::Folder => Finding::note("file", format!("skipped: {sentence}")),
            },
        );
    }

    fn remark(&mut self, origin: &Origin<'_>, finding: Finding) {
        let place = origin.number.map_or(String::new(), |number| format!(", document {number}"));
        self.alone.push(Case {
            title: format!("File {}{place}", Quoted(&origin.file.name)),
            found: vec![finding],
            resource: None,
            source: None,
            service_key: None,
            key_field: None,
        });
    }

    fn into_cases(self) -> Vec<Case> {
        let Self { resources, tenants, secrets, alone, .. } = self;
        let mut cases: Vec<Case> = if resources.is_empty() && tenants.is_empty() {
            secrets.values().map(secret_alone).collect()
        } else {
            let shared = tenants.values().map(|tenant| shared::tenant(tenant, &secrets));
            shared.chain(resources.into_iter().map(|one| with_secrets(one, &tenants, &secrets))).collect()
        };
        cases.extend(alone);
        cases
    }
}

fn with_secrets(
    resource: Resource,
    tenants: &BTreeMap<String, Tenant>,
    secrets: &BTreeMap<Place, Secret>,
) -> Case {
    let mut found = unknown_fields(api::KIND, &resource.unknown_fields);
    let Resource { place, spec, .. } = &resource;
    let named = |part, field, name: &str| held(secrets, part, field, &place.sibling(name));
    let (own, by_tenant) = (spec.ai_core_secret_ref.as_ref(), spec.tenant_ref.as_ref());
    let KeyFound { held: service_key, field: key_field, allowed } = match (own, by_tenant) {
        (Some(own), _) => KeyFound {
            held: named("service key", "spec.aiCoreSecretRef", &own.name),
            field: own.key.clone(),
            allowed: None,
        },
        (None, Some(reference)) => match tenants.get(&reference.name) {
            Some(tenant) => shared::key(&resource, tenant, secrets),
            None => shared::not_here(&reference.name),
        },
        // That is a fault of the spec.
        (None, None) => KeyFound::default(),
    };
    found.extend(allowed);
    Case {
        title: format!("AICoreRegistrySecret {place}"),
        found,
        source: named("credential", "spec.secretRef", &spec.secret_ref.name),
        service_key,
        key_field,
        resource: Some((resource.place.name, resource.spec)),
    }
}

/// The Secret of that place, which `field` names. `None`: there can be none; what is wrong with the name is found with the rest of
/// the spec.
pub(super) fn held(
    secrets: &BTreeMap<Place, Secret>,
    part: &'static str,
    field: &str,
    place: &Place,
) -> Option<Held> {
    if let Some(secret) = secrets.get(place) {
        return Some(secret.held(part));
    }
    SecretName::parse(field, &place.name).ok()?;
    let others = secrets.keys().filter(|other| other.namespace == place.namespace);
    let others: Vec<&str> = others.map(|other| &*other.name).collect();
    let others = if others.is_empty() {
        "no Secret of its namespace".to_owned()
    } else {
        format!("only {}", quoted_list(others))
    };
    Some(Held::Unread(Finding::unchecked(
        part,
        format!(
            "not checked: Secret {}, which {field} names, is not in the files, which have {others}",
            Quoted(&place.name)
        ),
    )))
}

/// What the schema of the kind does not have.
pub(super) fn unknown_fields(kind: &str, fields: &[String]) -> Vec<Finding> {
    let sentence = |field: &String| format!("{field} is not a field of {kind}; see the spelling");
    fields.iter().map(|field| Finding::wrong("spec", sentence(field))).collect()
}

/// Without a resource, a Secret with a docker config is judged as that, and any other as a service key.
fn secret_alone(secret: &Secret) -> Case {
    let docker = secret.has_docker_config();
    let (source, service_key) = if docker {
        (Some(secret.held("credential")), None)
    } else {
        (None, Some(secret.held("service key")))
    };
    Case {
        title: format!("Secret {}", secret.place),
        found: Vec::new(),
        resource: None,
        source,
        service_key,
        key_field: None,
    }
}

#[cfg(test)]
mod tests;
