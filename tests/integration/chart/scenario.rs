//! The operator with the arguments of the installed Deployment and the rights of the installed ServiceAccount does its work.

use aicore_registry_operator::api::FINALIZER;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use serde_json::{Value, json};
use testbed::controlplane::{ControlPlane, Options};

use super::{arguments, install, kubectl, objects, only};
use crate::{
    cluster::{cluster, install_crd},
    operator::{Launch, Operator, PROGRAM},
    world::{
        Login, World,
        operation::{DELETE, PATCH, POST},
    },
};

/// A control plane of its own: an operator for the cluster would work for other tests too.
async fn control_plane() -> ControlPlane {
    let options = Options { controller_manager: true, ..Options::default() };
    let control_plane = ControlPlane::start(options).await.unwrap();
    install_crd(control_plane.client().await.unwrap()).await;
    control_plane
}

/// What a pod of the release would be: its arguments, with which it stands for election, and its ServiceAccount, but on a port that
/// is free here.
async fn launch(control_plane: &ControlPlane, namespace: &str, values: Value) -> Launch {
    let [launch] = replicas(control_plane, namespace, values, ["operator-a"]).await;
    launch
}

/// As [`launch`], for several pods.
async fn replicas<const N: usize>(
    control_plane: &ControlPlane,
    namespace: &str,
    mut values: Value,
    pods: [&str; N],
) -> [Launch; N] {
    values["crds"] = json!({ "enabled": false });
    values["logging"] = json!({ "level": "debug" });
    values["extraArgs"] = json!(["--allow-insecure-http"]);
    install(control_plane, "rel", namespace, &values).await;
    let mut helm = super::helm_on(control_plane);
    helm.args(["get", "manifest", "rel", "--namespace", namespace]);
    let manifest = objects(&super::run(helm, "").await.unwrap().stdout);
    let deployment = only(&manifest, "Deployment");
    let account = deployment["spec"]["template"]["spec"]["serviceAccountName"].as_str().unwrap();
    let kubeconfig = control_plane.kubeconfig_for(namespace, account).await.unwrap();
    let listen = |argument: String| match argument.as_str() {
        "--listen=:8080" => "--listen=127.0.0.1:0".to_owned(),
        _ => argument,
    };
    pods.map(|pod| {
        let arguments = arguments(deployment, namespace, pod).into_iter().map(listen).collect();
        Launch::exactly(PROGRAM.as_ref(), &kubeconfig, arguments)
    })
}

#[tokio::test]
async fn with_rights_for_the_cluster() {
    let control_plane = control_plane().await;
    let (world, doomed) =
        (World::new_on(&control_plane, "all").await, World::new_on(&control_plane, "end").await);
    let own = control_plane.namespace("own").await.unwrap();
    let operator = launch(&control_plane, &own, json!({})).await.start().await;
    works(&world, &operator).await;
    lets_the_namespace_go(&control_plane, doomed, &operator, false).await;
    nothing_was_refused(&operator);
    control_plane.stop().await.unwrap();
}

#[tokio::test]
async fn with_rights_for_each_of_its_namespaces() {
    let control_plane = control_plane().await;
    let (world, doomed) =
        (World::new_on(&control_plane, "one").await, World::new_on(&control_plane, "end").await);
    let foreign = World::synced_on(&control_plane, "foreign").await;
    let own = control_plane.namespace("own").await.unwrap();
    let values = json!({ "operator": { "watchNamespaces": [world.namespace, doomed.namespace] } });
    let operator = launch(&control_plane, &own, values).await.start().await;
    works(&world, &operator).await;
    nothing_was_refused(&operator);
    lets_the_namespace_go(&control_plane, doomed, &operator, true).await;
    assert_eq!(foreign.requests(), 0);
    control_plane.stop().await.unwrap();
}

/// Without any right for the cluster. Only the end of a namespace needs one.
#[tokio::test]
async fn with_rights_in_its_namespace_alone() {
    let control_plane = cluster().await;
    let world = World::new("strict").await;
    let own = control_plane.namespace("strict-own").await.unwrap();
    let values = json!({
        "operator": { "watchNamespaces": [world.namespace] },
        "rbac": nothing_for_the_cluster(),
    });
    let operator = launch(control_plane, &own, values).await.start().await;
    works(&world, &operator).await;
    nothing_was_refused(&operator);
}

/// Values of `rbac` without any right for the cluster.
fn nothing_for_the_cluster() -> Value {
    json!({ "releaseClusterWide": false, "aggregateToView": false, "aggregateToEdit": false })
}

