//! What people and their tools do: one after the other, and again until the API server has taken it. What was done is recorded
//! with the time at which it was begun and the time at which it was known to be done.

pub(crate) mod sharing;

use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api,
    api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, Preconditions},
};
use serde_json::{Value, json};

use crate::{
    cluster::{insist, object},
    plan::{ADMINISTRATOR, Action, KeyName, Leaving, Named, Rotation, SLOTS, SOURCES, Wish},
    recording::{KeyRef, KeyVersion, Lead, Removal, SourceVersion, Spec, SpecVersion, Time},
    world::{World, key_secret, source_name, tenant_number},
};

const ABANDON: &str = "aicore-registry.dev/abandon-remote";
const REQUESTED: &str = "aicore-registry.dev/requestedAt";
/// Somebody else's finalizer.
const FOREIGN: &str = "example.com/held";

/// Does it.
pub(crate) async fn perform(world: &World<'_>, action: &Action) {
    world.count("actions", 1);
    match *action {
        Action::Rotate { slot, source, how } => rotate(world, slot, source, how).await,
        Action::Burst { slot, source, count } => {
            for _ in 0..count {
                rotate(world, slot, source, Rotation::Whole).await;
            }
        }
        Action::Say { slot, source, ref says } => {
            let (_, namespace, name) = place(world, slot);
            world.say(namespace, &source_name(name, source), says).await;
        }
        Action::RemoveSource { slot, source } => remove_source(world, slot, source).await,
        Action::Create { slot, ref wish } => create(world, slot, wish).await,
        Action::ChooseSource { slot, source } => {
            let name = source_name(SLOTS[slot].1, source);
            edit(world, slot, &json!({ "spec": { "secretRef": { "name": name } } })).await;
        }
        Action::ChooseKey { slot, key } => {
            edit(world, slot, &json!({ "spec": key_ref(world, key) })).await;
        }
        Action::ChoosePolicy { slot, delete } => {
            edit(world, slot, &json!({ "spec": { "deletionPolicy": policy(delete) } })).await;
        }
        Action::Suspend { slot, suspend } => {
            edit(world, slot, &json!({ "spec": { "suspend": suspend } })).await;
        }
        Action::Force { slot } => force(world, slot).await,
        Action::Delete { slot } => delete(world, slot).await,
        Action::Foreign { slot, held } => hold(world, slot, held).await,
        Action::Abandon { slot } => abandon(world, slot).await,
        Action::RotateKey { tenant, keep_old } => rotate_key(world, tenant, keep_old).await,
        Action::CreateRemote { slot } => create_remote(world, slot),
        Action::MoveKey { namespace, key, tenant } => world.write_key(namespace, key, tenant).await,
        Action::RemoveKey { namespace, key } => remove_key(world, namespace, key).await,
        Action::BreakKey { namespace, key } => world.break_key(namespace, key).await,
        Action::Share { shared, sharing } => sharing::share(world, shared, sharing).await,
        Action::Unshare { shared } => sharing::unshare(world, shared).await,
    }
}

/// Exactly one of the two fields; the other one goes.
fn key_ref(world: &World<'_>, key: Named) -> Value {
    match key {
        Named::Own(key) => json!({ "aiCoreSecretRef": { "name": key.as_str() }, "tenantRef": null }),
        Named::Shared(shared) => {
            json!({ "aiCoreSecretRef": null, "tenantRef": { "name": sharing::name(world, shared) } })
        }
    }
}

fn policy(delete: bool) -> &'static str {
    if delete { "Delete" } else { "Retain" }
}

fn place<'a>(world: &'a World<'_>, slot: usize) -> (Api<DynamicObject>, &'a str, &'static str) {
    let (namespace, name) = SLOTS[slot];
    let namespace = &world.namespaces[namespace];
    (world.resources(namespace), namespace, name)
}

