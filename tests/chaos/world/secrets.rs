//! The Secrets of an episode: service keys, and registry credentials with what they say of their end.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use testbed::simulator::binding_data;

use super::{World, wall_clock};
use crate::{
    cluster::insist,
    credential::{Content, client_secret},
    plan::{ADMINISTRATOR, End, KeyName, Place, Saying},
    recording::{KeyVersion, Said, SourceVersion},
};

/// The annotation that says when a credential ends.
const EXPIRES_AT: &str = "aicore-registry.dev/expires-at";
/// The one of External Secrets.
const EXTERNAL: &str = "expiresAt";

/// What the names of Secrets with shared service keys begin with.
pub(crate) const VAULT: &str = "vault";

/// The name of the Secret with a service key. Those that are shared have names that are seen nowhere else.
pub(crate) fn key_secret(place: usize, key: KeyName) -> String {
    if place == ADMINISTRATOR { format!("{VAULT}-{}", key.as_str()) } else { key.as_str().to_owned() }
}

/// The name of a source Secret of a resource.
pub(crate) fn source_name(resource: &str, source: usize) -> String {
    format!("{resource}-s{source}")
}

impl World<'_> {
    /// Writes the Secret of a service key, which leads to the tenant.
    pub(crate) async fn write_key(&self, place: usize, key: KeyName, number: usize) {
        let (name, namespace) = (key_secret(place, key), self.namespace(place));
        let tenant = self.tenant(number);
        let life = self.setting.certificates.then(|| certificate_life(place, key)).flatten();
        let made = wall_clock();
        let service_key = match life {
            Some((lived, left)) => tenant.mortal_x509_service_key(lived, left).unwrap(),
            None => tenant.service_key(),
        };
        // Its times have whole seconds, and making one takes a while.
        let ends = life.map(|(_, left)| ((made + left).as_second(), (wall_clock() + left).as_second() + 1));
        let text = service_key.to_string().replace(self.simulator.url(), &self.ai_core());
        let mut service_key: Value = serde_json::from_str(&text).unwrap();
        let real = key != KeyName::Forged;
        if !real {
            service_key["clientsecret"] = client_secret("forged", 0).into();
        }
        let data = binding_data(&service_key, tenant.name());
        let from = self.now();
        self.write_secret(namespace, &name, "Opaque", &data, &BTreeMap::new()).await;
        let version = KeyVersion {
            key: (namespace.to_owned(), name),
            from,
            to: self.now(),
            tenant: Some((tenant.name().to_owned(), real)),
            broken: false,
            ends,
        };
        self.record().keys.push(version);
    }

    /// The Secret of a service key holds none from now on.
    pub(crate) async fn break_key(&self, place: usize, key: KeyName) {
        let (name, namespace) = (key_secret(place, key), self.namespace(place));
        let from = self.now();
        let data = BTreeMap::from([("note".to_owned(), "to be done".to_owned())]);
        self.write_secret(namespace, &name, "Opaque", &data, &BTreeMap::new()).await;
        let key = (namespace.to_owned(), name);
        let version = KeyVersion { key, from, to: self.now(), tenant: None, broken: true, ends: None };
        self.record().keys.push(version);
    }

    /// Writes a source Secret with its next content; the password stays unless `whole`.
    pub(crate) async fn write_source(&self, namespace: &str, name: &str, whole: bool) {
        let key = (namespace.to_owned(), name.to_owned());
        let contents = self.tools().contents.get(&key).cloned().unwrap_or_default();
        let version = contents.iter().map(|content| content.version).max().unwrap_or_default() + 1;
        let password = contents.last().filter(|_| !whole).map_or(version, |last| last.password);
        let content = Content { namespace: namespace.to_owned(), secret: name.to_owned(), version, password };
        self.write_content(content).await;
    }

    /// Writes a source Secret with this content, and what it says of its end.
    pub(crate) async fn write_content(&self, content: Content) {
        let key = (content.namespace.clone(), content.secret.clone());
        self.tools().contents.entry(key.clone()).or_default().push(content.clone());
        let from = self.now();
        let mut data = content.data();
        let mut annotations = BTreeMap::new();
        let mut says = Vec::new();
        for saying in self.tools().sayings.get(&key).cloned().unwrap_or_default() {
            let text = text_of(saying, wall_clock());
            says.push(Said { own: saying.place == Place::Annotation, text: text.clone() });
            match saying.place {
                Place::Annotation => annotations.insert(EXPIRES_AT.to_owned(), text),
                Place::External => annotations.insert(EXTERNAL.to_owned(), text),
                Place::Key(name) => data.insert(name.to_owned(), text),
            };
        }
        let type_ = "kubernetes.io/dockerconfigjson";
        let secret = self.write_secret(&key.0, &key.1, type_, &data, &annotations).await;
        let version = secret.metadata.resource_version.unwrap();
        let to = self.now();
        self.record().sources.push(SourceVersion { key, version, from, to, content: Some(content), says });
        self.count("rotations", 1);
    }

    /// A source Secret says this of its end, now if it is there, and whenever it changes; the credential stays.
    pub(crate) async fn say(&self, namespace: &str, name: &str, says: &[Saying]) {
        let key = (namespace.to_owned(), name.to_owned());
        self.tools().sayings.insert(key.clone(), says.to_vec());
        let there = self.record().source_now(&key).map(|(content, _)| content.clone());
        if let Some(content) = there {
            self.write_content(content).await;
        }
    }

    async fn write_secret(
        &self,
        namespace: &str,
        name: &str,
        type_: &str,
        data: &BTreeMap<String, String>,
        annotations: &BTreeMap<String, String>,
    ) -> Secret {
        // As `data`, so that what is not among it any more goes.
        let data: BTreeMap<&String, String> =
            data.iter().map(|(key, value)| (key, STANDARD.encode(value))).collect();
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "type": type_, "data": data,
            "metadata": { "name": name, "annotations": annotations },
        });
        let api = self.secrets(namespace);
        let params = PatchParams::apply("chaos").force();
        insist(async || api.patch(name, &params, &Patch::Apply(&secret)).await).await.unwrap()
    }
}

/// How long the certificate of a service key has been valid, and is for: the first namespace's are in the last fifth of their lives.
fn certificate_life(place: usize, key: KeyName) -> Option<(Duration, Duration)> {
    let (lived, left) = if place == 0 { (100, 2) } else { (1, 200) };
    (key == KeyName::Key1).then(|| (Duration::from_hours(lived), Duration::from_hours(left)))
}

/// What is written when this is to be said.
fn text_of(saying: Saying, now: jiff::Timestamp) -> String {
    let end = match saying.end {
        End::Ahead(seconds) => now + Duration::from_secs(seconds),
        End::Ago(seconds) => now - Duration::from_secs(seconds),
        End::Nonsense => return "some day".to_owned(),
    };
    let end = jiff::Timestamp::from_second(end.as_second()).unwrap();
    if saying.seconds { end.as_second().to_string() } else { end.to_string() }
}
