//! Text from files, servers, kubeconfigs, programs and the command line stays text: nothing of it moves the cursor, starts a
//! line, or gives an order to the system that runs a build.

use std::{fmt::Write, os::unix::fs::PermissionsExt, path::Path};

use rstest::rstest;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::{Said, finish, folder::Folder, plugin};

/// All at once: a terminal's sequences, forged lines and commands, marks that reorder or hide, and separators.
const HOSTILE: &str = "x\u{1b}[2J\u{1b}]0;owned\u{7}\r\n::warning title=forged::all is well\n##[error]x\n\
     ##vso[task.complete result=Succeeded;]\nNothing is wrong.\n\u{202e}\u{2066}\u{200b}\u{feff}\u{2028}\u{2029}\u{85}\u{9b}31m\u{7f}\u{0b}";
/// What an environment, an argument or a file's name can have.
const SECRET: &str = "hunter2-literal-password";

#[track_caller]
fn check(said: &Said) {
    let text = format!("{}{}", said.out, said.err);
    for character in text.chars() {
        let plain = character == '\n'
            || (character.is_alphanumeric() || (' '..='~').contains(&character) || character == '…');
        assert!(plain, "{character:?} in {text:?}");
    }
    for line in text.lines() {
        let line = line.trim_start();
        assert!(!line.starts_with("::") && !line.starts_with("Nothing is") && !text.contains("##"), "{text}");
    }
    assert!(!text.contains(SECRET), "{text}");
    assert!(text.lines().count() < 12, "each thing is one line: {text}");
}

fn resource(metadata: &Value, spec: &Value) -> Value {
    json!({
        "apiVersion": "aicore-registry.dev/v1alpha1", "kind": "AICoreRegistrySecret", "metadata": metadata, "spec": spec,
    })
}

fn secret(metadata: &Value, parts: &Value) -> Value {
    let mut secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": metadata });
    secret.as_object_mut().unwrap().extend(parts.as_object().unwrap().clone());
    secret
}

fn names(name: &str) -> Value {
    json!({ "name": name, "namespace": name })
}

fn refs() -> Value {
    json!({ "secretRef": { "name": HOSTILE }, "aiCoreSecretRef": { "name": HOSTILE, "key": HOSTILE } })
}

fn spec(more: &Value) -> Value {
    let mut spec = refs();
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    spec
}

fn config(host: &str) -> String {
    json!({ "auths": { host: { "username": HOSTILE, "password": SECRET, HOSTILE: SECRET } } }).to_string()
}

#[rstest]
#[case::names(resource(&names(HOSTILE), &refs()))]
#[case::remote_name(resource(&names("x"), &spec(&json!({ "remoteName": HOSTILE }))))]
#[case::unknown_field(resource(&names("x"), &spec(&json!({ HOSTILE: { HOSTILE: SECRET } }))))]
#[case::unknown_inner_field(resource(&names("x"), &json!({ "secretRef": { "name": "x", HOSTILE: 1 }, "aiCoreSecretRef": { "name": "y" } })))]
#[case::wrong_kind(resource(&names(HOSTILE), &spec(&json!({ "suspend": SECRET }))))]
#[case::wrong_variant(resource(&names(HOSTILE), &spec(&json!({ "creationPolicy": SECRET }))))]
#[case::duration(resource(&names(HOSTILE), &spec(&json!({ "resyncInterval": HOSTILE }))))]
#[case::version(json!({ "apiVersion": format!("aicore-registry.dev/{HOSTILE}"), "kind": "AICoreRegistrySecret", "metadata": names(HOSTILE) }))]
#[case::data(secret(&names(HOSTILE), &json!({ "data": { HOSTILE: SECRET } })))]
#[case::string_data(secret(&names(HOSTILE), &json!({ "stringData": { HOSTILE: [SECRET] } })))]
#[case::sops(secret(&names(HOSTILE), &json!({ "sops": {} })))]
#[case::key_file(secret(&names(HOSTILE), &json!({ "stringData": { HOSTILE: HOSTILE } })))]
#[case::docker(secret(&names(HOSTILE), &json!({ "stringData": { ".dockerconfigjson": config(HOSTILE) } })))]
#[case::bare(json!({ "auths": { HOSTILE: { "auth": SECRET } } }))]
#[case::bare_key(json!({ "clientid": HOSTILE, "clientsecret": SECRET, "url": HOSTILE, HOSTILE: HOSTILE }))]
#[case::url(json!({ "clientid": "x", "clientsecret": SECRET, "url": format!("https://{HOSTILE}.example"), "serviceurls": { "AI_API_URL": HOSTILE } }))]
#[tokio::test]
async fn in_files(#[case] manifest: Value) {
    let folder = Folder::new();
    for (name, text) in
        [("a.json", manifest.to_string()), ("b.yaml", serde_saphyr::to_string(&manifest).unwrap())]
    {
        let file = folder.file(name, &text);
        let arguments = ["check", "-f", &*file];
        let said = finish(plugin(Path::new("/does/not/exist"), &arguments)).await;
        assert!(matches!(said.code, Some(0 | 1)), "{said:?}");
        let mut said = said;
        // Only the verdict itself may say so.
        said.out = said.out.trim_end_matches("Nothing is wrong.\n").to_owned();
        check(&said);
    }
}

