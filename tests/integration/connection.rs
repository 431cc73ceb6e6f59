//! The ways to the API server: proxies, tokens from files, exec plugins, several kubeconfigs; and selectors as it reads them.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use aicore_registry_operator::{api::AICoreRegistrySecret, domain::parse::label_selector};
use kube::{Api, api::ListParams};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

use crate::{
    cluster::cluster,
    plugin::{finish, plugin},
    world::World,
};

/// The kubeconfig of the world, changed.
pub(crate) fn kubeconfig(world: &World, name: &str, change: impl FnOnce(&mut Value)) -> PathBuf {
    let mut config: Value =
        serde_saphyr::from_str(&std::fs::read_to_string(world.launch().kubeconfig).unwrap()).unwrap();
    config["contexts"][0]["context"]["namespace"] = world.namespace.clone().into();
    change(&mut config);
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}.kubeconfig", world.namespace));
    std::fs::write(&path, config.to_string()).unwrap();
    path
}

/// A proxy that leads every tunnel to the API server, and counts them.
async fn proxy(api_server: String) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let tunnels = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&tunnels);
    tokio::spawn(async move {
        while let Ok((mut from, _)) = listener.accept().await {
            let (count, api_server) = (Arc::clone(&count), api_server.clone());
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(from.read_u8().await?);
                }
                assert!(head.starts_with(b"CONNECT "));
                count.fetch_add(1, Ordering::SeqCst);
                let mut to = TcpStream::connect(api_server).await?;
                from.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
                copy_bidirectional(&mut from, &mut to).await
            });
        }
    });
    (address, tunnels)
}

fn address(config: &Value) -> String {
    config["clusters"][0]["cluster"]["server"]
        .as_str()
        .unwrap()
        .trim_start_matches("https://")
        .trim_end_matches('/')
        .to_owned()
}

#[tokio::test]
async fn behind_a_proxy_for_ai_core_the_api_server_is_reached_directly() {
    let world = World::synced("direct").await;
    let launch = world
        .launch()
        .with_variable("HTTPS_PROXY", "http://127.0.0.1:9")
        .with_variable("NO_PROXY", "127.0.0.1");
    let operator = launch.start().await;
    world.wait_ready("pull").await;
    let started = operator.wait_for_line("started").await;
    assert!(started.contains("\"api_server_proxy\":\"none\""), "{started}");
    assert!(started.contains("\"aicore_proxy\":\"http://127.0.0.1:9 (HTTPS_PROXY)\""), "{started}");
    assert!(started.contains("\"namespaces\":"), "{started}");
    world.check(&operator).await;
}

#[tokio::test]
async fn the_proxy_of_the_kubeconfig_and_that_of_the_environment_are_used() {
    let world = World::synced("proxied").await;
    let mut api_server = String::new();
    let plain = kubeconfig(&world, "plain", |config| api_server = address(config));
    let (proxy, tunnels) = proxy(api_server).await;
    let by_file = kubeconfig(&world, "file", |config| {
        config["clusters"][0]["cluster"]["proxy-url"] = format!("http://u:p@{proxy}").into();
    });
    finish(plugin(&by_file, &["status", "pull"])).await.assert(1, &["has not reconciled"]);
    assert_eq!(tunnels.swap(0, Ordering::SeqCst), 1);

    // A name that only the proxy knows.
    let named = kubeconfig(&world, "named", |config| {
        config["clusters"][0]["cluster"]["server"] = "https://api.cluster.invalid:6443".into();
        config["clusters"][0]["cluster"]["tls-server-name"] = "127.0.0.1".into();
    });
    let mut command = plugin(&named, &["status", "pull"]);
    command.env("https_proxy", &proxy);
    finish(command).await.assert(1, &["has not reconciled"]);
    assert_eq!(tunnels.swap(0, Ordering::SeqCst), 1);
    let mut command = plugin(&named, &["status", "pull"]);
    command.env("HTTPS_PROXY", &proxy).env("NO_PROXY", ".cluster.invalid");
    finish(command).await.assert(1, &["the API server could not be reached: "]);
    let mut command = plugin(&named, &["status", "pull"]);
    command.env("HTTPS_PROXY", "http://u:s3cr3t@127.0.0.1:1");
    let said = finish(command).await;
    said.assert(1, &["could not be reached through the proxy http://127.0.0.1:1 (HTTPS_PROXY): "]);
    assert!(!said.err.contains("s3cr3t"), "{said:?}");
    // kubectl does not know it.
    let mut command = plugin(&plain, &["status", "pull"]);
    command.env("ALL_PROXY", "http://127.0.0.1:1").env("HTTPS_PROXY", "http://127.0.0.1:1");
    finish(command).await.assert(1, &["has not reconciled"]);
    assert_eq!(tunnels.load(Ordering::SeqCst), 0);
    let operator = world.launch().with_kubeconfig(&by_file).start().await;
    world.wait_ready("pull").await;
    assert!(
        operator
            .wait_for_line("started")
            .await
            .contains(&format!("http://{proxy} (proxy-url in the kubeconfig)"))
    );
    assert!(tunnels.load(Ordering::SeqCst) >= 1);
    world.check(&operator).await;
}

