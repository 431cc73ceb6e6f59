//! Names and sizes that an older schema, or none, lets through: what users write reaches no request, no log and no memory
//! without bounds, and they are told.

use std::collections::{BTreeMap, BTreeSet};

use aicore_registry_operator::{
    api::{
        self, AICoreRegistrySecret, AICoreRegistrySecretStatus, FailedAttempt, LeftBehind, Moment,
        UnansweredWrite,
    },
    domain::parse::{bounds, object::Object, resource_version::Basis},
    k8s::resources::write_status,
};
use k8s_openapi::{
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
};
use kube::{Client, api::PostParams};
use serde_json::{Value, json};
use testbed::controlplane::{ControlPlane, Options};

use crate::{
    cluster::install,
    invariants::CANARY,
    operator::{Launch, Operator, PROGRAM},
    world::{Conditions, Login, World, operation::PATCH},
};

/// The CRD without any bound, pattern or rule: older than all of them.
fn older_crd() -> CustomResourceDefinition {
    fn strip(schema: &mut Value) {
        match schema {
            Value::Object(fields) => {
                for bound in ["pattern", "minLength", "maxLength", "minItems", "maxItems"] {
                    if fields.get(bound).is_some_and(|value| !value.is_object()) {
                        fields.remove(bound);
                    }
                }
                fields.remove("x-kubernetes-validations");
                fields.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut crd = serde_json::to_value(api::crd()).unwrap();
    strip(&mut crd);
    serde_json::from_value(crd).unwrap()
}

/// A control plane with the older CRD, and Secrets that nobody names, beside a credential that works.
async fn unguarded(prefix: &str) -> (ControlPlane, World) {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    install(control_plane.client().await.unwrap(), &older_crd()).await;
    let world = World::new_on(&control_plane, prefix).await;
    world.service_key("key").await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    for name in ["unrelated-db", "unrelated-tls"] {
        world
            .secret(name, "Opaque", BTreeMap::from([("password".to_owned(), format!("{CANARY}-{name}"))]))
            .await;
    }
    (control_plane, world)
}

/// With everything in the log that a filter can ask for.
async fn talkative(control_plane: &ControlPlane, world: &World) -> Operator {
    let filter = "--log-level=trace,kube_client=trace,kube_client::client=trace,kube_client::client::builder=trace,kube_runtime=trace,hyper=trace,h2=trace";
    let arguments = ["run", "--listen=127.0.0.1:0", "--allow-insecure-http", filter].map(str::to_owned);
    Launch::exactly(PROGRAM.as_ref(), control_plane.kubeconfig(), arguments.to_vec())
        .with(&format!("--watch-namespaces={}", world.namespace))
        .start()
        .await
}

/// Waits until the resource is stalled for this reason with a sentence that has this part.
async fn wait_refused(world: &World, name: &str, reason: &str, part: &str) -> AICoreRegistrySecret {
    world
        .wait_for(name, &format!("{reason} with {part:?}"), |resource| {
            let stalled = resource.condition("Stalled");
            stalled.reason == reason && stalled.message.contains(part)
        })
        .await
}

#[tokio::test]
async fn no_name_that_is_none_reaches_a_request() {
    let (control_plane, world) = unguarded("names").await;
    let operator = talkative(&control_plane, &world).await;
    let long = "a".repeat(254);
    let other = format!("../../{}/secrets/unrelated-db", world.namespace);
    let names = [
        "?",
        "?watch=1&timeoutSeconds=1",
        "?watch=true&timeoutSeconds=1",
        "?limit=500",
        "unrelated-db?x=1",
        "unrelated-db#f",
        "unrelated-db/",
        "/unrelated-db",
        "a/../unrelated-db",
        "a%2funrelated-db",
        "..%2funrelated-db",
        "%75nrelated-db",
        "unrelated-db%00",
        "unrelated-db;a=b",
        "unrelated-db\r\nX-Remote-User: admin",
        "A",
        "a b",
        "größe",
        ".",
        "..",
        "",
        "-a",
        &other,
        &long,
    ];
    for (number, name) in names.into_iter().enumerate() {
        let key = json!({ "aiCoreSecretRef": { "name": name } });
        world.resource(&format!("source-{number}"), json!({ "secretRef": { "name": name } })).await;
        world.resource(&format!("key-{number}"), key).await;
    }
    for number in 0..names.len() {
        let part = "spec.secretRef.name \"";
        wait_refused(&world, &format!("source-{number}"), "SecretInvalid", part).await;
        let part = "spec.aiCoreSecretRef.name \"";
        wait_refused(&world, &format!("key-{number}"), "ServiceKeyInvalid", part).await;
    }
    let remote_names = [
        "",
        "a",
        "..",
        "../../oauth/token",
        "a?b=c",
        "a#b",
        "a%2fb",
        "A",
        "a b",
        "größe",
        "a\r\nb: c",
        "a__b",
        &"a".repeat(300_000),
    ];
    for (number, name) in remote_names.into_iter().enumerate() {
        let spec = json!({ "remoteName": name, "deletionPolicy": "Delete" });
        world.resource(&format!("remote-{number}"), spec).await;
    }
    for number in 0..remote_names.len() {
        let name = format!("remote-{number}");
        let refused =
            wait_refused(&world, &name, "SecretInvalid", "AI Core does not accept the name \"").await;
        assert_eq!(refused.status.unwrap().remote_name, None);
        // Nothing of it can be in AI Core, so nothing holds its deletion.
        world.delete_resource(&name).await;
    }
    assert_eq!(world.writes(), []);
    // Whoever writes a name is served at once.
    world.patch_spec("source-0", json!({ "secretRef": { "name": "source" } })).await;
    world.patch_spec("key-1", json!({ "aiCoreSecretRef": { "name": "key" } })).await;
    world.wait_ready("source-0").await;
    world.wait_ready("key-1").await;
    // The log has the address of each request.
    let secrets = format!("/api/v1/namespaces/{}/secrets/", world.namespace);
    let written = operator.log().join("\n");
    let asked: BTreeSet<&str> =
        written.split(&secrets).skip(1).filter_map(|rest| rest.split(['"', ' ', '\\']).next()).collect();
    assert_eq!(asked, BTreeSet::from(["key", "source"]));
    world.check(&operator).await;
    control_plane.stop().await.unwrap();
}

#[tokio::test]
async fn what_is_too_large_is_named_and_not_kept() {
    let (control_plane, world) = unguarded("sizes").await;
    let operator = talkative(&control_plane, &world).await;
    let long = "x".repeat(300_000);
    let many: Vec<String> = (0..1000).map(|number| format!("r{number}.example")).collect();
    let table = [
        (json!({ "secretRef": { "name": long } }), "SecretInvalid", "spec.secretRef.name \"xxx"),
        (
            json!({ "aiCoreSecretRef": { "name": long } }),
            "ServiceKeyInvalid",
            "spec.aiCoreSecretRef.name \"xxx",
        ),
        (
            json!({ "aiCoreSecretRef": { "name": "key", "key": long } }),
            "ServiceKeyInvalid",
            "it has no key \"xxx",
        ),
        (
            json!({ "secretRef": { "name": "source", "server": long } }),
            "SecretInvalid",
            "spec.secretRef.server \"xxx",
        ),
        (
            json!({ "secretRef": { "name": "source", "server": "ghcr.io", "usernameKey": long } }),
            "SecretInvalid",
            "spec.secretRef.usernameKey \"xxx",
        ),
        (json!({ "registries": [long] }), "SecretInvalid", "is longer than 255 characters"),
        (
            json!({ "registries": many }),
            "SecretInvalid",
            "spec.registries has 1000 entries; write 64 at most",
        ),
        (
            json!({ "resyncInterval": format!("{}1h", "0".repeat(300_000)) }),
            "SecretInvalid",
            "is longer than 32 characters",
        ),
        (json!({ "resyncInterval": "1ms" }), "SecretInvalid", "spec.resyncInterval \"1ms\" is below 10s"),
        (
            json!({ "resyncInterval": "soon" }),
            "SecretInvalid",
            "spec.resyncInterval \"soon\" is not a duration",
        ),
        (json!({ "remoteName": long }), "SecretInvalid", "AI Core does not accept the name \"xxx"),
    ];
    for (number, (spec, reason, part)) in table.into_iter().enumerate() {
        let name = format!("large-{number}");
        world.resource(&name, spec).await;
        let refused = wait_refused(&world, &name, reason, part).await;
        assert!(serde_json::to_string(&refused.status).unwrap().len() < 4000);
    }
    assert_eq!(world.requests(), 0);
    world.resource("pull", json!({})).await;
    world.wait_ready("pull").await;
    assert!(operator.log().iter().all(|line| line.len() < 10_000));
    world.check(&operator).await;
    control_plane.stop().await.unwrap();
}

/// A Secret of 1 MiB in base64 with annotations that JSON writes six times as long.
#[tokio::test]
async fn a_secret_that_is_larger_than_any_credential_is_refused() {
    let world = World::synced("largesecret").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    let good = world.remote("pull");
    world.forget_requests();
    let large = BTreeMap::from([(".dockerconfigjson".to_owned(), "1".repeat(1_000_000))]);
    world.secret("large", "Opaque", large).await;
    world.annotate_secret("large", "example.com/a", &"<".repeat(250_000)).await;
    world.patch_spec("pull", json!({ "secretRef": { "name": "large" } })).await;
    wait_refused(&world, "pull", "SecretInvalid", "Secret \"large\": it is larger than 2 MiB").await;
    let many = (0..1001).map(|number| (format!("k{number}"), String::new())).collect();
    world.secret("many", "Opaque", many).await;
    world.patch_spec("pull", json!({ "secretRef": { "name": "many" } })).await;
    wait_refused(&world, "pull", "SecretInvalid", "Secret \"many\": it has 1001 keys").await;
    world
        .patch_spec(
            "pull",
            json!({ "secretRef": { "name": "source" }, "aiCoreSecretRef": { "name": "many" } }),
        )
        .await;
    wait_refused(&world, "pull", "ServiceKeyInvalid", "Secret \"many\": it has 1001 keys").await;
    assert_eq!(world.writes(), []);
    assert_eq!(world.remote("pull"), good);
    world.check(&operator).await;
}

/// A resource of more than a megabyte, in everything that its schema leaves open, is synced and deleted like any other.
#[tokio::test]
async fn a_resource_of_any_size_is_served() {
    let world = World::new("largeresource").await;
    world.service_key("key").await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    let labels: BTreeMap<String, String> =
        (0..5000).map(|number| (format!("example.com/label-{number:0>50}"), "x".repeat(63))).collect();
    let finalizers: Vec<String> = (0..500).map(|number| format!("example.com/{number:0>60}")).collect();
    let large: AICoreRegistrySecret = serde_json::from_value(json!({
        "apiVersion": format!("{}/{}", api::GROUP, api::VERSION), "kind": api::KIND,
        "metadata": {
            "name": "pull", "labels": labels, "finalizers": finalizers,
            "annotations": { "example.com/a": "<".repeat(100_000), "aicore-registry.dev/requestedAt": "x".repeat(100_000) },
        },
        "spec": {
            "secretRef": { "name": "source" }, "aiCoreSecretRef": { "name": "key" }, "deletionPolicy": "Delete",
        },
    }))
    .unwrap();
    world.resources().create(&PostParams::default(), &large).await.unwrap();
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    let ours = |resource: &AICoreRegistrySecret| {
        resource.metadata.finalizers.iter().flatten().filter(|name| *name == api::FINALIZER).count()
    };
    assert_eq!(ours(&world.resource_now("pull").await), 1);
    world.ask_to_delete("pull").await;
    world.wait_for("pull", "let go", |resource| ours(resource) == 0).await;
    assert_eq!(world.remote("pull"), None);
    world.check(&operator).await;
}

/// A long value is no reason to be deaf, nor to be pushed again and again.
#[tokio::test]
async fn a_long_request_is_answered_once() {
    let world = World::synced("longrequest").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    let mut answers = Vec::new();
    for end in ["a", "b"] {
        world.forget_requests();
        let value = format!("{}{end}", "x".repeat(200_000));
        world.annotate("pull", api::REQUESTED_AT, &value).await;
        let before = answers.last().cloned();
        let answered = world
            .wait_for("pull", "the answer", |resource| {
                let answer = &resource.status.as_ref().unwrap().last_handled_reconcile_at;
                answer.is_some() && *answer != before
            })
            .await;
        world.wait_quiet(&operator).await;
        assert_eq!(world.writes(), [(PATCH, 202)]);
        let answer = answered.status.unwrap().last_handled_reconcile_at.unwrap();
        assert!(answer.len() <= 256 && answer.starts_with("xxx") && answer.contains("sha256:"), "{answer}");
        answers.push(answer);
    }
    // After a restart too.
    operator.kill().await;
    world.forget_requests();
    let operator = world.operator().await;
    world.wait_quiet(&operator).await;
    assert_eq!(world.writes(), []);
    world.check(&operator).await;
}

fn largest_status(text: &str) -> AICoreRegistrySecretStatus {
    let condition = |number: usize| Condition {
        type_: ["Ready", "Reconciling", "Stalled", "CredentialExpiring", "CredentialExpired"]
            .get(number)
            .map_or(format!("T{number}"), ToString::to_string),
        status: "Unknown".to_owned(),
        reason: "R".repeat(5000),
        message: text.repeat(33_000),
        last_transition_time: Time(jiff::Timestamp::UNIX_EPOCH),
        observed_generation: Some(i64::MAX),
    };
    let long = |characters: usize| Some(text.repeat(characters));
    let last_moment = || Moment::of(jiff::Timestamp::from_second(u32::MAX.into()).unwrap());
    AICoreRegistrySecretStatus {
        observed_generation: Some(i64::MAX),
        conditions: (0..9).map(condition).collect(),
        remote_name: long(63),
        api_url: long(2048),
        authorization_server: long(2048),
        registries: Some(vec![text.repeat(300); 65]),
        credentials_digest: long(128),
        secret_resource_version: long(128),
        ai_core_secret_resource_version: long(128),
        last_sync_time: Some(Time(jiff::Timestamp::UNIX_EPOCH)),
        next_resync_time: Some(Time(jiff::Timestamp::UNIX_EPOCH)),
        credential_expires_at: last_moment(),
        credential_expiring_from: last_moment(),
        service_key_expires_at: last_moment(),
        service_key_expiring_from: last_moment(),
        last_handled_reconcile_at: long(20_000),
        failed_attempt: Some(Box::new(FailedAttempt {
            retry_time: Time(jiff::Timestamp::UNIX_EPOCH),
            ai_core_secret_resource_version: long(128),
            secret_resource_version: long(128),
        })),
        left_behind: Some(Box::new(LeftBehind {
            remote_name: text.repeat(63),
            api_url: long(2048),
            authorization_server: long(2048),
        })),
        unanswered_write: Some(Box::new(UnansweredWrite {
            time: Time(jiff::Timestamp::UNIX_EPOCH),
            confirmation_time: Some(Time(jiff::Timestamp::UNIX_EPOCH)),
        })),
    }
}

/// What the operator cuts to is what the API server admits, in characters of any length.
#[tokio::test]
async fn the_largest_status_fits_the_schema() {
    let world = World::new("status").await;
    let client: Client = crate::cluster::cluster().await.client().await.unwrap();
    for (number, text) in ["a", "ü", "😀"].into_iter().enumerate() {
        let name = format!("largest-{number}");
        world.resource(&name, json!({})).await;
        let object = Object::from_resource(&world.resource_now(&name).await).unwrap();
        let largest = largest_status(text);
        let refused = write_status(&client, &object, &largest, Basis::any_of(object.generation))
            .await
            .unwrap_err()
            .to_string();
        assert!(refused.contains("answered 422"), "{refused}");
        write_status(&client, &object, &bounds::status(largest), Basis::any_of(object.generation))
            .await
            .unwrap();
        let written = world.resource_now(&name).await.status.unwrap();
        assert_eq!(written.remote_name.unwrap().chars().count(), 63);
        assert_eq!(written.registries.unwrap().len(), 64);
        assert_eq!(written.conditions.len(), 5);
    }
}
