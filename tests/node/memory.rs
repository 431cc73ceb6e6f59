//! Much to do for a pod with a limit on its memory.

use futures::{StreamExt, stream};
use k8s_openapi::{
    ByteString,
    api::core::v1::{Pod, Secret},
};
use kube::{
    Api,
    api::{ListParams, ObjectMeta, Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::{
    ai_core::{AiCore, MANY_HOST, docker_config},
    cluster::Cluster,
    command::kubectl,
    release::{Release, container, memory_value, restarts},
    team::Team,
    waiting::eventually,
};

/// How many requests to the API server are under way at a time.
const WIDTH: usize = 32;
/// Secrets of one tenant: AI Core takes 50.
const PER_TENANT: usize = 45;

/// Resources of one team, whose passwords change all at once.
struct Fleet<'a> {
    team: &'a Team<'a>,
    secrets: Api<Secret>,
    size: usize,
    /// How long a password is, in bytes.
    password: usize,
}

impl<'a> Fleet<'a> {
    /// Creates them; `key` names the Secret with the service key of each.
    async fn create(
        cluster: &Cluster,
        team: &'a Team<'a>,
        (size, password): (usize, usize),
        key: impl Fn(usize) -> String,
    ) -> Self {
        let fleet = Self { team, secrets: cluster.api(team.name), size, password };
        fleet.rotate(0).await;
        let parameters = PatchParams::apply("team").force();
        let create = async |number: usize| {
            let resource = json!({
                "apiVersion": "aicore-registry.dev/v1alpha1", "kind": "AICoreRegistrySecret",
                "metadata": {"name": name(number)},
                "spec": {"secretRef": {"name": name(number)}, "aiCoreSecretRef": {"name": key(number)}},
            });
            team.resources().patch(&name(number), &parameters, &Patch::Apply(&resource)).await.unwrap();
        };
        stream::iter(0..size).for_each_concurrent(WIDTH, create).await;
        fleet
    }

    /// A new password in every pull secret, at once.
    async fn rotate(&self, round: usize) {
        let rotate = async |number: usize| {
            let content = docker_config(&self.password(number, round));
            let secret = Secret {
                metadata: ObjectMeta { name: Some(name(number)), ..ObjectMeta::default() },
                type_: Some("kubernetes.io/dockerconfigjson".to_owned()),
                data: Some([(".dockerconfigjson".to_owned(), ByteString(content.into()))].into()),
                ..Secret::default()
            };
            let parameters = PatchParams::apply("team").force();
            self.secrets.patch(&name(number), &parameters, &Patch::Apply(&secret)).await.unwrap();
        };
        stream::iter(0..self.size).for_each_concurrent(WIDTH, rotate).await;
    }

    fn password(&self, number: usize, round: usize) -> String {
        format!("{number}-{round}-{}", "x".repeat(self.password))
    }

    /// Waits until AI Core has the passwords of this round, and every resource says so.
    async fn synced(&self, ai_core: &AiCore, round: usize) {
        eventually("the last password of each to arrive", async || {
            let last: Vec<(String, String)> =
                (0..self.size).map(|number| (name(number), self.password(number, round))).collect();
            let missing = ai_core.missing(&last).await;
            let Some(first) = missing.first() else { return Ok(()) };
            Err(format!("{} not yet, such as {first}", missing.len()))
        })
        .await;
        eventually("every resource to be Ready", async || {
            let resources = self.team.resources().list(&ListParams::default()).await.unwrap().items;
            let ready = resources.iter().filter_map(|resource| resource.status.as_ref()).filter(|status| {
                let mut conditions = status.conditions.iter();
                conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True")
            });
            let ready = ready.count();
            if ready == self.size { Ok(()) } else { Err(format!("{ready} of {}", resources.len())) }
        })
        .await;
    }
}

fn name(number: usize) -> String {
    format!("memory-{number}")
}

/// The most memory that the container had, and what it may have, in bytes.
async fn peak(pod: &Pod) -> (u64, u64) {
    let peak = memory_value(pod, "memory.max_usage_in_bytes", "memory.peak").await;
    let limit = memory_value(pod, "memory.limit_in_bytes", "memory.max").await;
    println!("the most memory that the container had: {} KiB of {} KiB", peak >> 10, limit >> 10);
    (peak, limit)
}

/// Neither the kernel nor the kubelet has ended it.
fn was_never_ended(pod: &Pod) {
    assert_eq!(restarts(pod), 0);
    assert_eq!(container(pod).last_state.as_ref().and_then(|state| state.terminated.clone()), None);
}

/// The rate that a tenant is sent requests at is not what is to be seen here.
fn unhurried(mut values: Value) -> Value {
    json_patch::merge(&mut values, &json!({"operator": {"tenantRps": 10000, "tenantBurst": 10000}}));
    values
}

#[tokio::test]
#[ignore = "takes a node: make node-test"]
async fn large_passwords_stay_within_a_quarter_of_the_charts_memory() {
    const ROUNDS: usize = 15;
    let cluster = Cluster::clean().await;
    let quarter = json!({"resources": {"limits": {"memory": "32Mi"}, "requests": {"memory": "16Mi"}}});
    let release = Release::install(&cluster, "memory-system", unhurried(quarter)).await;
    let team = Team::new(&cluster, "memory").await;
    // As large as real ones are, or larger: what is in flight is what takes memory.
    let fleet = Fleet::create(&cluster, &team, (20, 2048), |_| "aicore-key".to_owned()).await;
    for round in 1..=ROUNDS {
        fleet.rotate(round).await;
    }
    fleet.synced(&cluster.ai_core, ROUNDS).await;
    let pods = release.ready(1).await;
    was_never_ended(&pods[0]);
    let (peak, limit) = peak(&pods[0]).await;
    assert!(limit == 32 << 20 && peak <= limit, "{peak} bytes of {limit}");
}

#[tokio::test]
#[ignore = "takes a node: make node-test"]
async fn a_thousand_rotations_at_once_stay_within_half_of_the_charts_memory() {
    const SIZE: usize = 1000;
    const ROUNDS: usize = 3;
    let tenant = |number: usize| format!("t{:02}", number / PER_TENANT);
    let mut cluster = Cluster::clean().await;
    let tenants: Vec<String> = (0..SIZE).step_by(PER_TENANT).map(tenant).collect();
    cluster.ai_core = AiCore::with_tenants(&cluster.client, &tenants).await;
    // Nothing is said of memory: it is what the chart gives to everybody.
    let values = unhurried(json!({"operator": {"allowedHosts": [MANY_HOST]}}));
    let release = Release::install(&cluster, "burst-system", values).await;
    let team = Team::new(&cluster, "burst").await;
    let fleet = Fleet::create(&cluster, &team, (SIZE, 16), |number| format!("key-{}", tenant(number))).await;
    fleet.synced(&cluster.ai_core, 0).await;
    for round in 1..=ROUNDS {
        fleet.rotate(round).await;
        fleet.synced(&cluster.ai_core, round).await;
    }
    let pods = release.ready(1).await;
    was_never_ended(&pods[0]);
    let (peak, limit) = peak(&pods[0]).await;
    assert!(limit == 128 << 20 && peak <= limit / 2, "{peak} bytes of {limit}");
    // The next scenarios have the cluster to themselves.
    for namespace in ["burst", "many-tenants"] {
        kubectl(&["delete", "namespace", namespace, "--wait=false"]).await.success();
    }
}
