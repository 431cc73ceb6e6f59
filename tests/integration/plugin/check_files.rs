//! `check -f`: what is wrong in files. The plugin asks no cluster.

use std::process::{Command, Output};

use aicore_registry_operator::api::{self, AICoreRegistrySecret};
use kube::{
    Api, Resource,
    api::{DynamicObject, PostParams},
    core::{ApiResource, GroupVersionKind},
};
use rstest::rstest;
use serde_json::{Value, json};

use super::{Said, folder::Folder};
use crate::{
    cluster::cluster,
    invariants::{CANARY, check_canaries},
};

fn check(arguments: &[&str]) -> Said {
    let output: Output = Command::new(env!("CARGO_BIN_EXE_kubectl-aicore_registry"))
        .arg("check")
        .args(arguments)
        .env_clear()
        .env("KUBECONFIG", "/does/not/exist")
        .output()
        .unwrap();
    let said = Said::of(output);
    check_canaries(&[said.out.clone(), said.err.clone()], &[]);
    said
}

fn docker_config() -> Value {
    json!({ "auths": {
        "ghcr.io": { "username": "robot", "password": CANARY },
        "index.docker.io": { "username": "robot", "password": CANARY },
    } })
}

fn service_key() -> Value {
    json!({
        "clientid": "sb-x", "clientsecret": CANARY,
        "url": "https://t.authentication.eu10.hana.ondemand.com",
        "serviceurls": { "AI_API_URL": "https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com" },
    })
}

fn secret(name: &str, key: &str, content: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name, "namespace": "ml" },
        "stringData": { key: content.to_string() },
    })
}

fn resource(spec: &Value) -> Value {
    let mut whole = json!({ "secretRef": { "name": "source" }, "aiCoreSecretRef": { "name": "key" } });
    whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    json!({
        "apiVersion": "aicore-registry.dev/v1alpha1", "kind": "AICoreRegistrySecret",
        "metadata": { "name": "pull", "namespace": "ml" },
        "spec": whole,
    })
}

/// One file of several documents.
fn yaml(documents: &[Value]) -> String {
    let texts: Vec<String> =
        documents.iter().map(|document| serde_saphyr::to_string(document).unwrap()).collect();
    texts.join("\n---\n")
}

#[test]
fn what_is_sound_is_explained() {
    let folder = Folder::new();
    let documents = [
        resource(&json!({ "registries": ["docker.io"] })),
        secret("source", ".dockerconfigjson", &docker_config()),
        secret("key", "key.json", &service_key()),
    ];
    let file = folder.file("all.yaml", &yaml(&documents));
    let said = check(&["-f", &file]);
    said.assert(0, &[
        "AICoreRegistrySecret ml/pull\n",
        "\"pull\" is a name that AI Core accepts",
        "Secret \"source\" gives a user name and a password for https://index.docker.io\n",
        "API https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com, authorization server https://t.auth",
        "*.authentication.*.hana.ondemand.com",
        "note   token        not asked for (--remote does): with a client secret, from https://t.auth",
        "Nothing is wrong.",
    ]);
}

#[rstest]
#[case::name(json!({ "remoteName": "Upper" }), docker_config(), "AI Core does not accept the name \"Upper\"")]
#[case::registries(
    json!({ "registries": ["quay.io"] }),
    docker_config(),
    "no entry matches \"quay.io\" of spec.registries; the entries are \"ghcr.io\" and \"index.docker.io\""
)]
#[case::empty(json!({}), json!({ "auths": {} }), "it has no entry for any registry")]
#[case::helper(json!({}), json!({ "credsStore": "desktop" }), "it has no entry for any registry")]
#[case::no_password(json!({}), json!({ "auths": { "ghcr.io": { "username": "robot" } } }), "entry \"ghcr.io\"")]
#[case::misspelled(json!({ "registry": ["ghcr.io"] }), docker_config(), "spec.registry is not a field")]
#[case::interval(json!({ "resyncInterval": "1s" }), docker_config(), "spec.resyncInterval \"1s\" is below 10s")]
fn what_is_wrong_with_a_resource_and_its_credential_is_said(
    #[case] spec: Value,
    #[case] config: Value,
    #[case] part: &str,
) {
    let folder = Folder::new();
    let documents = [
        resource(&spec),
        secret("source", ".dockerconfigjson", &config),
        secret("key", "key.json", &service_key()),
    ];
    let file = folder.file("all.yaml", &yaml(&documents));
    check(&["-f", &file]).assert(1, &[part, "1 thing is wrong."]);
}