async fn rotate(world: &World<'_>, slot: usize, source: usize, how: Rotation) {
    let (_, namespace, name) = place(world, slot);
    let secret = source_name(name, source);
    let key = (namespace.to_owned(), secret.clone());
    let contents = world.tools().contents.get(&key).cloned().unwrap_or_default();
    match (how, contents.iter().rev().nth(1)) {
        (Rotation::Back, Some(before)) => world.write_content(before.clone()).await,
        (Rotation::UserName, _) => world.write_source(namespace, &secret, false).await,
        _ => world.write_source(namespace, &secret, true).await,
    }
}

async fn remove_source(world: &World<'_>, slot: usize, source: usize) {
    let (_, namespace, name) = place(world, slot);
    let secret = source_name(name, source);
    let from = world.now();
    remove_secret(world, namespace, &secret).await;
    let key = (namespace.to_owned(), secret);
    let to = world.now();
    let gone = SourceVersion { key, version: String::new(), from, to, content: None, says: Vec::new() };
    world.record().sources.push(gone);
}

async fn remove_secret(world: &World<'_>, namespace: &str, name: &str) {
    let api = world.secrets(namespace);
    let removed = insist(async || api.delete(name, &DeleteParams::default()).await).await;
    assert!(removed.is_ok() || removed.is_err_and(|error| is_missing(&error)));
}

fn is_missing(error: &kube::Error) -> bool {
    has_code(error, 404)
}

fn has_code(error: &kube::Error, code: u16) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == code)
}

async fn create(world: &World<'_>, slot: usize, wish: &Wish) {
    let (api, namespace, name) = place(world, slot);
    let mut spec = json!({
        "secretRef": { "name": source_name(name, wish.source) },
        "deletionPolicy": policy(wish.delete),
        "suspend": wish.suspend,
        "creationPolicy": if wish.never { "Never" } else { "IfMissing" },
    });
    let key_ref = key_ref(world, wish.key);
    for (field, value) in key_ref.as_object().unwrap().iter().filter(|(_, value)| !value.is_null()) {
        spec[field] = value.clone();
    }
    if let Some(remote) = wish.remote {
        spec["remoteName"] = remote.replace("{namespace}", namespace).into();
    }
    if wish.resync {
        spec["resyncInterval"] = "10s".into();
    }
    let resource = object(json!({
        "apiVersion": "aicore-registry.dev/v1alpha1", "kind": "AICoreRegistrySecret",
        "metadata": { "name": name }, "spec": spec,
    }));
    let from = world.now();
    match insist(async || api.create(&PostParams::default(), &resource).await).await {
        Ok(created) => note(world, from, &created),
        // It is there: of earlier, or by an attempt whose answer was lost.
        Err(kube::Error::Api(status)) if status.code == 409 => {
            if let Some(found) = find(&api, name).await
                && world.record().versions_of(&uid(&found)).next().is_none()
            {
                note(world, from, &found);
            }
        }
        Err(error) => panic!("a resource was refused: {error}"),
    }
}

async fn find(api: &Api<DynamicObject>, name: &str) -> Option<DynamicObject> {
    insist(async || api.get_opt(name).await).await.unwrap()
}

fn uid(object: &DynamicObject) -> String {
    object.metadata.uid.clone().unwrap()
}

async fn edit(world: &World<'_>, slot: usize, patch: &Value) {
    let (api, _, name) = place(world, slot);
    let from = world.now();
    let edited = insist(async || api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await).await;
    match edited {
        Ok(edited) => note(world, from, &edited),
        Err(error) => assert!(is_missing(&error), "an edit was refused: {error}"),
    }
}