#[rstest]
#[case::json(format!("{{\"a\": \"{SECRET}\" {HOSTILE}"))]
#[case::yaml(format!("a: {SECRET}\n  b: [{HOSTILE}"))]
#[case::yaml_twice(format!("{SECRET}: 1\n{SECRET}: 2\n"))]
#[tokio::test]
async fn in_files_that_no_parser_takes(#[case] text: String) {
    let folder = Folder::new();
    let name = HOSTILE.replace('/', "");
    let file = folder.file(&format!("{}.yaml", name.chars().take(100).collect::<String>()), &text);
    for argument in [file, folder.name()] {
        let said = finish(plugin(Path::new("/does/not/exist"), &["check", "-f", &*argument])).await;
        assert_eq!(said.code, Some(1), "{said:?}");
        check(&said);
    }
}

#[rstest]
#[case(&["check", "-f", HOSTILE])]
#[case(&["check", "-f", "Cargo.toml", "--ca-bundle", HOSTILE])]
#[case(&["check", "-f", "Cargo.toml", "--allowed-hosts", HOSTILE])]
#[case(&["check", "-f", "examples/ghcr.yaml", "--registries", HOSTILE])]
#[case(&["status", HOSTILE, "more", HOSTILE])]
#[case(&["status", "--output", HOSTILE])]
#[case(&["sync", "x", "--timeout", HOSTILE])]
#[case(&[HOSTILE])]
#[case(&["status", "--kubeconfig", HOSTILE])]
#[case(&["status", "--context", HOSTILE])]
#[tokio::test]
async fn on_the_command_line(#[case] arguments: &[&str]) {
    let said = finish(plugin(Path::new("/does/not/exist"), arguments)).await;
    assert!(matches!(said.code, Some(1 | 2)), "{said:?}");
    check(&said);
    let dashed = format!("--{HOSTILE}");
    check(&finish(plugin(Path::new(HOSTILE), &["status", &dashed])).await);
}

/// As JSON with escapes: YAML takes no control character as it is.
fn kubeconfig(server: &str, user: &Value) -> String {
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": HOSTILE,
        "clusters": [{ "name": HOSTILE, "cluster": { "server": server } }],
        "users": [{ "name": HOSTILE, "user": user }],
        "contexts": [{ "name": HOSTILE, "context": { "cluster": HOSTILE, "user": HOSTILE, "namespace": "ml" } }],
    });
    config.to_string().chars().fold(String::new(), |mut text, character| {
        if character.is_ascii() && character != '\u{7f}' {
            text.push(character);
        } else {
            write!(text, "\\u{:04x}", u32::from(character)).unwrap();
        }
        text
    })
}

#[rstest]
#[case::server(HOSTILE, json!({}))]
#[case::provider("http://127.0.0.1:1", json!({ "auth-provider": { "name": HOSTILE } }))]
#[case::file("http://127.0.0.1:1", json!({ "client-certificate": HOSTILE, "client-key": HOSTILE }))]
#[case::token("http://127.0.0.1:1", json!({ "tokenFile": HOSTILE }))]
#[case::data("http://127.0.0.1:1", json!({ "client-key-data": HOSTILE, "client-certificate-data": "x" }))]
#[case::version("http://127.0.0.1:1", json!({ "exec": { "apiVersion": HOSTILE, "command": HOSTILE } }))]
#[case::program("http://127.0.0.1:1", json!({ "exec": {
    "apiVersion": "client.authentication.k8s.io/v1", "command": HOSTILE, "installHint": HOSTILE,
    "interactiveMode": "Never" } }))]
