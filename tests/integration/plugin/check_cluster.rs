//! `check NAME`: what is wrong in the cluster and, with `--remote`, in AI Core.

use std::collections::BTreeMap;

use aicore_registry_operator::api::AICoreRegistrySecret;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::{
    Api,
    api::{ObjectMeta, PostParams},
};
use serde_json::json;
use testbed::simulator::KeyFormat;

use super::{finish, plugin};
use crate::{
    cluster::cluster,
    world::{Conditions, Login, World},
};

const HTTP: &str = "--allow-insecure-http";

#[tokio::test]
async fn what_the_cluster_holds_is_judged() {
    let world = World::synced("pcheck").await;
    let sound = world.plugin(&["check", "pull", HTTP]).await;
    sound.assert(
        0,
        &[
            "a password for ghcr.io",
            &world.api_url(),
            "--allow-insecure-http",
            "with a client secret",
            "Nothing is wrong.",
        ],
    );
    world
        .plugin(&["check", "pull", HTTP, "--registries=quay.io"])
        .await
        .assert(1, &["no entry matches \"quay.io\""]);
    world.plugin(&["check", "pull"]).await.assert(1, &["does not start with https://"]);

    world.raw_docker_secret("source", "{\"auths\": {}}").await;
    world.delete_secret("key").await;
    let missing = format!(
        "Secret \"key\", which spec.aiCoreSecretRef names, does not exist in namespace {:?}",
        world.namespace
    );
    let broken = world.plugin(&["check", "pull", HTTP, "--remote"]).await;
    broken.assert(1, &["it has no entry for any registry", &missing, "not asked", "2 things are wrong."]);
    assert_eq!(world.requests(), 0);
    world.plugin(&["check", "nope"]).await.assert(1, &["there is no AICoreRegistrySecret \"nope\""]);
}

/// The very sentences of the conditions.
#[tokio::test]
async fn the_doctor_and_the_operator_say_the_same() {
    let world = World::synced("psame").await;
    world.raw_docker_secret("source", "{\"auths\": {\"ghcr.io\": {\"username\": \"robot\"}}}").await;
    world.secret("key", "Opaque", BTreeMap::from([("clientid".to_owned(), "x".to_owned())])).await;
    world.resource("one", json!({})).await;
    let operator = world.operator().await;
    let said = world.plugin(&["check", "one", HTTP]).await;
    said.assert(1, &[]);
    let stalled = |resource: AICoreRegistrySecret| resource.condition("Stalled").message.clone();
    let message = stalled(world.wait_reason("one", "SecretInvalid").await);
    assert!(said.out.contains(&message), "{message}\n{}", said.out);
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    let message = stalled(world.wait_reason("one", "ServiceKeyInvalid").await);
    assert!(said.out.contains(&message), "{message}\n{}", said.out);
    world.check(&operator).await;
}

#[tokio::test]
async fn with_remote_ai_core_is_asked_and_nothing_is_changed() {
    let world = World::synced("premote").await;
    let check = ["check", "pull", HTTP, "--remote"];
    world.plugin(&check).await.assert(
        0,
        &[
            "it has no docker registry secret \"pull\" yet; the operator creates it",
            "0 of 50 docker registry secrets are used",
        ],
    );
    world.preset_remote("pull", "{\"auths\":{}}");
    world.plugin(&check).await.assert(0, &["it has a docker registry secret \"pull\"", "1 of 50"]);

    world.remove_remote("pull");
    world.preset_remote("another", "{\"auths\":{}}");
    world.tenant().configure(|options| options.quota = 1);
    world.plugin(&check).await.assert(1, &["quota for docker registry secrets is used up (1 of 1 used)"]);
    world.patch_spec("pull", json!({ "creationPolicy": "Never" })).await;
    world
        .plugin(&check)
        .await
        .assert(1, &["AI Core has no docker registry secret \"pull\", and spec.creationPolicy is Never"]);
    assert_eq!(world.writes(), []);

    world.rotate_service_key();
    let refused = world.plugin(&check).await;
    refused.assert(
        1,
        &[
            "wrong  token        The authorization server 127.0.0.1",
            "answered HTTP 401",
            "renew the service key in Secret \"key\"",
        ],
    );
}

#[tokio::test]
async fn a_certificate_shows_its_end_and_gets_a_token() {
    let world = World::with_tls("pmtls").await;
    let key = world.tenant().x509_service_key(KeyFormat::Pkcs8).unwrap();
    world.secret("key", "Opaque", BTreeMap::from([("key.json".to_owned(), key.to_string())])).await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    world.resource("pull", json!({})).await;
    let [bundle, hosts] = world.trust();
    let said = world.plugin(&["check", "pull", "--remote", &bundle, &hosts]).await;
    said.assert(0, &["ok     token        got one with an X.509 certificate that is valid until", "0 of 50"]);
    assert!(!said.out.contains("PRIVATE KEY") && !said.out.contains("BEGIN"), "{}", said.out);
    let untrusted = world.plugin(&["check", "pull", "--remote", &hosts]).await;
    untrusted.assert(1, &["could not be reached", "certificate"]);
}

#[tokio::test]
async fn what_the_user_may_not_read_is_said() {
    let world = World::synced("pforbidden").await;
    let control_plane = cluster().await;
    let accounts: Api<ServiceAccount> =
        Api::namespaced(control_plane.client().await.unwrap(), &world.namespace);
    let metadata = ObjectMeta { name: Some("nobody".to_owned()), ..ObjectMeta::default() };
    let account = ServiceAccount { metadata, ..ServiceAccount::default() };
    accounts.create(&PostParams::default(), &account).await.unwrap();
    let kubeconfig = control_plane.kubeconfig_for(&world.namespace, "nobody").await.unwrap();
    for command in [&["status"][..], &["check", "pull"], &["suspend", "pull"], &["sync", "pull"]] {
        let said = finish(plugin(&kubeconfig, command)).await;
        said.assert(1, &["is forbidden: User \"system:serviceaccount:"]);
        assert!(!said.err.contains("operator is not allowed"), "{}", said.err);
    }
}
