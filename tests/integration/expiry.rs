//! When a credential ends: known without a request, told at the turn, and never the reason for a push, a read, or a second write.

use std::{collections::BTreeMap, time::Duration};

use aicore_registry_operator::{
    api::{
        EXPIRES_AT, Moment,
        condition::{EXPIRED, EXPIRING},
    },
    clock,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;
use testbed::controlplane::{ControlPlane, Options};

use crate::{
    budget::{answered, difference},
    cluster::{cluster, install_crd},
    world::{Conditions, Login, World},
};

/// A time so long from now, in whole seconds.
fn from_now(seconds: u64) -> Moment {
    Moment::of(clock::now() + Duration::from_secs(seconds)).unwrap()
}

#[tokio::test]
async fn the_end_is_in_the_status_in_the_columns_and_in_the_metrics() {
    let world = World::mortal("ends").await;
    let operator = world.operator_trusting().await;
    let status = world.wait_ready("pull").await.status.unwrap();
    let (ends, key_ends) = (status.credential_expires_at.unwrap(), status.service_key_expires_at.unwrap());
    let labels = format!("{{namespace=\"{}\",name=\"pull\"}}", world.namespace);
    for (metric, value) in [
        ("credential_expiration", ends),
        ("credential_expiring_from", status.credential_expiring_from.unwrap()),
        ("service_key_expiration", key_ends),
        ("service_key_expiring_from", status.service_key_expiring_from.unwrap()),
    ] {
        let series = format!("aicore_registry_{metric}_timestamp_seconds{labels} {}\n", value.second());
        let (_, text) = operator.get("/metrics").await;
        assert!(text.contains(&series), "{series}: {text}");
    }
    let mut kubectl = cluster().await.kubectl();
    kubectl.args(["get", "aicrs", "--namespace", &world.namespace]);
    let output = kubectl.output().await.unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("EXPIRES") && table.contains(&ends.to_string()), "{table}");
    let shown = world.plugin(&["status", "-o", "wide"]).await;
    shown.assert(0, &["EXPIRES", "KEY EXPIRES", "in 47h", "in 5d23h"]);

    world.delete_resource("pull").await;
    world
        .eventually("the series to go", || async {
            let (_, text) = operator.get("/metrics").await;
            (!text.contains(&labels)).then_some(())
        })
        .await;
    world.check(&operator).await;
}

/// Who learns of another end says so; AI Core has the credential already.
#[tokio::test]
async fn a_change_of_the_annotation_alone_is_one_write_and_no_push() {
    let world = World::synced("annotated").await;
    let operator = world.operator().await;
    assert_eq!(world.wait_ready("pull").await.status.unwrap().credential_expires_at, None);
    world.forget_requests();
    let writes = world.status_writes("pull").await;
    for end in [from_now(3600), from_now(7200)] {
        world.annotate_secret("source", EXPIRES_AT, &end.to_string()).await;
        let found = world
            .wait_for("pull", "another end", |resource| {
                resource.status.as_ref().unwrap().credential_expires_at == Some(end)
            })
            .await;
        assert_eq!(found.status.unwrap().conditions.len(), 1);
    }
    world.annotate_secret("source", "somebody.example/else", "1").await;
    world.annotate_secret("source", EXPIRES_AT, "whenever").await;
    let spoilt = world
        .wait_for("pull", "no end", |resource| {
            resource.status.as_ref().unwrap().credential_expires_at.is_none()
        })
        .await;
    assert!(spoilt.condition("Ready").message.contains("does not count"));
    world.annotate_secret("source", EXPIRES_AT, &from_now(3600).to_string()).await;
    world
        .wait_for("pull", "the end of now, and no word of that before", |resource| {
            resource.status.as_ref().unwrap().credential_expires_at.is_some()
                && !resource.condition("Ready").message.contains("does not count")
        })
        .await;
    world.wait_quiet(&operator).await;
    assert_eq!(world.status_writes("pull").await, writes + 4);
    assert_eq!(world.requests(), 0);
    world.check(&operator).await;
}

