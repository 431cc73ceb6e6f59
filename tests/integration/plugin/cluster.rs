//! How the plugin finds the cluster: as kubectl does.

use std::path::{Path, PathBuf};

use kube::config::Kubeconfig;
use serde_json::json;

use super::{finish, plugin};
use crate::world::World;

/// A kubeconfig with two contexts: the current one has the world's namespace, the other none.
fn kubeconfig_with_contexts(world: &World) -> PathBuf {
    let mut config = serde_json::to_value(Kubeconfig::read_from(world.launch().kubeconfig).unwrap()).unwrap();
    let mut here = config["contexts"][0].clone();
    here["name"] = "here".into();
    here["context"]["namespace"] = world.namespace.clone().into();
    let mut elsewhere = here.clone();
    elsewhere["name"] = "elsewhere".into();
    elsewhere["context"].as_object_mut().unwrap().remove("namespace");
    config["contexts"] = json!([here, elsewhere]);
    config["current-context"] = "here".into();
    let config: Kubeconfig = serde_json::from_value(config).unwrap();
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.kubeconfig", world.namespace));
    std::fs::write(&path, serde_saphyr::to_string(&config).unwrap()).unwrap();
    path
}

#[tokio::test]
async fn the_namespace_is_that_of_the_context() {
    let world = World::new("pcontext").await;
    world.resource("here", json!({})).await;
    let kubeconfig = kubeconfig_with_contexts(&world);
    let nowhere = Path::new("/does/not/exist");
    let file = format!("--kubeconfig={}", kubeconfig.display());
    finish(plugin(&kubeconfig, &["status", "here"])).await.assert(1, &["has not reconciled"]);
    finish(plugin(nowhere, &["status", "here", &file])).await.assert(1, &["has not reconciled"]);
    let other = ["status", "here", &file, "--context", "elsewhere"];
    finish(plugin(nowhere, &other))
        .await
        .assert(1, &["no AICoreRegistrySecret \"here\" in namespace \"default\""]);
    let both = ["status", "here", &file, "--context=elsewhere", "-n", &world.namespace];
    finish(plugin(nowhere, &both)).await.assert(1, &["has not reconciled"]);
    std::fs::remove_file(kubeconfig).unwrap();
}

#[tokio::test]
async fn a_kubeconfig_that_cannot_be_used_is_wrong_usage() {
    let nowhere = Path::new("/does/not/exist");
    finish(plugin(nowhere, &["status"])).await.assert(2, &["error: ", "/does/not/exist"]);
    finish(plugin(nowhere, &["status", "--kubeconfig=/nor/this"]))
        .await
        .assert(2, &["--kubeconfig: /nor/this"]);
    let world = World::new("pnocontext").await;
    let kubeconfig = &world.launch().kubeconfig;
    finish(plugin(kubeconfig, &["status", "--context=nope"])).await.assert(2, &["context", "nope"]);
}
