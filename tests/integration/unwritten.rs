//! A status that the API server does not take holds nothing back: neither a rotation, nor a suspension, nor a deletion. One that
//! comes late is not written to another resource.

use aicore_registry_operator::{
    api::{self, AICoreRegistrySecretStatus},
    domain::parse::{
        object::Object,
        resource_version::{Basis, ResourceVersion},
    },
    k8s::resources::{set_finalizer, write_status},
};
use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::json;
use testbed::proxy::{Action, Proxy, Request};

use crate::{
    cluster::cluster,
    world::{
        Conditions, Login, World,
        operation::{DELETE, PATCH, POST},
    },
};

const UNWRITTEN: &str = "aicore_registry_statuses_unwritten";

/// Denies what is written to the status of resources in a namespace.
struct Policy {
    policies: Api<ValidatingAdmissionPolicy>,
    bindings: Api<ValidatingAdmissionPolicyBinding>,
    name: String,
}

impl Policy {
    async fn install(world: &World) -> Self {
        let client = cluster().await.client().await.unwrap();
        let policy = Self {
            policies: Api::all(client.clone()),
            bindings: Api::all(client),
            name: format!("{}-status", world.namespace),
        };
        let what = serde_json::from_value(json!({
            "metadata": { "name": policy.name },
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": { "resourceRules": [{
                    "apiGroups": [api::GROUP], "apiVersions": ["*"], "operations": ["UPDATE"],
                    "resources": ["aicoreregistrysecrets/status"],
                }] },
                "validations": [{ "expression": "false", "message": "denied by the test" }],
            },
        }));
        policy.policies.create(&PostParams::default(), &what.unwrap()).await.unwrap();
        let to_whom = serde_json::from_value(json!({
            "metadata": { "name": policy.name },
            "spec": {
                "policyName": policy.name,
                "validationActions": ["Deny"],
                "matchResources": { "namespaceSelector": { "matchLabels": {
                    "kubernetes.io/metadata.name": world.namespace,
                } } },
            },
        }));
        policy.bindings.create(&PostParams::default(), &to_whom.unwrap()).await.unwrap();
        world
            .eventually("the policy to take effect", || async {
                let params = PatchParams { dry_run: true, ..PatchParams::default() };
                let patch = Patch::Merge(json!({ "status": { "remoteName": "denied" } }));
                world.resources().patch_status("pull", &params, &patch).await.is_err().then_some(())
            })
            .await;
        policy
    }

    async fn remove(self) {
        self.bindings.delete(&self.name, &DeleteParams::default()).await.unwrap();
        self.policies.delete(&self.name, &DeleteParams::default()).await.unwrap();
    }
}

/// Waits until AI Core has the rotation of this number.
async fn rotate(world: &World, number: u32) {
    let credential = [("ghcr.io", Login::new("robot", number))];
    world.docker_secret("source", &credential).await;
    world.wait_remote("pull", &World::payload(&credential)).await;
}

async fn wait_written(world: &World) {
    let version = world.secret_version("source").await;
    world
        .wait_for("pull", "the version of the last rotation", |resource| {
            resource.status.as_ref().unwrap().secret_resource_version == version
                && resource.condition("Ready").reason == "Synced"
        })
        .await;
}

fn writes_status(request: &Request) -> bool {
    request.is("patch", "aicoreregistrysecrets") && request.subresource.as_deref() == Some("status")
}

#[tokio::test]
async fn a_policy_that_denies_the_status_denies_nothing_else() {
    let world = World::synced("denied").await;
    world.resource("deleted", json!({ "deletionPolicy": "Delete" })).await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    world.wait_ready("deleted").await;
    let policy = Policy::install(&world).await;
    world.forget_requests();
    for rotation in [2, 3, 4] {
        rotate(&world, rotation).await;
    }
    operator.wait_for_metric(UNWRITTEN, 2.0).await;
    operator.wait_for_line("the status is not written").await;
    // Each content was sent once.
    assert_eq!(world.writes_of("pull").iter().filter(|write| **write == (PATCH, 202)).count(), 3);
    world.delete_resource("deleted").await;
    assert_eq!(world.remote("deleted"), None);
    world.patch_spec("pull", json!({ "suspend": true })).await;
    world.patch_spec("pull", json!({ "suspend": false })).await;
    rotate(&world, 5).await;
    policy.remove().await;
    world.forget_requests();
    wait_written(&world).await;
    world
        .eventually("nothing to be owed", || async {
            (operator.metric(UNWRITTEN).await == 0.0).then_some(())
        })
        .await;
    assert_eq!(world.writes(), [], "only the status was owed");
    world.check(&operator).await;
}

/// A Role without `/status`, from the start; and an API server or a webhook that does not answer.
#[tokio::test]
async fn a_status_that_is_forbidden_or_not_answered_holds_nothing_back() {
    for (name, action) in [("forbidden", Action::refuse(403)), ("silent", Action::hang())] {
        let world = World::synced(&format!("status-{name}")).await;
        let proxy = Proxy::start(cluster().await.kubeconfig()).await.unwrap();
        proxy.always(writes_status, action);
        let elected = format!("--leader-elect-lease-namespace={}", world.namespace);
        let launch = world.launch().with("--leader-elect").with(&elected).with_kubeconfig(proxy.kubeconfig());
        let operator = launch.start().await;
        world.wait_remote("pull", &World::payload(&[("ghcr.io", Login::new("robot", 1))])).await;
        for rotation in [2, 3, 4] {
            rotate(&world, rotation).await;
        }
        assert_eq!(world.requests_of(POST), 1);
        let asked = proxy.seen().iter().filter(|seen| writes_status(&seen.request)).count();
        assert!((1..=4).contains(&asked), "{name}: {asked} attempts");
        proxy.clear();
        wait_written(&world).await;
        world.check(&operator).await;
    }
}

