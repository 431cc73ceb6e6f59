//! Images of a private registry.

use serde_json::json;

use crate::{
    cluster::Cluster,
    command::kubectl,
    release::{Release, image_id},
    team::Team,
    waiting::eventually,
};

const PRIVATE: &str = "private.example.com/aicore-registry/aicore-registry-operator";

#[tokio::test]
#[ignore = "takes a node: make node-test"]
async fn the_image_comes_from_a_private_registry_by_its_digest() {
    let cluster = Cluster::clean().await;
    let digest = std::env::var(testbed::node::variables::DIGEST).unwrap();
    let namespace = "private-registry-system";
    cluster.namespace(namespace, &[]).await;
    let values = json!({
        "image": {"repository": PRIVATE, "digest": digest, "pullPolicy": "Always"},
        "imagePullSecrets": [{"name": "mirror"}],
    });
    kubectl(&["delete", "secret", "mirror", "--namespace", namespace, "--ignore-not-found"]).await.success();
    // Without the password nothing is pulled.
    let release = Release::of(&cluster, namespace);
    release.helm("install", &[], values).await.success();
    eventually("the image to be refused", async || {
        let pods = release.pods().await;
        let waiting = pods.first().and_then(|pod| {
            pod.status.as_ref()?.container_statuses.as_ref()?.first()?.state.as_ref()?.waiting.clone()?.reason
        });
        match waiting.as_deref() {
            Some("ErrImagePull" | "ImagePullBackOff") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    let create = [
        "create",
        "secret",
        "docker-registry",
        "mirror",
        "--namespace",
        namespace,
        "--docker-server=private.example.com",
        "--docker-username=puller",
        "--docker-password=not-a-secret",
    ];
    kubectl(&create).await.success();
    let pods = release.ready(1).await;
    assert!(image_id(&pods[0]).ends_with(&format!("@{digest}")), "{}", image_id(&pods[0]));
    let team = Team::new(&cluster, "private-registry").await;
    team.first("first").await;
}
