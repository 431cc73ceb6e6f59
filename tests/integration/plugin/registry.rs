//! `check --registry` with distribution, a registry that nobody here wrote, as the program that users run.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;
use testbed::{
    distribution::{Access, Distribution, Signer},
    hosts::{Hosts, Reply, Request, Trusted},
};
use tokio::process::Command;

use super::{Said, finish, folder::Folder};
use crate::{
    invariants::{CANARY, check_canaries},
    world::{Login, World},
};

const REGISTRY: &str = "registry.example.test";
const TOKENS: &str = "tokens.example.test";
/// Of [`CANARY`], by bcrypt with the least cost.
const HTPASSWD: &str = "robot:$2b$04$abcdefghijklmnopqrstuuYDTrkZDKN2jrvcheigvQVVas9Gl8VPm\n";

/// The plugin in an environment where the proxy leads to the hosts.
async fn check(folder: &Folder, hosts: &Hosts, password: &str, arguments: &[&str]) -> Said {
    let config = json!({ "auths": { REGISTRY: { "username": "robot", "password": password } } });
    let config = folder.file("config.json", &config.to_string());
    let authority = folder.file("ca.pem", hosts.authority_pem());
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-aicore_registry"));
    command.args(["check", "-f"]).arg(config).arg("--ca-bundle").arg(authority).args(arguments);
    command.env_clear().env("KUBECONFIG", "/does/not/exist").env("HTTPS_PROXY", hosts.proxy());
    let said = finish(command).await;
    check_canaries(&[said.out.clone(), said.err.clone()], &[]);
    said
}

fn basic(password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("robot:{password}")))
}

async fn hosts(
    trusted: &Trusted,
    registry: &Distribution,
    script: impl Fn(&Request) -> Reply + Send + Sync + 'static,
) -> Hosts {
    let host = format!("{REGISTRY}:443");
    Hosts::start(trusted, &[TOKENS], &[(&host, registry.address())], script).await.unwrap()
}

#[tokio::test]
async fn distribution_with_passwords() {
    let trusted = Trusted::new().unwrap();
    let registry = Distribution::start(&trusted, REGISTRY, Access::Passwords(HTPASSWD)).await.unwrap();
    registry.push(&trusted, REGISTRY, "acme/app", "1.2", &basic(CANARY)).await.unwrap();
    let hosts = hosts(&trusted, &registry, |_| Reply::status(500)).await;
    let folder = Folder::new();
    check(&folder, &hosts, CANARY, &["--registry"]).await.assert(
        0,
        &[
            "ok     registry     registry.example.test: accepted, it lets the credential in",
            "Nothing is wrong.",
        ],
    );
    check(&folder, &hosts, CANARY, &["--registry=acme/app:1.2"])
        .await
        .assert(0, &["accepted, it has the manifest of acme/app:1.2 for the credential"]);
    check(&folder, &hosts, CANARY, &["--registry=registry.example.test/acme/app:1.3"]).await.assert(
        0,
        &["note   registry", "unknown, because it has no manifest of that name", "1 part was not."],
    );
    check(&folder, &hosts, "another", &["--registry"]).await.assert(
        1,
        &["wrong  registry     registry.example.test: rejected with 401 at /v2/", "1 thing is wrong."],
    );
    check(&folder, &hosts, CANARY, &[]).await.assert(0, &["Nothing is wrong."]);
    assert!(hosts.connections().iter().all(|host| host == "registry.example.test:443"));
}

/// Gives a token for any scope to anybody, with what the caller may do in it: nothing, without the right password.
fn token(signer: &Signer, request: &Request) -> Reply {
    let may_pull = request.header("authorization") == Some(&basic(CANARY));
    let allowed: &[(&str, &[&str])] = if may_pull { &[("acme/app", &["pull"])] } else { &[] };
    let token = signer.token("robot", allowed).unwrap();
    Reply::json(&json!({ "token": token }))
}

#[tokio::test]
async fn distribution_with_tokens() {
    let (trusted, signer) = (Trusted::new().unwrap(), Arc::new(Signer::new().unwrap()));
    let access = Access::Tokens { realm: "https://tokens.example.test/token", signer: &signer };
    let registry = Distribution::start(&trusted, REGISTRY, access).await.unwrap();
    let pusher = signer.token("pusher", &[("acme/app", &["push", "pull"])]).unwrap();
    registry.push(&trusted, REGISTRY, "acme/app", "1.2", &format!("Bearer {pusher}")).await.unwrap();
    let key = Arc::clone(&signer);
    let hosts = hosts(&trusted, &registry, move |request| token(&key, request)).await;
    let folder = Folder::new();
    let allowed = "--registry-token-host=registry.example.test=tokens.example.test";
    check(&folder, &hosts, CANARY, &["--registry=acme/app:1.2"]).await.assert(
        0,
        &["the credential was not sent: it wants the credential sent to tokens.example.test", allowed],
    );
    assert!(hosts.journal().is_empty());
    check(&folder, &hosts, CANARY, &["--registry=acme/app:1.2", allowed]).await.assert(
        0,
        &["accepted, it has the manifest of acme/app:1.2 for the credential, and not for anybody"],
    );
    assert_eq!(hosts.journal().len(), 2, "one token for anybody, one for the credential");
    check(&folder, &hosts, "another", &["--registry=acme/app:1.2", allowed]).await.assert(
        1,
        &[
            "rejected with 401 for the manifest of acme/app:1.2",
            "some registries give tokens for it nevertheless",
        ],
    );
    // Any token opens /v2/ there.
    check(&folder, &hosts, CANARY, &["--registry", allowed])
        .await
        .assert(0, &["unknown, because it gave a token for the credential and an equal one to anybody"]);
}

#[tokio::test]
async fn what_names_no_image_or_host_is_wrong_usage() {
    let trusted = Trusted::new().unwrap();
    let hosts = Hosts::start(&trusted, &[REGISTRY], &[], |_| Reply::status(500)).await.unwrap();
    let folder = Folder::new();
    for (arguments, part) in [
        (&["--registry=acme/App:1.2"][..], "--registry does not name an image such as acme/app:1.2: "),
        (&["--registry="], "--registry does not name an image such as acme/app:1.2: nothing follows the '='"),
        (&["--registry=registry.example.test"], "it is a registry alone"),
        (&["--registry=acme/app:1.2@sha256:12"], "a digest is sha256: and 64 hexadecimal digits"),
        (
            &["--registry", "--registry-token-host=10.0.0.1"],
            "--registry-token-host: write the registry and the host",
        ),
        (&["--registry-token-host=a.test=b.test"], "--registry"),
    ] {
        check(&folder, &hosts, CANARY, arguments).await.assert(2, &[part]);
    }
    assert!(hosts.connections().is_empty());
}

/// It needs no way to a registry, and takes none: what it would connect to by https is seen by the proxy.
#[tokio::test]
async fn the_operator_asks_no_registry() {
    let world = World::synced("no-registry").await;
    let trusted = Trusted::new().unwrap();
    let hosts = Hosts::start(&trusted, &["ghcr.io"], &[], |_| Reply::status(401)).await.unwrap();
    let launch = world.launch().with_variable("HTTPS_PROXY", &hosts.proxy());
    let operator = launch.with_variable("NO_PROXY", "127.0.0.1").start().await;
    world.wait_remote("pull", &World::payload(&[("ghcr.io", Login::new("robot", 1))])).await;
    world.wait_ready("pull").await;
    assert_eq!(hosts.connections(), Vec::<String>::new());
    world.check(&operator).await;
}
