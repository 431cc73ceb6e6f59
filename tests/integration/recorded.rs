//! Objects in each state that matters to GitOps tools. They are kept in `deploy/argocd`, in the place where Argo CD looks for the
//! test data of a customization, and hold what the operator really writes: `make recorded` records them again.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use aicore_registry_operator::{
    api::{AICoreTenant, EXPIRES_AT, KIND, REQUESTED_AT, TENANT_KIND},
    clock,
};
use kube::api::DeleteParams;
use rstest::rstest;
use serde_json::{Value, json};
use testbed::simulator::Operation;

use crate::{
    tenants::{Platform, ready},
    world::{
        Login, World,
        operation::{DELETE, PATCH},
    },
};

/// Where Argo CD's source tree would have the customization of AICoreRegistrySecrets.
pub(crate) fn customization() -> PathBuf {
    customization_of(KIND)
}

/// The same of another kind.
pub(crate) fn customization_of(kind: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("deploy/argocd/resource_customizations/aicore-registry.dev")
        .join(kind)
}

/// All recorded AICoreRegistrySecrets, by the name of their state.
pub(crate) fn objects() -> BTreeMap<String, Value> {
    let objects = objects_of(KIND);
    assert!(objects.len() >= 10, "{:?}", objects.keys());
    objects
}

/// All recorded objects of the kind.
pub(crate) fn objects_of(kind: &str) -> BTreeMap<String, Value> {
    let mut objects = BTreeMap::new();
    for entry in std::fs::read_dir(customization_of(kind).join("testdata")).unwrap() {
        let path = entry.unwrap().path();
        objects.insert(path.file_stem().unwrap().to_str().unwrap().to_owned(), read(&path));
    }
    objects
}