/// What one refuses, the other refuses. The Secrets are sound as far as the names can be.
#[rstest]
#[case::minimal(json!({}), true)]
#[case::upper_case_secret(json!({ "spec": { "secretRef": { "name": "A_b" } } }), false)]
#[case::path_as_secret(json!({ "spec": { "aiCoreSecretRef": { "name": "../x" } } }), false)]
#[case::empty_secret(json!({ "spec": { "secretRef": { "name": "" } } }), false)]
#[case::long_secret(json!({ "spec": { "secretRef": { "name": "a".repeat(254) } } }), false)]
#[case::dotted_secret(json!({ "spec": { "secretRef": { "name": "a.b-c.1" } } }), true)]
#[case::space_in_key(json!({ "spec": { "aiCoreSecretRef": { "key": "a b" } } }), false)]
#[case::empty_key(json!({ "spec": { "aiCoreSecretRef": { "key": "" } } }), false)]
#[case::user_key_without_server(json!({ "spec": { "secretRef": { "usernameKey": "u" } } }), false)]
#[case::null_for_server(json!({ "spec": { "secretRef": { "passwordKey": "p", "server": null } } }), false)]
#[case::empty_server(json!({ "spec": { "secretRef": { "server": "" } } }), false)]
#[case::long_server(json!({ "spec": { "secretRef": { "server": "a".repeat(256) } } }), false)]
#[case::no_registries(json!({ "spec": { "registries": [] } }), false)]
#[case::empty_registry(json!({ "spec": { "registries": [""] } }), false)]
#[case::null_for_a_registry(json!({ "spec": { "registries": [null] } }), false)]
#[case::registry_twice(json!({ "spec": { "registries": ["ghcr.io", "ghcr.io"] } }), false)]
#[case::nulls(json!({ "spec": { "registries": null, "remoteName": null, "suspend": null } }), true)]
#[case::remote_name(json!({ "spec": { "remoteName": "Upper" } }), false)]
#[case::short_remote_name(json!({ "spec": { "remoteName": "x" } }), false)]
#[case::double_underscore(json!({ "spec": { "remoteName": "a__b" } }), false)]
#[case::good_remote_name(json!({ "spec": { "remoteName": "x_y.z-1" } }), true)]
#[case::interval(json!({ "spec": { "resyncInterval": "soon" } }), false)]
#[case::short_interval(json!({ "spec": { "resyncInterval": "9999ms" } }), false)]
#[case::uncountable_interval(json!({ "spec": { "resyncInterval": "2562048h" } }), false)]
#[case::longest_interval(json!({ "spec": { "resyncInterval": "2562047h" } }), true)]
#[case::lengthy_interval(json!({ "spec": { "resyncInterval": format!("{}h", "0".repeat(32)) } }), false)]
#[case::no_interval(json!({ "spec": { "resyncInterval": "0ms" } }), true)]
#[case::policy(json!({ "spec": { "creationPolicy": "Always" } }), false)]
#[case::kind_of_value(json!({ "spec": { "suspend": "yes" } }), false)]
#[case::one_letter_name(json!({ "metadata": { "name": "x" } }), false)]
#[case::one_letter_name_and_remote_name(json!({ "metadata": { "name": "x" }, "spec": { "remoteName": "xy" } }), true)]
#[case::no_name_of_kubernetes(json!({ "metadata": { "name": "a_b" }, "spec": { "remoteName": "xy" } }), false)]
#[tokio::test]
async fn the_api_server_and_the_doctor_refuse_the_same(#[case] changes: Value, #[case] accepted: bool) {
    let mut manifest = resource(&json!({}));
    manifest["metadata"]["namespace"] = "default".into();
    merge(&mut manifest, &changes);
    let kind = GroupVersionKind::gvk(api::GROUP, api::VERSION, api::KIND);
    let plural = AICoreRegistrySecret::plural(&());
    let resources: Api<DynamicObject> = Api::namespaced_with(
        cluster().await.client().await.unwrap(),
        "default",
        &ApiResource::from_gvk_with_plural(&kind, &plural),
    );
    let dry_run = PostParams { dry_run: true, ..PostParams::default() };
    let answer = resources.create(&dry_run, &serde_json::from_value(manifest.clone()).unwrap()).await;
    match &answer {
        Ok(_) => {}
        Err(kube::Error::Api(status)) => assert_eq!(status.code, 422, "{}", status.message),
        Err(error) => panic!("{error}"),
    }
    assert_eq!(answer.is_ok(), accepted, "{answer:?}");
    let folder = Folder::new();
    let file = folder.file("resource.yaml", &serde_saphyr::to_string(&manifest).unwrap());
    let said = check(&["-f", &file]);
    if accepted {
        said.assert(0, &["Nothing is wrong in what was checked; 2 parts were not."]);
    } else {
        said.assert(1, &["1 thing is wrong."]);
    }
}