#[tokio::test]
async fn tokens_come_from_files_and_from_programs() {
    let world = World::synced("tokens").await;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let mut token = String::new();
    kubeconfig(&world, "plain", |config| {
        token = config["users"][0]["user"]["token"].as_str().unwrap().to_owned();
    });
    let file = folder.join(format!("{}.token", world.namespace));
    // With the line break that every editor makes.
    std::fs::write(&file, format!("{token}\n")).unwrap();
    let from_file = kubeconfig(&world, "tokenfile", |config| {
        let name = file.file_name().unwrap().to_str().unwrap();
        config["users"][0]["user"] = json!({ "tokenFile": name, "token": "", "client-certificate": "" });
    });
    finish(plugin(&from_file, &["status", "pull"])).await.assert(1, &["has not reconciled"]);

    let program = folder.join(format!("{}-helper", world.namespace));
    for version in ["v1", "v1beta1"] {
        let version = format!("client.authentication.k8s.io/{version}");
        let answer = json!({ "kind": "ExecCredential", "apiVersion": version, "status": { "token": token } });
        std::fs::write(&program, format!("#!/bin/sh\nprintf '%s' '{answer}'\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
        let exec = kubeconfig(&world, "exec", |config| {
            config["users"][0]["user"] = json!({ "exec": {
                "apiVersion": version, "command": program, "env": null, "provideClusterInfo": true,
                "interactiveMode": "IfAvailable",
            } });
        });
        finish(plugin(&exec, &["status", "pull"])).await.assert(1, &["has not reconciled"]);
        if version.ends_with("beta1") {
            let operator = world.launch().with_kubeconfig(&exec).start().await;
            world.wait_ready("pull").await;
            world.check(&operator).await;
        }
    }
    let missing = kubeconfig(&world, "missing", |config| {
        config["users"][0]["user"] = json!({ "exec": {
            "apiVersion": "client.authentication.k8s.io/v1", "command": "kubectl-oidc_login", "installHint": "get it",
        } });
    });
    finish(plugin(&missing, &["status"])).await.assert(
        2,
        &[
            "user \"",
            "exec program \"kubectl-oidc_login\" is not installed, or not in PATH; its installHint: get it",
        ],
    );
}

#[tokio::test]
async fn several_kubeconfigs_are_one() {
    let world = World::synced("several").await;
    let clusters = kubeconfig(&world, "clusters", |config| {
        config["users"] = json!([]);
        config["current-context"] = "".into();
    });
    let users = kubeconfig(&world, "users", |config| {
        config["clusters"] = json!([]);
        config["contexts"] = json!([]);
    });
    let list = format!("/does/not/exist:{}::{}", clusters.display(), users.display());
    finish(plugin(Path::new(&list), &["status", "pull"])).await.assert(1, &["has not reconciled"]);
    finish(plugin(&users, &["status"])).await.assert(2, &["has no context"]);
}

/// What we take the API server takes, and what we refuse it refuses.
#[tokio::test]
async fn label_selectors_are_read_as_by_the_api_server() {
    let client = cluster().await.client().await.unwrap();
    let api: Api<AICoreRegistrySecret> = Api::namespaced(client, "default");
    for text in [
        "shard",
        "!shard",
        "! shard",
        "shard=a",
        "a==b , c!=d",
        "a=",
        "a=,b!=",
        "a in (b,c)",
        "a notin(b, c ,d)",
        "a in (,)",
        "a in (b,)",
        "a in (,b)",
        "a in (b,,c)",
        "in in (in,notin)",
        "notin",
        "a>5,b<10",
        "example.com/a=A_b.c-9",
        "a in",
        "a in b",
        "a in ()",
        "a in (b",
        "a in (b c)",
        "a=b c",
        "a=b,",
        ",a",
        "=a",
        "!a=b",
        "!!a",
        "a=(b)",
        "a===b",
        "a>=5",
        "a>five",
        "a>",
        "a>99999999999999999999",
        "a In (b)",
        "a/b/c=d",
        "/a=b",
        "A/b=c",
        "a/=b",
        "-a",
        "a=-1",
        "a={{ x }}",
        "a=\"b\"",
        "a=ä",
        "a=b;c=d",
        "a in (b))",
        "(a)",
        "a<-5",
        "a>+5",
        "a,,b",
        "a.b/c",
        "a..b/c",
        "a=b\tc",
        "a\t=\nb",
        "a=b!",
        "a!b",
        "a=!b",
        "a=in",
        "in=a",
        "a in(in",
        "a.=b",
        "a=.b",
    ] {
        let answer = api.list(&ListParams::default().labels(text)).await;
        assert_eq!(answer.is_ok(), label_selector::check(text).is_ok(), "{text:?}: {answer:?}");
    }
}
