//! As many namespaces as a large cluster has, each with its own watches: all of them hear a change at once, after a start and after
//! a restart of the API server.

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use aicore_registry_operator::api::{self, AICoreRegistrySecret};
use futures::{StreamExt, stream};
use k8s_openapi::{
    ByteString,
    api::core::v1::{Namespace, Secret},
};
use kube::{
    Api, Client,
    api::{ObjectMeta, Patch, PatchParams, PostParams},
};
use serde_json::json;
use testbed::{
    controlplane::{ControlPlane, Options},
    simulator::{self, Simulator},
};
use tokio::time::Instant;

use crate::{
    cluster::{PATIENCE, install_crd},
    operator::{Launch, Operator, PROGRAM},
};

/// Requests of the test that are under way at once.
const AT_ONCE: usize = 16;

/// Four times what is promised, since machines are shared, and programs are not optimised here. Whoever misses the return of the API
/// server hears of a change after up to ten seconds.
const SOON: Duration = Duration::from_secs(4);

/// Namespaces with a resource and its two Secrets in each, which lead to a tenant of its own.
struct Cluster {
    control_plane: ControlPlane,
    client: Client,
    simulator: Simulator,
    namespaces: Vec<String>,
}

impl Cluster {
    async fn with(namespaces: usize) -> Self {
        let control_plane = ControlPlane::start(Options::default()).await.unwrap();
        let client = control_plane.client().await.unwrap();
        install_crd(client.clone()).await;
        let simulator = Simulator::start(simulator::Options::default()).await.unwrap();
        let namespaces = (0..namespaces).map(|number| format!("ns-{number}")).collect();
        let cluster = Self { control_plane, client, simulator, namespaces };
        cluster.each(|namespace| cluster.populate(namespace)).await;
        cluster
    }

    async fn each<'a, F: Future<Output = ()>>(&'a self, act: impl Fn(&'a str) -> F) {
        stream::iter(&self.namespaces).for_each_concurrent(AT_ONCE, |namespace| act(namespace)).await;
    }

    async fn populate(&self, name: &str) {
        let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
        let namespace = Namespace { metadata, ..Namespace::default() };
        Api::all(self.client.clone()).create(&PostParams::default(), &namespace).await.unwrap();
        self.secret(name, "key", "Opaque", self.simulator.tenant(name).binding_data()).await;
        self.rotate(name, 1).await;
        let resource: AICoreRegistrySecret = serde_json::from_value(json!({
            "apiVersion": format!("{}/{}", api::GROUP, api::VERSION),
            "kind": api::KIND,
            "metadata": { "name": "pull" },
            "spec": { "secretRef": { "name": "source" }, "aiCoreSecretRef": { "name": "key" } },
        }))
        .unwrap();
        let resources: Api<AICoreRegistrySecret> = Api::namespaced(self.client.clone(), name);
        resources.create(&PostParams::default(), &resource).await.unwrap();
    }

    async fn secret(&self, namespace: &str, name: &str, type_: &str, data: BTreeMap<String, String>) {
        let secret = Secret {
            metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
            type_: Some(type_.to_owned()),
            data: Some(data.into_iter().map(|(key, value)| (key, ByteString(value.into_bytes()))).collect()),
            ..Secret::default()
        };
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        secrets.patch(name, &PatchParams::apply("test").force(), &Patch::Apply(&secret)).await.unwrap();
    }

    async fn rotate(&self, namespace: &str, rotation: u32) {
        let config =
            json!({ "auths": { "ghcr.io": { "username": "robot", "password": password(rotation) } } });
        let data = BTreeMap::from([(".dockerconfigjson".to_owned(), config.to_string())]);
        self.secret(namespace, "source", "kubernetes.io/dockerconfigjson", data).await;
    }

    /// Waits until AI Core holds the credential of this namespace.
    async fn pushed(&self, namespace: &str, rotation: u32) {
        let tenant = self.simulator.tenant(namespace);
        let holds = || tenant.secrets().get("pull").is_some_and(|held| held.contains(&password(rotation)));
        if !holds() {
            let waited = tenant.journal().wait_for(|_| holds(), PATIENCE).await;
            assert!(waited.is_ok(), "rotation {rotation} of {namespace} was not pushed");
        }
    }

    /// Rotates everywhere, waits until all is pushed, and tells how long the slowest took after its Secret was written.
    async fn rotate_all(&self, rotation: u32) {
        let (began, slowest) = (Instant::now(), Mutex::new(Duration::ZERO));
        self.each(|namespace| {
            let slowest = &slowest;
            async move {
                self.rotate(namespace, rotation).await;
                let written = Instant::now();
                self.pushed(namespace, rotation).await;
                let mut slowest = slowest.lock().unwrap();
                *slowest = slowest.max(written.elapsed());
            }
        })
        .await;
        let slowest = slowest.into_inner().unwrap();
        println!("rotation {rotation}: all in {:?}, the slowest in {slowest:?}", began.elapsed());
        assert!(slowest < SOON, "rotation {rotation}: the slowest was heard after {slowest:?}");
    }

    fn operator(&self) -> Operator {
        let launch =
            Launch::new(PROGRAM.as_ref(), self.control_plane.kubeconfig(), &self.namespaces.join(","));
        launch.start_unready()
    }
}

/// How many watches are up.
fn up(metrics: &str) -> usize {
    let up = |line: &&str| line.starts_with("aicore_registry_watch_up{") && line.ends_with(" 1");
    metrics.lines().filter(up).count()
}

fn password(rotation: u32) -> String {
    format!("password-{rotation}-")
}

async fn hear_at_once(namespaces: usize, restarts: u32) {
    let cluster = Cluster::with(namespaces).await;
    let began = Instant::now();
    let operator = cluster.operator();
    operator.wait_for_line("\"reconciling\"").await;
    println!("{namespaces} namespaces are listed after {:?}", began.elapsed());
    cluster.each(|namespace| cluster.pushed(namespace, 1)).await;
    println!("all is pushed after {:?}; peak memory {:?} KiB", began.elapsed(), operator.peak_memory_kib());
    // What was never pushed did not wait for the Secrets.
    operator.wait_for_line("caches are filled").await;
    assert_eq!(operator.get("/readyz").await, (200, "ok\n".to_owned()));
    cluster.rotate_all(2).await;

    // Soon after each other, and none takes longer than the first.
    for restart in 1..=restarts {
        let failures = operator.count_lines("watch failed");
        cluster.control_plane.stop_api_server().await.unwrap();
        operator.wait_for_lines("watch failed", failures + namespaces * 2).await;
        cluster.control_plane.start_api_server().await.unwrap();
        let back = Instant::now();
        cluster.rotate_all(2 * restart + 1).await;
        println!("all is heard {:?} after restart {restart}", back.elapsed());
        cluster.rotate_all(2 * restart + 2).await;
    }
    println!("peak memory {:?} KiB", operator.peak_memory_kib());
    assert_eq!(operator.get("/livez").await, (200, "ok\n".to_owned()));
    // Those that no change was waited for come back as well.
    let all_up = async {
        while up(&operator.get("/metrics").await.1) < namespaces * 2 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, all_up).await.expect("all watches to be up");
    cluster.control_plane.stop().await.unwrap();
}

#[tokio::test]
async fn thirty_hear_a_change_at_once_after_a_start_and_after_each_restart_of_the_api_server() {
    hear_at_once(30, 3).await;
}

#[tokio::test]
async fn two_hundred_hear_a_change_at_once_after_a_start_and_after_a_restart_of_the_api_server() {
    hear_at_once(200, 1).await;
}
