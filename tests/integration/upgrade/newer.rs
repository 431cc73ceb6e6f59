//! Back to this version: the definition and the objects are those of a newer one.

use aicore_registry_operator::api::{self, AICoreRegistrySecret};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api,
    api::{ApiResource, DynamicObject, Patch, PatchParams},
};
use serde_json::{Value, json};
use testbed::{
    controlplane::{ControlPlane, Options},
    proxy::Proxy,
};

use crate::{
    cluster::install,
    world::{Conditions, Login, World, operation::PATCH},
};

/// With a field more in spec and status, and with one more inside of a field that this version knows.
fn newer_definition() -> CustomResourceDefinition {
    let mut crd = serde_json::to_value(api::crd()).unwrap();
    let properties = &mut crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"];
    properties["spec"]["properties"]["window"] = json!({ "type": "string" });
    properties["spec"]["properties"]["secretRef"]["properties"]["format"] = json!({ "type": "string" });
    properties["status"]["properties"]["rotations"] = json!({ "type": "integer" });
    properties["status"]["properties"]["failedAttempt"]["properties"]["phase"] = json!({ "type": "string" });
    serde_json::from_value(crd).unwrap()
}

struct Newer {
    world: World,
    proxy: Proxy,
    objects: Api<DynamicObject>,
    control_plane: ControlPlane,
}

impl Newer {
    /// With an object that this version has brought in sync, and a newer one had after it.
    async fn new() -> Self {
        let control_plane = ControlPlane::start(Options::default()).await.unwrap();
        install(control_plane.client().await.unwrap(), &newer_definition()).await;
        let world = World::synced_on(&control_plane, "newer").await;
        let operator = world.operator().await;
        world.wait_ready("pull").await;
        operator.terminate().await;
        let objects = Api::namespaced_with(
            control_plane.client().await.unwrap(),
            &world.namespace,
            &ApiResource::erase::<AICoreRegistrySecret>(&()),
        );
        let proxy = Proxy::start(control_plane.kubeconfig()).await.unwrap();
        world.forget_requests();
        Self { world, proxy, objects, control_plane }
    }

    async fn has_written(&self, status: Value) {
        let patch = Patch::Merge(json!({ "status": status }));
        self.objects.patch_status("pull", &PatchParams::default(), &patch).await.unwrap();
    }

    async fn stored(&self) -> Value {
        self.objects.get("pull").await.unwrap().data
    }

    fn statuses_written(&self) -> usize {
        let of_it = |seen: &&testbed::proxy::Seen| {
            seen.request.is("patch", "aicoreregistrysecrets") && seen.request.name.as_deref() == Some("pull")
        };
        self.proxy.seen().iter().filter(of_it).count()
    }
}

fn condition(type_: &str, status: &str, reason: &str, generation: &Value) -> Value {
    json!({
        "type": type_, "status": status, "reason": reason, "message": "a newer version says so",
        "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": generation,
    })
}

/// Fields, a condition and a key of the spec that this version does not know are no reason to do anything. They stay where they are
/// as long as nothing is written; a status that is written has no field that nobody would keep true.
#[tokio::test]
async fn what_a_newer_version_knows_is_left_alone_and_not_kept_alive() {
    let newer = Newer::new().await;
    let spec = json!({ "spec": { "window": "02:00-04:00", "secretRef": { "format": "auto" } } });
    newer.objects.patch("pull", &PatchParams::default(), &Patch::Merge(spec)).await.unwrap();
    let generation = newer.objects.get("pull").await.unwrap().metadata.generation;
    let mut conditions = newer.stored().await["status"]["conditions"].clone();
    conditions[0]["observedGeneration"] = json!(generation);
    conditions.as_array_mut().unwrap().push(condition("Expiring", "False", "FarAway", &json!(generation)));
    newer
        .has_written(json!({ "rotations": 7, "observedGeneration": generation, "conditions": conditions }))
        .await;
    let before = newer.stored().await;

    let world = &newer.world;
    let operator = world.launch().with_kubeconfig(newer.proxy.kubeconfig()).start().await;
    world.wait_quiet(&operator).await;
    assert_eq!(world.requests(), 0);
    assert_eq!(newer.statuses_written(), 0);
    assert_eq!(newer.stored().await, before);

    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
    world.wait_remote("pull", &World::payload(&[("ghcr.io", Login::new("robot", 2))])).await;
    world.wait_told("pull", "source").await;
    let after = newer.stored().await;
    assert_eq!(after["spec"], before["spec"], "what users wrote stays");
    assert_eq!(after["status"]["rotations"], Value::Null);
    assert_eq!(newer.statuses_written(), 1);
    newer.control_plane.stop().await.unwrap();
}

/// A reason, a class of failure and a status of a condition that this version does not know.
#[tokio::test]
async fn a_reason_of_a_newer_version_is_replaced_once_and_sends_nothing() {
    let newer = Newer::new().await;
    let world = &newer.world;
    let generation = newer.stored().await["status"]["observedGeneration"].clone();
    for (number, conditions) in [
        json!([condition("Ready", "True", "SyncedInTwoRegions", &generation)]),
        json!([
            condition("Ready", "False", "RegionPending", &generation),
            condition("Reconciling", "True", "RegionPending", &generation),
        ]),
        json!([
            condition("Ready", "Unknown", "RegionUnknown", &generation),
            condition("Stalled", "True", "QuotaOfRegion", &generation),
        ]),
    ]
    .into_iter()
    .enumerate()
    {
        let attempt = json!({
            "retryTime": "2099-01-01T00:00:00Z", "phase": "second", "aiCoreSecretResourceVersion": "1",
        });
        newer.has_written(json!({ "conditions": conditions, "failedAttempt": attempt })).await;
        let written = newer.statuses_written();
        let operator = world.launch().with_kubeconfig(newer.proxy.kubeconfig()).start().await;
        world.wait_ready("pull").await;
        world.wait_quiet(&operator).await;
        // The first was in sync, and the others say that a push failed, after which AI Core may hold anything.
        let confirmed = world.writes_of("pull");
        assert!(
            if number == 0 { confirmed.is_empty() } else { confirmed == [(PATCH, 202)] },
            "{number}: {confirmed:?}"
        );
        assert_eq!(newer.statuses_written() - written, 1, "{conditions}");
        assert_eq!(world.resource_now("pull").await.condition("Ready").reason, "Synced");
        world.check(&operator).await;
        operator.terminate().await;
        world.forget_requests();
    }
    newer.control_plane.stop().await.unwrap();
}