/// Records what a resource is from now on for its user.
fn note(world: &World<'_>, from: Time, object: &DynamicObject) {
    let metadata = &object.metadata;
    let name = metadata.name.clone().unwrap();
    let spec = &object.data["spec"];
    let text = |pointer: &str| spec.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let annotations = metadata.annotations.as_ref();
    let own = text("/aiCoreSecretRef/name").map(KeyRef::Own);
    let shared = text("/tenantRef/name").map(KeyRef::Shared);
    let version = SpecVersion {
        key: (metadata.namespace.clone().unwrap(), name.clone()),
        uid: uid(object),
        created: metadata.creation_timestamp.as_ref().unwrap().0.to_string(),
        version: metadata.resource_version.as_ref().unwrap().parse().unwrap(),
        generation: metadata.generation.unwrap(),
        from,
        to: world.now(),
        spec: Spec {
            source: text("/secretRef/name").unwrap(),
            service_key: own.or(shared).unwrap(),
            remote: text("/remoteName").unwrap_or(name),
            delete: text("/deletionPolicy").as_deref() == Some("Delete"),
            suspend: spec["suspend"] == true,
            never: text("/creationPolicy").as_deref() == Some("Never"),
            resync: spec["resyncInterval"].is_string(),
            abandon: annotations.is_some_and(|annotations| annotations.contains_key(ABANDON)),
        },
    };
    world.record().specs.push(version);
}

pub(crate) async fn force(world: &World<'_>, slot: usize) {
    let number = {
        let mut tools = world.tools();
        tools.requests += 1;
        tools.requests
    };
    edit(world, slot, &json!({ "metadata": { "annotations": { REQUESTED: format!("request-{number}") } } }))
        .await;
}

pub(crate) async fn abandon(world: &World<'_>, slot: usize) {
    edit(world, slot, &json!({ "metadata": { "annotations": { ABANDON: "true" } } })).await;
}

async fn delete(world: &World<'_>, slot: usize) {
    let (api, _, name) = place(world, slot);
    let Some(found) = find(&api, name).await else { return };
    if found.metadata.deletion_timestamp.is_some() {
        return;
    }
    let from = world.now();
    let preconditions = Preconditions { uid: Some(uid(&found)), resource_version: None };
    let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
    let deleted = insist(async || api.delete(name, &params).await).await;
    let version = match deleted {
        Ok(answer) => answer.left().map(|object: DynamicObject| object.metadata),
        // By an attempt whose answer was lost; or the name is another's by now.
        Err(kube::Error::Api(status)) if [404, 409].contains(&status.code) => None,
        Err(error) => panic!("a deletion was refused: {error}"),
    };
    let terminating = version.filter(|metadata| metadata.deletion_timestamp.is_some());
    let version = terminating.and_then(|metadata| metadata.resource_version?.parse().ok()).unwrap_or(0);
    let to = world.now();
    world.record().removals.push(Removal { uid: uid(&found), from, to, version });
}

async fn hold(world: &World<'_>, slot: usize, held: bool) {
    let (api, _, name) = place(world, slot);
    loop {
        let Some(found) = find(&api, name).await else { return };
        let mut finalizers = found.metadata.finalizers.clone().unwrap_or_default();
        // A terminating object takes no new finalizers.
        if finalizers.iter().any(|one| one == FOREIGN) == held
            || (held && found.metadata.deletion_timestamp.is_some())
        {
            return;
        }
        finalizers.retain(|one| one != FOREIGN);
        if held {
            finalizers.push(FOREIGN.to_owned());
        }
        let version = &found.metadata.resource_version;
        let patch = json!({ "metadata": { "finalizers": finalizers, "resourceVersion": version } });
        let patched =
            insist(async || api.patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await).await;
        match patched {
            Ok(_) => return,
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            Err(error) if is_missing(&error) => return,
            Err(error) => panic!("a finalizer was refused: {error}"),
        }
    }
}

/// Where each real service key of the world leads now, or led before it was removed or broken.
fn led(world: &World<'_>) -> Vec<(usize, KeyName, usize, bool)> {
    let record = world.record();
    let mut led = Vec::new();
    for namespace in 0..=ADMINISTRATOR {
        for key in KeyName::REAL {
            let place = (world.namespace(namespace).to_owned(), key_secret(namespace, key));
            let own = |version: &&KeyVersion| version.key == place;
            let removed = record.keys.iter().rev().find(own).is_none_or(|last| last.tenant.is_none());
            let last = record.keys.iter().rev().filter(own).find_map(|version| version.tenant.clone());
            if let Some((tenant, _)) = last {
                led.push((namespace, key, tenant_number(&tenant), removed));
            }
        }
    }
    led
}