/// From the first push to the end: two writes more, one for each turn; and after a restart none.
#[tokio::test]
async fn each_turn_is_written_once_and_costs_nothing_else() {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    let client = control_plane.client().await.unwrap();
    install_crd(client.clone()).await;
    let world = World::synced_on(&control_plane, "turns").await;
    world.annotate_secret("source", EXPIRES_AT, &from_now(20).to_string()).await;
    let operator = world.operator().await;
    world.wait_for("pull", "Ready", |pull| pull.condition("Ready").status == "True").await;
    world.wait_event("pull", "Synced").await;
    world.forget_requests();
    let (before, writes) = (answered(&client).await, world.status_writes("pull").await);

    world.wait_for("pull", EXPIRING, |pull| pull.condition(EXPIRING).reason == "RegistryCredential").await;
    let ended = world.wait_for("pull", EXPIRED, |pull| pull.condition(EXPIRED).status == "True").await;
    assert_eq!(ended.condition(EXPIRING).status, "", "one of the two at a time");
    assert_eq!(ended.condition("Ready").reason, "Synced");
    assert!(ended.condition(EXPIRED).message.contains("Secret \"source\""));
    world.wait_event("pull", EXPIRING).await;
    world.wait_event("pull", EXPIRED).await;
    assert_eq!(world.status_writes("pull").await, writes + 2);
    let after = answered(&client).await;
    assert_eq!(difference(&before, &after, "GET secrets/"), 0);
    assert_eq!(difference(&before, &after, "PATCH aicoreregistrysecrets/status"), 2);
    assert_eq!(world.requests(), 0);

    assert_eq!(operator.terminate().await.0, Some(0));
    let before = answered(&client).await;
    let operator = world.operator().await;
    operator.wait_for_metric("aicore_registry_reconcile_total{outcome=\"Unchanged\"}", 1.0).await;
    let after = answered(&client).await;
    for what in ["GET secrets/", "PATCH aicoreregistrysecrets/status", "POST events/"] {
        assert_eq!(difference(&before, &after, what), 0, "{what}");
    }
    assert_eq!(world.requests(), 0);

    // A newer credential takes the condition away with the push that sends it.
    let end = from_now(3600);
    world.annotate_secret("source", EXPIRES_AT, &end.to_string()).await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
    world.wait_remote("pull", &World::payload(&[("ghcr.io", Login::new("robot", 2))])).await;
    let renewed = world.wait_ready("pull").await;
    assert_eq!(renewed.status.unwrap().credential_expires_at, Some(end));
    world.check(&operator).await;
    control_plane.stop().await.unwrap();
}

#[tokio::test]
async fn the_end_of_a_service_key_is_told_and_another_key_takes_that_back() {
    let world = World::with_tls("keyends").await;
    world.mortal_service_key("key", Duration::from_secs(3600), Duration::from_secs(600)).await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    world.resource("pull", json!({})).await;
    let operator = world.operator_trusting().await;
    let pull = world.wait_for("pull", EXPIRING, |pull| pull.condition(EXPIRING).reason == "ServiceKey").await;
    assert_eq!(pull.condition("Ready").status, "True");
    assert!(pull.condition(EXPIRING).message.contains("Secret \"key\""));
    world.wait_event("pull", EXPIRING).await;
    world
        .plugin(&["status"])
        .await
        .assert(0, &["CredentialExpiring: The client certificate of the service key"]);
    world.mortal_service_key("key", Duration::ZERO, Duration::from_secs(7200)).await;
    let renewed = world.wait_ready("pull").await;
    assert!(renewed.status.unwrap().service_key_expires_at > Some(from_now(7000)));
    world.check(&operator).await;
}

/// As the generators of External Secrets write them.
#[tokio::test]
async fn what_a_generator_writes_is_sent_with_its_end() {
    let world = World::new("generated").await;
    world.service_key("key").await;
    let login = |user: &str, password: &str| STANDARD.encode(format!("{user}:{password}"));
    let password = "s3cr3tCanary-of-a-generator";
    let end = from_now(3600);
    let expiry = || end.second().to_string();
    let quay =
        [("registry", "quay.io".to_owned()), ("auth", login("org+robot", password)), ("expiry", expiry())];
    let cloudsmith = [("auth", login("token", password)), ("expiry", expiry())];
    let google = [
        ("username", "oauth2accesstoken".to_owned()),
        ("password", password.to_owned()),
        ("expiry", expiry()),
    ];
    let owned = |data: &[(&str, String)]| -> BTreeMap<String, String> {
        data.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
    };
    let operator = world.operator().await;
    for (name, data, server, registry, user) in [
        ("quay", owned(&quay), None, "quay.io", "org+robot"),
        ("cloudsmith", owned(&cloudsmith), Some("docker.cloudsmith.io"), "docker.cloudsmith.io", "token"),
        (
            "google",
            owned(&google),
            Some("europe-west3-docker.pkg.dev"),
            "europe-west3-docker.pkg.dev",
            "oauth2accesstoken",
        ),
    ] {
        world.secret(name, "Opaque", data).await;
        let mut reference = json!({ "name": name });
        if let Some(server) = server {
            reference["server"] = server.into();
        }
        world.resource(name, json!({ "secretRef": reference })).await;
        let ready = world.wait_ready(name).await;
        assert_eq!(ready.status.unwrap().credential_expires_at, Some(end), "{name}");
        let sent = json!({ "auths": { registry: { "password": password, "username": user } } }).to_string();
        assert_eq!(world.remote(name), Some(sent));
    }
    world.check(&operator).await;
}
