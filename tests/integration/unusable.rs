//! Secrets and specs that cannot work: each is named with its cure, nothing is sent, and what AI Core holds stays.

use std::collections::BTreeMap;

use aicore_registry_operator::api::AICoreRegistrySecret;
use serde_json::{Value, json};

use crate::world::{Conditions, Login, World};

/// Waits until the resource says this, with this reason.
async fn wait_sentence(world: &World, reason: &str, parts: &[&str]) -> AICoreRegistrySecret {
    wait_stalled(world, "False", reason, parts).await
}

async fn wait_stalled(world: &World, ready: &str, reason: &str, parts: &[&str]) -> AICoreRegistrySecret {
    world
        .wait_for("pull", &format!("{reason} with {parts:?}"), |resource| {
            let stalled = resource.condition("Stalled");
            stalled.reason == reason
                && parts.iter().all(|part| stalled.message.contains(part))
                && resource.condition("Ready").status == ready
        })
        .await
}

#[tokio::test]
async fn a_registry_credential_that_cannot_work_is_refused() {
    let world = World::synced("unusable").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    let good = world.remote("pull");
    world.forget_requests();
    let table: [(Value, &[&str]); 12] = [
        (
            json!({ "auths": { "acr.io": { "auth": "MDAwOg==", "identitytoken": "s3cr3tCanary" } } }),
            &["entry \"acr.io\"", "identity token"],
        ),
        (
            json!({ "auths": { "acr.io": { "registrytoken": "s3cr3tCanary" } } }),
            &["entry \"acr.io\"", "registry token"],
        ),
        (json!({ "auths": { "quay.io": {} }, "credsStore": "desktop" }), &["credsStore"]),
        (json!({ "auths": {}, "credHelpers": { "gcr.io": "gcloud" } }), &["credHelpers"]),
        (json!({ "auths": { "quay.io": { "username": "", "password": "" } } }), &["entry \"quay.io\""]),
        (json!({ "auths": { "quay.io": { "username": "robot" } } }), &["entry \"quay.io\"", "password"]),
        (json!({ "auths": { "quay.io": { "auth": "%%%" } } }), &["entry \"quay.io\"", "base64"]),
        (
            json!({ "auths": {
                "quay.io": { "username": "a", "password": "s3cr3tCanary1" },
                "https://quay.io/": { "username": "a", "password": "s3cr3tCanary2" },
            } }),
            &["quay.io", "differ"],
        ),
        (
            json!({ "auths": { "oci://ghcr.io": { "username": "a", "password": "s3cr3tCanary" } } }),
            &["entry \"oci://ghcr.io\"", "starts with \"oci://\""],
        ),
        (
            json!({ "auths": { "quay.io": { "username": "<token>", "password": "s3cr3tCanary" } } }),
            &["entry \"quay.io\"", "identity token"],
        ),
        (
            json!({ "quay.io": { "username": "a", "password": "s3cr3tCanary" } }),
            &["\"quay.io\"", "must stand under \"auths\""],
        ),
        (
            json!({ "auths": { "ghcr.io": { "username": "a", "password": "s3cr3tCanary" }, "quay.io": {} } }),
            &["entry \"quay.io\"", "registries"],
        ),
    ];
    for (config, parts) in table {
        world.raw_docker_secret("source", &config.to_string()).await;
        wait_sentence(&world, "SecretInvalid", parts).await;
    }
    assert_eq!(world.requests(), 0);
    assert_eq!(world.remote("pull"), good);
    // The sound entry can be had by saying so.
    world.patch_spec("pull", json!({ "registries": ["ghcr.io"] })).await;
    world.wait_ready("pull").await;
    world.check(&operator).await;
}

/// Also by somebody who may create resources, and not read Secrets: whatever the keys are called, nothing of these is sent.
#[tokio::test]
async fn secrets_of_types_for_something_else_are_refused() {
    let world = World::synced("foreign").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    world.forget_requests();
    let types: [(&str, &[&str]); 3] = [
        ("kubernetes.io/tls", &["tls.crt", "tls.key"]),
        ("kubernetes.io/ssh-auth", &["ssh-privatekey", "username"]),
        ("helm.sh/release.v1", &["release", "username"]),
    ];
    for (number, (type_, keys)) in types.into_iter().enumerate() {
        let name = format!("foreign-{number}");
        let data = keys.iter().map(|key| ((*key).to_owned(), "s3cr3tCanary".to_owned())).collect();
        world.secret(&name, type_, data).await;
        let login =
            json!({ "name": name, "server": "quay.io", "usernameKey": keys[0], "passwordKey": keys[1] });
        world.patch_spec("pull", json!({ "secretRef": login })).await;
        wait_sentence(
            &world,
            "SecretInvalid",
            &[&name, type_, "which is never a registry credential; name a Secret"],
        )
        .await;
        let back = json!({ "name": "source", "server": null, "usernameKey": null, "passwordKey": null });
        world.patch_spec("pull", json!({ "secretRef": back, "aiCoreSecretRef": { "name": name } })).await;
        wait_sentence(
            &world,
            "ServiceKeyInvalid",
            &[&name, type_, "which is never an AI Core service key; name the"],
        )
        .await;
        world.patch_spec("pull", json!({ "aiCoreSecretRef": { "name": "key" } })).await;
        world.wait_ready("pull").await;
    }
    assert_eq!(world.writes(), []);
    world.check(&operator).await;
}

