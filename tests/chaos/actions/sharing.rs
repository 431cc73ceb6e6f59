//! What whoever shares service keys does with `AICoreTenant`s. They belong to no namespace, so their names say of which episode
//! they are.

use kube::api::{DeleteParams, DynamicObject};
use serde_json::{Value, json};

use super::{find, is_missing, uid};
use crate::{
    cluster::{apply, insist},
    plan::{ADMINISTRATOR, Admitted, SHARED, Sharing},
    recording::{TenantVersion, Terms, Time},
    world::{World, key_secret},
};

/// The name of an `AICoreTenant`.
pub(crate) fn name(world: &World<'_>, shared: usize) -> String {
    format!("{}-x{shared}", world.home)
}

/// It says this from now on.
pub(super) async fn share(world: &World<'_>, shared: usize, sharing: Sharing) {
    let secret = key_secret(ADMINISTRATOR, sharing.key);
    let namespaces = match sharing.namespaces {
        Admitted::All { pattern: false } => vec!["*".to_owned()],
        Admitted::All { pattern: true } => vec![format!("{}-*", world.home)],
        Admitted::One(place) => vec![world.namespace(place).to_owned(), "elsewhere".to_owned()],
        Admitted::Nobody => vec!["elsewhere".to_owned()],
    };
    let mut spec = json!({
        "secretRef": { "namespace": world.home, "name": secret },
        "allowedNamespaces": namespaces,
    });
    if let Some(names) = sharing.names {
        spec["remoteNames"] = names.into();
    }
    let from = world.now();
    let tenant = json!({
        "apiVersion": "aicore-registry.dev/v1alpha1", "kind": "AICoreTenant",
        "metadata": { "name": name(world, shared) }, "spec": spec,
    });
    let written = apply(&world.tenants(), &tenant).await;
    note(world, from, &written);
}

/// It goes, at once: nothing holds it.
pub(super) async fn unshare(world: &World<'_>, shared: usize) {
    let name = name(world, shared);
    let Some(found) = find(&world.tenants(), &name).await else { return };
    let from = world.now();
    remove(world, &name).await;
    let to = world.now();
    let gone = TenantVersion { name, uid: uid(&found), version: 0, generation: 0, from, to, terms: None };
    world.record().tenants.push(gone);
}

async fn remove(world: &World<'_>, name: &str) {
    let api = world.tenants();
    let removed = insist(async || api.delete(name, &DeleteParams::default()).await).await;
    assert!(removed.is_ok() || removed.is_err_and(|error| is_missing(&error)));
}

/// When the episode is over.
pub(super) async fn clear(world: &World<'_>) {
    for shared in 0..SHARED {
        remove(world, &name(world, shared)).await;
    }
}

/// Records what it says from now on.
fn note(world: &World<'_>, from: Time, object: &DynamicObject) {
    let metadata = &object.metadata;
    let spec = &object.data["spec"];
    let text = |pointer: &str| spec.pointer(pointer).and_then(Value::as_str).unwrap().to_owned();
    let list = |field: &str| {
        let values = spec[field].as_array()?;
        Some(values.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>())
    };
    let version = TenantVersion {
        name: metadata.name.clone().unwrap(),
        uid: uid(object),
        version: metadata.resource_version.as_ref().unwrap().parse().unwrap(),
        generation: metadata.generation.unwrap(),
        from,
        to: world.now(),
        terms: Some(Terms {
            secret: (text("/secretRef/namespace"), text("/secretRef/name")),
            namespaces: list("allowedNamespaces").unwrap(),
            names: list("remoteNames"),
        }),
    };
    world.record().tenants.push(version);
}