/// Every way in which the operator speaks to the API server, but for the end of a namespace.
pub(crate) async fn works(world: &World, operator: &Operator) {
    world.service_key("key").await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    world.resource("pull", json!({})).await;
    world.wait_ready("pull").await;
    world.wait_event("pull", "Synced").await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
    world.wait_remote("pull", &World::payload(&[("ghcr.io", Login::new("robot", 2))])).await;
    world.wait_ready("pull").await;
    // The same event again: it is counted, by a patch.
    world.patch_spec("pull", json!({ "suspend": true })).await;
    world.wait_reason("pull", "Suspended").await;
    world.patch_spec("pull", json!({ "suspend": false })).await;
    world.wait_event_counted("pull", "Synced").await;
    world.next_second().await;
    world.docker_secret("others", &[("ghcr.io", Login::new("heir", 1))]).await;
    world.resource("heir", json!({ "remoteName": "pull", "secretRef": { "name": "others" } })).await;
    world.wait_reason("heir", "RemoteConflict").await;
    world.delete_resource("heir").await;
    world.patch_spec("pull", json!({ "deletionPolicy": "Delete" })).await;
    world
        .wait_for("pull", "finalized", |resource| {
            resource.metadata.finalizers.as_deref() == Some(&[FINALIZER.to_owned()])
        })
        .await;
    world.delete_resource("pull").await;
    assert_eq!(world.writes(), [(PATCH, 404), (POST, 202), (PATCH, 202), (DELETE, 202)]);
    assert_eq!(world.remote("pull"), None);
    world.check(operator).await;
}

/// The end of a namespace, with the key gone first, and, if there is one, the operator's Role too: nothing says in which order the
/// namespace controller deletes.
async fn lets_the_namespace_go(control_plane: &ControlPlane, world: World, operator: &Operator, role: bool) {
    world.service_key("key").await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    world.resource("pull", json!({ "deletionPolicy": "Delete" })).await;
    world.wait_ready("pull").await;
    if role {
        let delete = ["delete", "rolebinding", "--all", "--namespace", &world.namespace];
        kubectl(control_plane, &delete, "").await;
    }
    world.delete_secret("key").await;
    if role {
        // The status that says so cannot be written any more, which must not keep the resource.
        operator.wait_for_line("system:serviceaccount:").await;
    }
    world.delete_namespace().await;
    world.wait_namespace_gone().await;
    assert!((operator.metric("aicore_registry_remote_orphaned_total").await - 1.0).abs() < f64::EPSILON);
}

/// Both replicas of a release, until the second one has taken over from the first, and has ended too.
#[tokio::test]
async fn two_replicas_hand_over_with_the_rights_to_the_lease() {
    let control_plane = cluster().await;
    let world = World::synced("replicas").await;
    let own = control_plane.namespace("replicas-own").await.unwrap();
    let values = json!({
        "replicaCount": 2,
        "operator": { "watchNamespaces": [world.namespace] },
        "rbac": nothing_for_the_cluster(),
    });
    let [first, second] = replicas(control_plane, &own, values, ["operator-a", "operator-b"]).await;
    let leases: Api<Lease> = Api::namespaced(control_plane.client().await.unwrap(), &own);
    let lease = async || leases.get("rel-aicore-registry-operator").await.unwrap().spec.unwrap();

    let first = first.start().await;
    let second = second.start_unready();
    second.wait_for_line("\"standing by\"").await;
    world.wait_ready("pull").await;
    let held = lease().await;
    assert_eq!(held.holder_identity.as_deref(), Some("operator-a_0b1c6f9e"));
    assert_eq!(held.lease_duration_seconds, Some(15), "as the chart has it");

    nothing_was_refused(&first);
    let (code, log) = first.terminate().await;
    assert_eq!(code, Some(0), "{}", log.join("\n"));
    assert!(log.iter().any(|line| line.contains("released the Lease")), "{}", log.join("\n"));
    second.wait_for_line("\"leading\"").await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
    world.wait_remote("pull", &World::payload(&[("ghcr.io", Login::new("robot", 2))])).await;
    assert_eq!(lease().await.lease_transitions, Some(1));
    nothing_was_refused(&second);
    world.check(&second).await;
    let (code, _) = second.terminate().await;
    assert_eq!(code, Some(0));
    assert_eq!(lease().await.holder_identity.as_deref(), Some(""));
}

/// A right that is missing shows as `User "system:serviceaccount:…" cannot …`.
fn nothing_was_refused(operator: &Operator) {
    let log = operator.log();
    let refused: Vec<&String> = log.iter().filter(|line| line.contains("system:serviceaccount:")).collect();
    assert_eq!(refused, Vec::<&String>::new());
}