/// The answer is lost, and the write is not.
#[tokio::test]
async fn a_status_whose_answer_is_lost_is_written_again_and_nothing_is_pushed_for_it() {
    let world = World::synced("lost-answer").await;
    let proxy = Proxy::start(cluster().await.kubeconfig()).await.unwrap();
    proxy.next(2, writes_status, Action::cut_answer());
    let operator = world.launch().with_kubeconfig(proxy.kubeconfig()).start().await;
    world.wait_ready("pull").await;
    proxy.wait_for(3, writes_status).await.unwrap();
    world.wait_quiet(&operator).await;
    assert_eq!(world.writes_of("pull").len(), 2, "a PATCH and the POST: {:?}", world.writes());
    assert_eq!(world.requests_of(DELETE), 0);
    world.check(&operator).await;
}

/// A process that does not know of a change says nothing over what another one has said of it.
#[tokio::test]
async fn a_status_is_for_the_generation_that_it_was_made_for() {
    let world = World::new("generation").await;
    let client = cluster().await.client().await.unwrap();
    world.resource("pull", json!({})).await;
    let before = Object::from_resource(&world.resource_now("pull").await).unwrap();
    world.patch_spec("pull", json!({ "suspend": true })).await;
    let now = Object::from_resource(&world.resource_now("pull").await).unwrap();
    let of = |object: &Object| AICoreRegistrySecretStatus {
        observed_generation: Some(object.generation),
        ..AICoreRegistrySecretStatus::default()
    };
    write_status(&client, &now, &of(&now), Basis::any_of(now.generation)).await.unwrap();
    let refused = write_status(&client, &before, &of(&before), Basis::any_of(before.generation)).await;
    assert_eq!(refused.unwrap_err().to_string(), "the resource was changed in between");
    let written = world.resource_now("pull").await.status.unwrap();
    assert_eq!(written.observed_generation, Some(2));
}

/// Nor does it before it has heard all that another one has said.
#[tokio::test]
async fn a_status_can_be_for_the_version_that_it_was_made_for() {
    let world = World::new("version").await;
    let client = cluster().await.client().await.unwrap();
    world.resource("pull", json!({})).await;
    let status = |remote_name: &str| AICoreRegistrySecretStatus {
        remote_name: Some(remote_name.to_owned()),
        ..AICoreRegistrySecretStatus::default()
    };
    let known = async || {
        let resource = world.resource_now("pull").await;
        let object = Object::from_resource(&resource).unwrap();
        let version = resource.metadata.resource_version.as_deref().and_then(ResourceVersion::parse);
        let basis = Basis { generation: object.generation, version: Some(version.unwrap()) };
        (object, basis)
    };
    let (object, before) = known().await;
    write_status(&client, &object, &status("first"), before).await.unwrap();
    let refused = write_status(&client, &object, &status("second"), before).await;
    assert_eq!(refused.unwrap_err().to_string(), "the resource was changed in between");
    assert_eq!(world.resource_now("pull").await.status.unwrap().remote_name.as_deref(), Some("first"));
    let (_, now) = known().await;
    write_status(&client, &object, &status("third"), now).await.unwrap();
    let (_, last) = known().await;
    assert_eq!(set_finalizer(&client, &object, true).await.unwrap().found_at, last.version);
    assert_ne!(known().await.1, last);
}

/// A request that arrives late writes nothing to a resource that was created anew under the name.
#[tokio::test]
async fn a_status_is_for_the_resource_that_it_was_made_for() {
    let world = World::new("anew").await;
    let client = cluster().await.client().await.unwrap();
    world.resource("pull", json!({})).await;
    let before = Object::from_resource(&world.resource_now("pull").await).unwrap();
    world.delete_resource("pull").await;
    world.resource("pull", json!({})).await;
    let as_created = world.resource_now("pull").await;
    let status = AICoreRegistrySecretStatus {
        remote_name: Some("pull".to_owned()),
        ..AICoreRegistrySecretStatus::default()
    };
    for finalizer in [true, false] {
        let refused = set_finalizer(&client, &before, finalizer).await;
        assert_eq!(refused.unwrap_err().to_string(), "not found");
    }
    let refused = write_status(&client, &before, &status, Basis::any_of(before.generation)).await;
    assert_eq!(refused.unwrap_err().to_string(), "not found");
    assert_eq!(world.resource_now("pull").await.status, as_created.status);
    let now = Object::from_resource(&as_created).unwrap();
    write_status(&client, &now, &status, Basis::any_of(now.generation)).await.unwrap();
    // What the next status does not have goes.
    write_status(&client, &now, &AICoreRegistrySecretStatus::default(), Basis::any_of(now.generation))
        .await
        .unwrap();
    let written = world.resource_now("pull").await.status.unwrap();
    assert_eq!(written, AICoreRegistrySecretStatus::default());
    world.delete_resource("pull").await;
    let refused = write_status(&client, &now, &status, Basis::any_of(now.generation)).await;
    assert_eq!(refused.unwrap_err().to_string(), "not found");
}
