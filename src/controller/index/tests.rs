//! Tests of the index.

use super::*;
use crate::{
    api::AICoreRegistrySecretSpec,
    domain::{
        decide::{
            memory::{Retry, SecretVersions},
            observed::Ownership,
        },
        parse::name::RemoteName,
        testing::{
            WithSpec, a_new_status, a_shared_tenant, a_status_in_sync, an_object, at, key, object_named,
            place_of, seconds, tenant,
        },
    },
};

mod claiming;
mod company;
mod first_lists;
mod following;
mod left_alone;
mod model;
mod proof;
mod resources;
mod rights;
mod shared_keys;
mod watched_secrets;

/// Cached of a service key: some number.
type TestIndex = Index<u32>;

const EVERYWHERE: Scope = None;

/// A scope of one namespace.
fn scope_of(namespace: &str) -> Arc<str> {
    namespace.into()
}

/// With these resources, of which nothing was written yet.
fn index_with(objects: &[&Object]) -> TestIndex {
    let index = TestIndex::default();
    for object in objects {
        index.apply_resource((*object).clone(), a_new_status());
    }
    index
}

fn changed(object: &Object, change: impl FnOnce(&mut AICoreRegistrySecretSpec)) -> Object {
    let mut object = object.clone().with_spec(change);
    object.generation += 1;
    object
}

fn in_other_namespace(object: &Object, namespace: &str) -> Object {
    Object {
        key: ObjectKey::new(namespace, &object.key.name),
        uid: format!("{}-{namespace}", object.uid).into(),
        ..object.clone()
    }
}

fn snapshot(index: &TestIndex, object: &Object) -> Snapshot<u32> {
    index.snapshot(&object.key).unwrap()
}

fn source_version(index: &TestIndex, object: &Object) -> Option<String> {
    snapshot(index, object).source_version.as_deref().map(str::to_owned)
}

fn service_key_version(index: &TestIndex, object: &Object) -> Option<String> {
    snapshot(index, object).service_key_version.as_deref().map(str::to_owned)
}

fn cached(index: &TestIndex, object: &Object) -> Option<u32> {
    snapshot(index, object).service_key.as_deref().copied()
}

fn claim_in(name_of_tenant: &str, remote_name: &str) -> Claim {
    Claim { tenant: Arc::new(tenant(name_of_tenant)), remote_name: RemoteName::parse(remote_name).unwrap() }
}

/// The key of a resource was read; no token was asked for yet.
fn says(index: &TestIndex, object: &Object, claim: Option<Claim>) -> Vec<ObjectKey> {
    index.claim(object, claim, None)
}

/// The key of a resource was read, and was given a token.
#[expect(clippy::needless_pass_by_value, reason = "claims are written in place")]
fn proves(index: &TestIndex, object: &Object, claim: Claim) -> Vec<ObjectKey> {
    let mut woken = says(index, object, Some(claim.clone()));
    woken.extend(index.proven(object, &claim));
    sorted(woken)
}

fn just(object: &Object) -> Vec<ObjectKey> {
    vec![object.key.clone()]
}

fn sorted(mut keys: Vec<ObjectKey>) -> Vec<ObjectKey> {
    keys.sort();
    keys.dedup();
    keys
}