fn merge(target: &mut Value, changes: &Value) {
    match (target, changes) {
        (Value::Object(target), Value::Object(changes)) => {
            for (name, value) in changes {
                merge(target.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (target, value) => *target = value.clone(),
    }
}

#[rstest]
#[case::missing("clientsecret", Value::Null, "\"clientsecret\" is missing")]
#[case::two_missing("serviceurls", Value::Null, "\"serviceurls.AI_API_URL\" is missing")]
#[case::host("url", json!("https://evil.example"), "points to host \"evil.example\", which the operator may not connect to")]
#[case::http("url", json!("http://t.authentication.eu10.hana.ondemand.com"), "does not start with https://")]
fn what_is_wrong_with_a_service_key_is_said(#[case] field: &str, #[case] value: Value, #[case] part: &str) {
    let folder = Folder::new();
    let mut key = service_key();
    key[field] = value;
    let file = folder.file("key.json", &key.to_string());
    check(&["-f", &file]).assert(1, &["Service key in", part]);
    if field == "url" && part.contains("evil") {
        let more = "--allowed-hosts=evil.example,api.ai.*.*.*.ml.hana.ondemand.com";
        check(&["-f", &file, more]).assert(0, &["authorization server https://evil.example"]);
    }
}

#[test]
fn bare_files_are_judged_by_themselves() {
    let folder = Folder::new();
    let config = folder.file("config.json", &docker_config().to_string());
    let key = folder.file("key.json", &service_key().to_string());
    check(&["-f", &config, "-f", &key]).assert(0, &["Docker config in", "Service key in", "ghcr.io"]);
    check(&["-f", &config, "--registries=ghcr.io"]).assert(0, &["a password for ghcr.io\n"]);
    check(&["-f", &config, "--registries=x.io,ghcr.io"]).assert(1, &["no entry matches \"x.io\""]);
    let broken =
        folder.file("broken.json", &json!({ "auths": { "quay.io": { "auth": "eA==" } } }).to_string());
    let said = check(&["-f", &broken]);
    said.assert(1, &[&format!("{broken}: entry \"quay.io\"")]);
    assert!(!said.out.contains("Secret \"") && !said.out.contains(".dockerconfigjson"), "{}", said.out);
    std::fs::remove_file(broken).unwrap();
    folder.file("name-reference.yaml", "nameReference: []");
    let whole = folder.name();
    check(&["-f", &whole])
        .assert(0, &["Docker config in", "Service key in", "note   file         skipped: it is no manifest"]);
    check(&["-f", &format!("{whole}/name-reference.yaml")])
        .assert(1, &["wrong  file         it is no manifest"]);
    check(&["-f", "examples/kustomize"]).assert(0, &["name-reference.yaml", "skipped"]);
}

#[rstest]
#[case::request(
    json!({ "name": "x", "data": { ".dockerconfigjson": docker_config().to_string() } }),
    "the value is the body of a request to AI Core; store only the text that is under \".dockerconfigjson\" of its \"data\""
)]
#[case::old_form(docker_config()["auths"].clone(), "must stand under \"auths\"")]
#[case::wrapped(json!({ "config": docker_config() }), "the whole docker config stands under \"config\"")]
#[case::environment(json!({ "aicore_client_secret": CANARY }), "are missing")]
fn a_bare_file_of_another_form_gets_the_operators_sentence(#[case] content: Value, #[case] part: &str) {
    let folder = Folder::new();
    let file = folder.file("file.json", &content.to_string());
    check(&["-f", &file]).assert(1, &[part]);
}

#[rstest]
#[case::json("broken.json", format!("{{\"auths\": {{\"ghcr.io\": \"{CANARY}\""), "not valid JSON (line 1, column")]
#[case::yaml("broken.yaml", format!("stringData:\n  a: \"{CANARY}\n"), "not valid YAML (line")]
#[case::typed("typed.yaml", format!("{CANARY}: [{CANARY}"), "not valid YAML")]
#[case::base64(
    "base64.yaml",
    format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\ndata: {{.dockerconfigjson: '{{{CANARY}}}'}}"),
    "the value under data is not base64; put plain text under stringData"
)]
fn a_broken_file_is_named_but_not_shown(#[case] name: &str, #[case] text: String, #[case] part: &str) {
    let folder = Folder::new();
    let file = folder.file(name, &text);
    check(&["-f", &file]).assert(1, &[part, name]);
}

#[test]
fn of_several_documents_the_one_that_is_broken_is_named() {
    let folder = Folder::new();
    let broken =
        json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "s" }, "data": { "k": "{" } });
    let file = folder.file("two.yaml", &yaml(&[resource(&json!({})), broken]));
    check(&["-f", &file]).assert(1, &["two.yaml\", document 2\n", "Secret \"s\", key \"k\""]);
}

#[test]
fn wrong_usage_is_exit_code_2() {
    check(&[]).assert(2, &["required"]);
    check(&["-f", "/does/not/exist"]).assert(2, &["-f: /does/not/exist cannot be read"]);
    check(&["-f", "/dev/zero"]).assert(2, &["-f: /dev/zero is longer than 10 MiB"]);
    check(&["-f", "Cargo.toml", "--allowed-hosts=https://x"]).assert(2, &["--allowed-hosts: "]);
    check(&["-f", "Cargo.toml", "--ca-bundle=Cargo.toml"])
        .assert(2, &["--ca-bundle: Cargo.toml holds no certificate"]);
    check(&["-f", "deploy/krew/aicore-registry.yaml"]).assert(2, &["the files have no AICoreRegistrySecret"]);
}

/// What we show to users passes our own doctor.
#[test]
fn the_examples_are_sound() {
    check(&["-f", "examples"]).assert(0, &["a password for harbor.example.com", "not in the files"]);
    check(&["-f", "examples/ghcr.yaml"]).assert(0, &["gives a user name and a password for ghcr.io"]);
}