#[tokio::test]
async fn a_spec_that_does_not_fit_a_sound_secret_is_refused() {
    let world = World::synced("misfit").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    let login = |user: &str| {
        BTreeMap::from([
            ("username".to_owned(), user.to_owned()),
            ("password".to_owned(), "s3cr3tCanary".to_owned()),
        ])
    };
    world.secret("basic", "kubernetes.io/basic-auth", login("robot")).await;
    world.forget_requests();
    let table: [(Value, &str, &[&str]); 5] = [
        (
            json!({ "registries": ["quay.io"] }),
            "SecretInvalid",
            &["spec.registries", "\"quay.io\"", "ghcr.io"],
        ),
        (
            json!({ "registries": null, "secretRef": { "name": "basic" } }),
            "SecretInvalid",
            &["spec.secretRef.server"],
        ),
        (
            json!({ "secretRef": { "name": "basic", "server": "quay.io", "usernameKey": "user" } }),
            "SecretInvalid",
            &["\"user\""],
        ),
        (
            json!({ "secretRef": { "name": "basic", "server": "quay.io", "usernameKey": null, "passwordKey": "token" } }),
            "SecretInvalid",
            &["\"token\""],
        ),
        (
            json!({ "secretRef": { "passwordKey": null }, "aiCoreSecretRef": { "key": "other.json" } }),
            "ServiceKeyInvalid",
            &["\"other.json\"", "it has the keys"],
        ),
    ];
    for (spec, reason, parts) in table {
        world.patch_spec("pull", spec).await;
        wait_sentence(&world, reason, parts).await;
    }
    assert_eq!(world.writes(), []);
    assert_eq!(world.remote("pull").unwrap(), World::payload(&[("ghcr.io", Login::new("robot", 1))]));
    world.patch_spec("pull", json!({ "aiCoreSecretRef": { "key": null } })).await;
    world.wait_ready("pull").await;
    world.check(&operator).await;
}

#[tokio::test]
async fn everything_wrong_with_a_service_key_is_named_at_once() {
    let world = World::synced("allwrong").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    world.forget_requests();
    let key = |content: Value| BTreeMap::from([("key.json".to_owned(), content.to_string())]);
    let table: [(Value, &[&str]); 6] = [
        (json!({ "appname": "x" }), &["clientid", "clientsecret", "url", "serviceurls.AI_API_URL"]),
        (
            json!({ "clientid": "x", "clientsecret": "s3cr3tCanary", "url": "ftp://x.example",
                "serviceurls": { "AI_API_URL": "https://10.0.0.1/v2" } }),
            &["\"url\" does not start with https://", "10.0.0.1"],
        ),
        (
            json!({ "clientid": "x", "clientsecret": "s3cr3tCanary", "url": "https://a.hana.ondemand.com.evil.example",
                "serviceurls": { "AI_API_URL": "https://hana.ondemand.com@evil.example" } }),
            &["a.hana.ondemand.com.evil.example", "serviceurls.AI_API_URL"],
        ),
        (
            json!({ "clientid": "x", "certificate": "no PEM", "key": "no PEM s3cr3tCanary",
                "certurl": "https://a.authentication.cert.eu10.hana.ondemand.com",
                "url": "https://a.authentication.eu10.hana.ondemand.com",
                "serviceurls": { "AI_API_URL": "https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com" } }),
            &["certificate", "key"],
        ),
        (
            json!({ "clientid": "x", "certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                "key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
                "certurl": "http://127.0.0.1:9090/uaa/a", "url": "http://127.0.0.1:8080/uaa/a",
                "serviceurls": { "AI_API_URL": "http://127.0.0.1:8080" } }),
            &["by \"certurl\"", "\"url\" has port 9090"],
        ),
        (
            json!({ "clientid": "x", "clientsecret": "s3cr3tCanary", "url": "https://a.authentication.eu10.hana.ondemand.com",
                "serviceurls": { "ML_API_URL": "https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com" } }),
            &["AI_API_URL"],
        ),
    ];
    for (content, parts) in table {
        world.secret("key", "Opaque", key(content)).await;
        // AI Core still holds what the Secret holds.
        wait_stalled(&world, "True", "ServiceKeyInvalid", parts).await;
    }
    assert_eq!(world.requests(), 0);
    world.service_key("key").await;
    world.wait_ready("pull").await;
    world.check(&operator).await;
}