fn read(path: &Path) -> Value {
    serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[rstest]
#[case::created("created")]
#[case::healthy("healthy")]
#[case::waiting("waiting")]
#[case::retrying("retrying")]
#[case::stalled("stalled")]
#[case::resync_retrying("resync-retrying")]
#[case::resync_refused("resync-refused")]
#[case::outdated("outdated")]
#[case::suspended("suspended")]
#[case::suspended_at_first("suspended-at-first")]
#[case::deleting("deleting")]
#[case::expired("expired")]
#[tokio::test]
async fn the_operator_writes_what_is_recorded(#[case] state: &str) {
    let world = World::new(&format!("recorded-{state}")).await;
    world.service_key("key").await;
    produce(&world, state).await;
    let names = names(&world, "ml");
    compare(&customization(), state, &without_chance(&names, world.stored("pull").await));
}

#[rstest]
#[case::created("created")]
#[case::waiting("waiting")]
#[case::invalid("invalid")]
#[case::refused("refused")]
#[case::retrying("retrying")]
#[case::healthy("healthy")]
#[case::outage("outage")]
#[case::outdated("outdated")]
#[case::deleting("deleting")]
#[tokio::test]
async fn the_operator_writes_what_is_recorded_of_tenants(#[case] state: &str) {
    let platform = Platform::new(&format!("recorded-tenant-{state}")).await;
    let world = &platform.world;
    let tenant = produce_tenant(&platform, state).await;
    let names = names(world, "research");
    let mut object = without_chance(&names, serde_json::to_value(tenant).unwrap());
    object["spec"]["secretRef"]["namespace"] = "ai-platform".into();
    object["metadata"].as_object_mut().unwrap().remove("labels");
    compare(&customization_of(TENANT_KIND), state, &object);
}

/// Brings the AICoreTenant into the state.
async fn produce_tenant(platform: &Platform, state: &str) -> AICoreTenant {
    let world = &platform.world;
    let (reason, status) = match state {
        "created" => {
            platform.share(json!({})).await;
            return world.tenants().get(platform.name()).await.unwrap();
        }
        "waiting" => ("ServiceKeyNotFound", "False"),
        "invalid" => ("ServiceKeyInvalid", "False"),
        "refused" => ("AuthenticationFailed", "False"),
        "retrying" => ("RemoteUnavailable", "False"),
        "healthy" | "outage" | "outdated" | "deleting" => ("Valid", "True"),
        other => panic!("nobody knows how to produce {other:?}"),
    };
    match state {
        "waiting" => world.delete_secret("shared-key").await,
        "invalid" => {
            let content = BTreeMap::from([("key.json".to_owned(), "{\"clientid\": \"x\"}".to_owned())]);
            world.secret("shared-key", "Opaque", content).await;
        }
        "refused" => world.rotate_service_key(),
        "retrying" => world.always_answer(Operation::Quota, 503),
        _ => {}
    }
    platform.share(json!({})).await;
    let operator = platform.operator().await;
    let tenant = platform
        .wait_tenant(state, |tenant| {
            let ready = ready(tenant);
            (ready.reason.as_str(), ready.status.as_str()) == (reason, status)
        })
        .await;
    let tenant = match state {
        // The service key worked, and AI Core is away when somebody asks again.
        "outage" => {
            world.always_answer(Operation::Quota, 503);
            platform.change(json!({ "metadata": { "annotations": { REQUESTED_AT: "1" } } })).await;
            platform.wait_tenant(state, |tenant| has(tenant, "Reconciling")).await
        }
        "outdated" => {
            operator.kill().await;
            platform.change(json!({ "spec": { "allowedNamespaces": ["team-*"] } })).await;
            return world.tenants().get(platform.name()).await.unwrap();
        }
        // Somebody else's finalizer keeps it.
        "deleting" => {
            platform.change(json!({ "metadata": { "finalizers": ["example.com/kept"] } })).await;
            world.tenants().delete(platform.name(), &DeleteParams::default()).await.unwrap();
            // A deletion is another generation, which the operator looks at.
            let is_observed = |tenant: &AICoreTenant| {
                tenant.metadata.deletion_timestamp.is_some() && observed(tenant) == tenant.metadata.generation
            };
            let tenant = platform.wait_tenant(state, is_observed).await;
            platform.change(json!({ "metadata": { "finalizers": null } })).await;
            tenant
        }
        _ => tenant,
    };
    world.check(&operator).await;
    tenant
}

fn observed(tenant: &AICoreTenant) -> Option<i64> {
    tenant.status.as_ref()?.observed_generation
}

fn has(tenant: &AICoreTenant, type_: &str) -> bool {
    tenant.status.iter().flat_map(|status| &status.conditions).any(|condition| condition.type_ == type_)
}

fn compare(customization: &Path, state: &str, object: &Value) {
    let path = customization.join("testdata").join(format!("{state}.yaml"));
    if std::env::var_os("WRITE_RECORDED").is_some() {
        std::fs::write(&path, serde_saphyr::to_string(object).unwrap()).unwrap();
    }
    // What differs, and not both objects: the report of a failed run keeps the beginning of a message.
    let differs = json_patch::diff(&read(&path), object);
    assert!(
        differs.is_empty(),
        "{state}.yaml is not what the operator writes; if it should be, run `make recorded`: {differs}"
    );
}

/// Brings the resource `pull` into the state.
async fn produce(world: &World, state: &str) {
    let source = |rotation| {
        let login = Login::new("robot", rotation);
        async move { world.docker_secret("source", &[("ghcr.io", login)]).await }
    };
    if state == "created" {
        return world.resource("pull", json!({})).await;
    }
    let operator = world.operator().await;
    match state {
        "waiting" => {
            world.resource("pull", json!({})).await;
            world.wait_reason("pull", "SecretNotFound").await;
            return world.check(&operator).await;
        }
        "suspended-at-first" => {
            world.resource("pull", json!({ "suspend": true })).await;
            world.wait_reason("pull", "Suspended").await;
            return world.check(&operator).await;
        }
        _ => source(1).await,
    }
    let policy = if state == "deleting" { "Delete" } else { "Retain" };
    world.resource("pull", json!({ "deletionPolicy": policy })).await;
    world.wait_ready("pull").await;
    match state {
        "healthy" => {}
        "expired" => {
            let hour_ago = clock::now() - Duration::from_hours(1);
            world.annotate_secret("source", EXPIRES_AT, &hour_ago.to_string()).await;
            world.wait_reason("pull", "RegistryCredential").await;
        }
        "retrying" => {
            world.always_answer(PATCH, 500);
            source(2).await;
            world.wait_reason("pull", "RemoteUnavailable").await;
        }
        "stalled" => {
            world.rotate_service_key();
            source(2).await;
            world.wait_reason("pull", "AuthenticationFailed").await;
        }
        "resync-retrying" => {
            world.always_answer(PATCH, 503);
            world.annotate("pull", REQUESTED_AT, "1").await;
            world.wait_reason("pull", "RemoteUnavailable").await;
        }
        "resync-refused" => {
            world.always_answer(PATCH, 400);
            world.annotate("pull", REQUESTED_AT, "1").await;
            world.wait_reason("pull", "RemoteRejected").await;
        }
        "outdated" => {
            operator.kill().await;
            return world.patch_spec("pull", json!({ "registries": ["quay.io"] })).await;
        }
        "suspended" => {
            world.patch_spec("pull", json!({ "suspend": true })).await;
            world.wait_reason("pull", "Suspended").await;
        }
        "deleting" => {
            world.always_answer(DELETE, 503);
            world.ask_to_delete("pull").await;
            world.wait_reason("pull", "Deleting").await;
        }
        other => panic!("nobody knows how to produce {other:?}"),
    }
    world.check(&operator).await;
}

/// What differs between two runs, and stands for it. `namespace`: for the namespace, which is the name of an AICoreTenant too.
fn names(world: &World, namespace: &'static str) -> [(String, &'static str); 4] {
    [
        // The simulator has both in one place, the first below the second.
        (world.authorization_server(), "https://example.authentication.eu10.hana.ondemand.com"),
        (world.api_url(), "https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com"),
        (host(&world.api_url()), "api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com"),
        (world.namespace.clone(), namespace),
    ]
}

