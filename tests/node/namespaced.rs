//! An operator for some namespaces, without rights beyond them.

use serde_json::json;

use crate::{
    cluster::Cluster,
    command::kubectl,
    release::{NAME, Release},
    team::Team,
};

#[tokio::test]
#[ignore = "takes a node: make node-test"]
async fn it_works_with_rights_in_its_namespaces_alone() {
    let cluster = Cluster::clean().await;
    let team = Team::new(&cluster, "namespaced").await;
    let other = Team::new(&cluster, "not-watched").await;
    let values = json!({
        "operator": {"watchNamespaces": ["namespaced"]},
        "rbac": {"releaseClusterWide": false},
    });
    let release = Release::install(&cluster, "namespaced-system", values).await;
    team.first("first").await;
    team.rotate("second").await;
    // Of cluster-wide rights it has none of its own: those are for people, by aggregation.
    let user = format!("--as=system:serviceaccount:{}:{NAME}", release.namespace);
    for (allowed, verb, resource, namespace) in [
        (true, "list", "secrets", "namespaced"),
        (true, "patch", "aicoreregistrysecrets.aicore-registry.dev", "namespaced"),
        (false, "list", "secrets", "not-watched"),
        (false, "list", "aicoreregistrysecrets.aicore-registry.dev", "not-watched"),
        (false, "get", "secrets", "kube-system"),
        (false, "get", "secrets", "namespaced-system"),
    ] {
        let answer =
            kubectl(&["auth", "can-i", verb, resource, "--namespace", namespace, &user]).await.result();
        assert_eq!(answer.is_ok(), allowed, "{verb} {resource} in {namespace}: {answer:?}");
    }
    let bindings = kubectl(&[
        "get",
        "clusterrolebindings",
        "--output=jsonpath={range .items[*]}{.subjects[*].namespace} {end}",
    ]);
    let bindings = bindings.await.success();
    assert!(!bindings.contains(release.namespace), "{bindings}");
    // A resource elsewhere is left alone.
    other.credential("other").await;
    other.resource(json!({})).await;
    team.rotate("third").await;
    assert_eq!(other.writes().await, 0);
    // As the API server makes it, for readers of kstatus: nobody has looked at it.
    let status = other.resources().get("not-watched").await.unwrap().status.unwrap();
    assert_eq!((status.observed_generation, status.conditions.len()), (Some(-1), 0));
}