#[case::schema("http://127.0.0.1:1", json!({ "exec": { "args": SECRET, "interactiveMode": SECRET } }))]
#[case::unreachable("http://127.0.0.1:1", json!({ "token": SECRET }))]
#[tokio::test]
async fn in_a_kubeconfig(#[case] server: &str, #[case] user: Value) {
    let folder = Folder::new();
    let file = folder.file("config", &kubeconfig(server, &user));
    let said = finish(plugin(Path::new(&file), &["status"])).await;
    assert!(matches!(said.code, Some(1 | 2)), "{said:?}");
    let is_schema = user["exec"]["args"].is_string();
    assert_eq!(said.err.contains("it is not a kubeconfig"), is_schema, "{said:?}");
    check(&said);
}

#[tokio::test]
async fn from_an_exec_program() {
    let folder = Folder::new();
    let text =
        format!("#!/bin/sh\nprintf '%s' '{HOSTILE}' >&2\nprintf '%s' '{{\"token\":\"{SECRET}\"}}'\nexit 3\n");
    let program = folder.file("helper", &text);
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    let exec = json!({ "exec": {
        "apiVersion": "client.authentication.k8s.io/v1beta1", "command": "./helper", "env": null,
    } });
    let file = folder.file("config", &kubeconfig("http://127.0.0.1:1", &exec));
    let said = finish(plugin(Path::new(&file), &["status"])).await;
    said.assert(2, &["ended with exit code 3; what it said is above"]);
    // Lines of the program are lines; among them one may say that nothing is wrong.
    let err = said.err.replace("Nothing is wrong.\n", "");
    check(&Said { code: said.code, out: said.out, err });
}

/// A server in the place of the API server, that gives the same answer to everything.
async fn server(status: u16, body: Value) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let body = body.to_string();
            tokio::spawn(async move {
                let mut request = [0; 8192];
                let _ = stream.read(&mut request).await;
                let head = format!(
                    "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
            });
        }
    });
    url
}

fn refusal(code: u16) -> Value {
    json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": HOSTILE, "reason": HOSTILE, "code": code })
}

fn with_status() -> Value {
    let condition = json!({
        "type": "Ready", "status": HOSTILE, "reason": HOSTILE, "message": HOSTILE,
        "lastTransitionTime": "2026-03-01T10:00:00Z",
    });
    let mut stalled = condition.clone();
    stalled["type"] = "Stalled".into();
    let mut resource = resource(&names(HOSTILE), &refs());
    resource["status"] = json!({
        "observedGeneration": 1, "conditions": [condition, stalled], "remoteName": HOSTILE, "apiURL": HOSTILE,
        "registries": [HOSTILE, HOSTILE], "lastHandledReconcileAt": HOSTILE,
    });
    resource
}

#[rstest]
#[case::forbidden(403, refusal(403))]
#[case::gone(410, refusal(410))]
#[case::missing(404, refusal(404))]
#[case::broken(500, json!(HOSTILE))]
#[case::not_json(200, json!({ "items": HOSTILE, "kind": SECRET }))]
#[case::typed(200, resource(&names("x"), &spec(&json!({ "suspend": SECRET }))))]
#[case::one(200, with_status())]
#[case::list(200, json!({ "kind": "AICoreRegistrySecretList", "apiVersion": "aicore-registry.dev/v1alpha1", "metadata": {}, "items": [with_status(), with_status()] }))]
#[tokio::test]
async fn from_a_server(#[case] status: u16, #[case] body: Value) {
    let folder = Folder::new();
    let file = folder.file("config", &kubeconfig(&server(status, body).await, &json!({})));
    for arguments in [
        &["status"][..],
        &["status", "x"],
        &["status", "-A", "-o", "wide"],
        &["suspend", HOSTILE],
        &["resume", "x"],
        &["check", "x"],
        &["sync", "x", "--timeout=1s", "-n", HOSTILE],
    ] {
        check(&finish(plugin(Path::new(&file), arguments)).await);
    }
}