fn create_remote(world: &World<'_>, slot: usize) {
    let (_, namespace, name) = place(world, slot);
    let key = (namespace.to_owned(), name.to_owned());
    let record = world.record();
    let Some(version) = record.specs.iter().rev().find(|version| version.key == key) else { return };
    let Lead::To { tenant, .. } = record.lead_now(version) else { return };
    let tenant = world.simulator.tenant(tenant);
    if !tenant.secrets().contains_key(&version.spec.remote) {
        tenant.put(&version.spec.remote, "{}");
    }
}

pub(crate) async fn rotate_key(world: &World<'_>, tenant: usize, keep_old: bool) {
    world.next_client_secret(tenant, keep_old);
    for (namespace, key, led, removed) in led(world) {
        if led == tenant && !removed {
            world.write_key(namespace, key, tenant).await;
        }
    }
}

async fn remove_key(world: &World<'_>, namespace: usize, key: KeyName) {
    let from = world.now();
    let key = (world.namespace(namespace).to_owned(), key_secret(namespace, key));
    remove_secret(world, &key.0, &key.1).await;
    let to = world.now();
    world.record().keys.push(KeyVersion { key, from, to, tenant: None, broken: false, ends: None });
}

/// What people do when the trouble is over: keys come back, and nobody else holds what is deleted.
pub(crate) async fn tidy(world: &World<'_>) {
    let ended = world.tools().ended;
    for (namespace, key, tenant, removed) in led(world) {
        if removed && ended != Some(namespace) {
            world.write_key(namespace, key, tenant).await;
        }
    }
    for slot in 0..SLOTS.len() {
        hold(world, slot, false).await;
    }
}

/// A namespace is deleted: nothing can be created in it any more, and its objects go in this order. There is no controller here
/// that would do it, and the empty namespace stays.
pub(crate) async fn end_namespace(world: &World<'_>, namespace: usize, order: &[Leaving]) {
    let slots = || (0..SLOTS.len()).filter(move |slot| SLOTS[*slot].0 == namespace);
    world.tools().ended = Some(namespace);
    let name = &world.namespaces[namespace];
    world.record().ended = Some(name.clone());
    let namespaces: Api<Namespace> = Api::all(world.client().clone());
    let deleted = insist(async || namespaces.delete(name, &DeleteParams::default()).await).await;
    assert!(deleted.is_ok() || deleted.is_err_and(|error| has_code(&error, 409)));
    for leaving in order {
        match leaving {
            Leaving::Resources => {
                for slot in slots() {
                    delete(world, slot).await;
                }
            }
            Leaving::Sources => {
                for (slot, source) in slots().flat_map(|slot| (0..SOURCES).map(move |source| (slot, source)))
                {
                    remove_source(world, slot, source).await;
                }
            }
            Leaving::Keys => {
                for key in KeyName::REAL.into_iter().chain([KeyName::Forged]) {
                    remove_key(world, namespace, key).await;
                }
            }
        }
    }
}

/// Ends all resources of the episode, whoever holds them.
pub(crate) async fn clear(world: &World<'_>) {
    for slot in 0..SLOTS.len() {
        let (api, _, name) = place(world, slot);
        let patch = json!({ "metadata": { "finalizers": null } });
        let _ = insist(async || api.delete(name, &DeleteParams::default()).await).await;
        let _ = insist(async || api.patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await).await;
    }
    sharing::clear(world).await;
    for namespace in world.namespaces.iter().chain([&world.home]) {
        let api = world.secrets(namespace);
        let (params, all) = (DeleteParams::default(), ListParams::default());
        let _ = insist(async || api.delete_collection(&params, &all).await.map(drop)).await;
    }
}
