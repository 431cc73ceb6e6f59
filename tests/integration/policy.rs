//! The policies of `deploy/admission`, as the API server enforces them.

use std::path::Path;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use crate::{cluster::cluster, world::World};

/// kubectl as the administrator, with these arguments; what it says.
async fn kubectl(arguments: &[&str]) -> String {
    let output = cluster().await.kubectl().args(arguments).output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    said.into_owned()
}

/// A namespace under the policies, with a user who may do everything with resources but delete in AI Core.
async fn restricted(world: &World, rights: &[&str]) -> std::path::PathBuf {
    let policy = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/admission/policy.yaml");
    kubectl(&["apply", "--server-side", "-f", policy.to_str().unwrap()]).await;
    let namespace = world.namespace.as_str();
    kubectl(&["label", "namespace", namespace, "aicore-registry.dev/restricted=true"]).await;
    kubectl(&["create", "serviceaccount", "user", "-n", namespace]).await;
    let user = format!("--serviceaccount={namespace}:user");
    kubectl(&[
        "create",
        "role",
        "user",
        "--verb=get,create,patch",
        "--resource=aicoreregistrysecrets.aicore-registry.dev",
        "-n",
        namespace,
    ])
    .await;
    kubectl(&["create", "rolebinding", "user", "--role=user", &user, "-n", namespace]).await;
    for right in rights {
        kubectl(&["create", "rolebinding", right, &format!("--clusterrole={right}"), &user, "-n", namespace])
            .await;
    }
    cluster().await.kubeconfig_for(namespace, "user").await.unwrap()
}

/// What the API server says to the user who applies that resource, and whether it was taken.
async fn apply(world: &World, kubeconfig: &Path, name: &str, spec: &Value) -> (bool, String) {
    let mut whole = json!({ "secretRef": { "name": "s" }, "aiCoreSecretRef": { "name": "k" } });
    whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    let resource = json!({
        "apiVersion": "aicore-registry.dev/v1alpha1", "kind": "AICoreRegistrySecret",
        "metadata": { "name": name, "namespace": world.namespace }, "spec": whole,
    });
    let mut command = cluster().await.kubectl();
    command.env("KUBECONFIG", kubeconfig).args(["apply", "--server-side", "-f", "-"]);
    command.stdin(std::process::Stdio::piped());
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(resource.to_string().as_bytes()).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The API server takes a moment until it has compiled a policy.
async fn wait_enforced(world: &World, user: &Path) {
    let own = format!("{}-probe", world.namespace);
    for (name, spec) in [("probe", json!({})), (own.as_str(), json!({ "deletionPolicy": "Delete" }))] {
        world
            .eventually("the policies to be enforced", || async {
                let (taken, _) = apply(world, user, name, &spec).await;
                if taken {
                    world.delete_resource(name).await;
                }
                (!taken).then_some(())
            })
            .await;
    }
}

#[tokio::test]
async fn a_namespace_takes_names_of_its_own_and_deletes_nothing() {
    let world = World::new("policy").await;
    let user = restricted(&world, &[]).await;
    wait_enforced(&world, &user).await;
    let own = format!("{}-pull", world.namespace);

    let (taken, said) = apply(&world, &user, "pull", &json!({})).await;
    assert!(!taken && said.contains(&format!("set spec.remoteName to {own}")), "{said}");
    let (taken, said) = apply(&world, &user, "pull", &json!({ "remoteName": own })).await;
    assert!(taken, "{said}");
    let (taken, said) = apply(&world, &user, &own, &json!({})).await;
    assert!(taken, "{said}");
    for name in [own.as_str(), "other"] {
        let (taken, said) =
            apply(&world, &user, name, &json!({ "remoteName": own, "deletionPolicy": "Delete" })).await;
        assert!(
            !taken
                && said.contains("spec.deletionPolicy Delete is for those who have the verb delete-remote"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn who_may_ask_for_deletions_may_and_others_may_change_the_rest() {
    let world = World::new("policy").await;
    let trusted = restricted(&world, &["aicore-registry-delete-remote"]).await;
    kubectl(&["create", "serviceaccount", "other", "-n", &world.namespace]).await;
    let other = format!("--serviceaccount={}:other", world.namespace);
    kubectl(&["create", "rolebinding", "other", "--role=user", &other, "-n", &world.namespace]).await;
    let other = cluster().await.kubeconfig_for(&world.namespace, "other").await.unwrap();
    wait_enforced(&world, &other).await;

    let own = format!("{}-pull", world.namespace);
    let (taken, said) = apply(&world, &trusted, &own, &json!({ "deletionPolicy": "Delete" })).await;
    assert!(taken, "{said}");
    let changed = json!({ "deletionPolicy": "Delete", "suspend": true });
    let (taken, said) = apply(&world, &other, &own, &changed).await;
    assert!(taken, "what was allowed once stays: {said}");
}