/// With fixed values where two runs differ: names of the test world, times, versions and digests.
fn without_chance(names: &[(String, &str)], mut object: Value) -> Value {
    object["metadata"].as_object_mut().unwrap().remove("managedFields");
    fix("", &mut object, names);
    object
}

fn fix(field: &str, value: &mut Value, names: &[(String, &str)]) {
    match value {
        Value::Object(fields) => fields.iter_mut().for_each(|(field, value)| fix(field, value, names)),
        Value::Array(items) => items.iter_mut().for_each(|item| fix(field, item, names)),
        Value::String(text) => {
            for (from, to) in names {
                *text = text.replace(from.as_str(), to);
            }
            let fixed = match field {
                "uid" => "00000000-0000-4000-8000-000000000000",
                "credentialsDigest" => "v1:00000000000000000000000000000000",
                "resourceVersion" | "secretResourceVersion" | "aiCoreSecretResourceVersion" => "1",
                "message" => return *text = without_times(&without_request_id(text)),
                _ if text.parse::<jiff::Timestamp>().is_ok() => "2026-01-01T00:00:00Z",
                _ => return,
            };
            fixed.clone_into(text);
        }
        _ => {}
    }
}

/// A time is a word, perhaps with a comma behind it.
fn without_times(message: &str) -> String {
    let word = |word: &str| match word.trim_end_matches(',').parse::<jiff::Timestamp>() {
        Ok(_) => word.replace(word.trim_end_matches(','), "2026-01-01T00:00:00Z"),
        Err(_) => word.to_owned(),
    };
    message.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn host(url: &str) -> String {
    url.trim_start_matches("http://").split('/').next().unwrap().to_owned()
}

/// AI Core gives each request an id of its own, a UUID.
fn without_request_id(message: &str) -> String {
    let Some((before, after)) = message.split_once("request id ") else {
        return message.to_owned();
    };
    format!("{before}request id 00000000-0000-4000-8000-000000000000{}", &after[36..])
}
