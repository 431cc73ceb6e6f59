//! An object as a version of the operator left it, with placeholders for what differs from world to world: addresses, names,
//! versions of Secrets, digests and times.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

use aicore_registry_operator::{api::AICoreRegistrySecret, clock};
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use kube::{
    Api, ResourceExt,
    api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams},
};
use serde_json::{Map, Value, json};
use sha2::Sha256;

use super::{CLIENT_SECRET, payload};
use crate::world::World;

/// The folder with a folder for each release.
pub(super) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// An object, named as the state that it is in.
#[derive(Clone, Debug)]
pub(super) struct Fixture {
    pub(super) state: String,
    object: Value,
}

impl Fixture {
    pub(super) fn read(release: &Path, state: &str) -> Self {
        let path = release.join(format!("{state}.yaml"));
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { state: state.to_owned(), object: serde_saphyr::from_str(&text).unwrap() }
    }

    pub(super) fn write(&self, release: &Path) {
        std::fs::create_dir_all(release).unwrap();
        let path = release.join(format!("{}.yaml", self.state));
        std::fs::write(path, serde_saphyr::to_string(&self.object).unwrap()).unwrap();
    }

    /// Of the object as the API server has it now.
    pub(super) async fn of(world: &World, state: &str) -> Self {
        let stored = world.stored(state).await;
        let meta = &stored["metadata"];
        let mut kept = Map::from_iter([("name".to_owned(), json!(state))]);
        for field in ["annotations", "finalizers"] {
            if !meta[field].is_null() {
                kept.insert(field.to_owned(), meta[field].clone());
            }
        }
        let place = Place::of(world, &stored).await;
        let mut status = stored["status"].clone();
        place.leave(&mut status);
        let mut object = json!({
            "apiVersion": stored["apiVersion"], "kind": stored["kind"], "metadata": kept, "spec": stored["spec"], "status": status,
        });
        // The API server sets the time itself.
        object["deleted"] = (!meta["deletionTimestamp"].is_null()).into();
        Self { state: state.to_owned(), object }
    }

    /// Has the API server hold it, as if the operator had gone just now.
    pub(super) async fn make(&self, world: &World) {
        let kind = ApiResource::erase::<AICoreRegistrySecret>(&());
        let objects: Api<DynamicObject> =
            Api::namespaced_with(world.resources().into_client(), &world.namespace, &kind);
        let mut object = self.object.clone();
        let fields = object.as_object_mut().unwrap();
        let (deleted, mut status) = (fields.remove("deleted").unwrap(), fields.remove("status").unwrap());
        let created: DynamicObject = serde_json::from_value(object).unwrap();
        objects.create(&PostParams::default(), &created).await.unwrap();
        if deleted == true {
            objects.delete(&self.state, &DeleteParams::default()).await.unwrap();
        }
        let stored = world.stored(&self.state).await;
        Place::of(world, &stored).await.fill(&mut status);
        let patch = Patch::Merge(json!({ "status": status }));
        let written = objects.patch_status(&self.state, &PatchParams::default(), &patch).await.unwrap();
        assert_eq!(written.data["status"], status, "the schema keeps what {} says", written.name_any());
    }
}

/// What the placeholders stand for.
struct Place {
    /// Text that may be a part of a text, longer ones first.
    parts: [(&'static str, String); 4],
    /// Whole values.
    source: Option<String>,
    key: Option<String>,
    digest: String,
    generation: i64,
    now: Timestamp,
}

impl Place {
    async fn of(world: &World, stored: &Value) -> Self {
        let version = async |field: &str| {
            let name = stored["spec"][field]["name"].as_str().unwrap();
            if name == "absent" { None } else { world.secret_version(name).await }
        };
        let remote =
            stored["spec"]["remoteName"].as_str().unwrap_or(stored["metadata"]["name"].as_str().unwrap());
        let api = world.api_url();
        let host = api.trim_start_matches("http://").split('/').next().unwrap().to_owned();
        Self {
            digest: digest(&payload(), remote, &api),
            parts: [
                ("${authorization}", world.authorization_server()),
                ("${api}", api),
                ("${host}", host),
                ("${namespace}", world.namespace.clone()),
            ],
            source: version("secretRef").await,
            key: version("aiCoreSecretRef").await,
            generation: stored["metadata"]["generation"].as_i64().unwrap(),
            now: clock::now(),
        }
    }

    /// Values to placeholders. `observedGeneration` is told by how far it is behind.
    fn leave(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (field, value) in fields {
                    match (field.as_str(), &*value) {
                        ("observedGeneration", Value::Number(number)) if number.as_i64() > Some(0) => {
                            *value =
                                format!("${{generation-{}}}", self.generation - number.as_i64().unwrap())
                                    .into();
                        }
                        ("credentialsDigest", Value::String(text)) => {
                            assert_eq!(*text, self.digest, "what the format v1 means");
                            *value = "${digest}".into();
                        }
                        ("secretResourceVersion", Value::String(text)) => {
                            assert_eq!(Some(text), self.source.as_ref());
                            *value = "${source}".into();
                        }
                        ("aiCoreSecretResourceVersion", Value::String(text)) => {
                            assert_eq!(Some(text), self.key.as_ref());
                            *value = "${key}".into();
                        }
                        _ => self.leave(value),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.leave(item)),
            Value::String(text) => {
                if let Ok(time) = text.parse::<Timestamp>() {
                    *text = format!("${{now+{}}}", time.duration_since(self.now).as_secs());
                }
                for (placeholder, part) in &self.parts {
                    *text = text.replace(part, placeholder);
                }
            }
            _ => {}
        }
    }

    /// Placeholders to values.
    fn fill(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => fields.values_mut().for_each(|value| self.fill(value)),
            Value::Array(items) => items.iter_mut().for_each(|item| self.fill(item)),
            Value::String(text) => {
                if let Some(behind) = inside(text, "${generation-") {
                    *value = (self.generation - behind).into();
                } else if let Some(seconds) = inside(text, "${now+") {
                    let time = self.now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
                    *text = Timestamp::from_second(time.as_second()).unwrap().to_string();
                } else {
                    match &**text {
                        "${digest}" => text.clone_from(&self.digest),
                        "${source}" => text.clone_from(self.source.as_ref().unwrap()),
                        "${key}" => text.clone_from(self.key.as_ref().unwrap()),
                        _ => {
                            for (placeholder, part) in &self.parts {
                                *text = text.replace(placeholder, part);
                            }
                        }
                    }
                }
            }
            _ => {}
        }
    }
}

fn inside(text: &str, start: &str) -> Option<i64> {
    text.strip_prefix(start)?.strip_suffix('}')?.parse().ok()
}

/// `v1`: what every version that writes it has to mean by it, told once more and apart from the program.
fn digest(payload: &str, remote_name: &str, api_url: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(CLIENT_SECRET.as_bytes()).unwrap();
    for part in [payload, remote_name, api_url] {
        mac.update(&u64::try_from(part.len()).unwrap().to_be_bytes());
        mac.update(part.as_bytes());
    }
    let bytes = mac.finalize().into_bytes();
    bytes.iter().take(16).fold("v1:".to_owned(), |mut digest, byte| {
        write!(digest, "{byte:02x}").unwrap();
        digest
    })
}
