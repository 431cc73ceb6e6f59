//! How long a change of leader takes with the chart's own settings. The figures in docs/high-availability.md are what this prints.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::{ResourceExt, api::DeleteParams};
use serde_json::json;
use tokio::time::Instant;

use crate::{
    cluster::Cluster,
    release::{Release, container_id, container_runtime, is_ready},
    team::Team,
    waiting::eventually,
};

/// How often each is measured.
const ROUNDS: usize = 3;

fn print(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let times: Vec<String> = times.iter().map(|time| format!("{:.1}", time.as_secs_f64())).collect();
    println!("{what}: {} s", times.join(", "));
}

/// From when a pod that is not one of `old` was first seen until it was first seen to be ready.
async fn start(release: &Release<'_>, old: &[String]) -> Duration {
    let new = async |what: &str, is: fn(&Pod) -> bool| {
        eventually(&format!("a new pod that {what}"), async || {
            let pods = release.pods().await;
            let mut new = pods.iter().filter(|pod| !old.contains(&pod.name_any()));
            new.any(is).then(Instant::now).ok_or_else(|| "none".to_owned())
        })
        .await
    };
    let began = new("is there", |_| true).await;
    new("is ready", is_ready).await - began
}

#[tokio::test]
#[ignore = "takes a node: make node-test"]
async fn rotations_arrive_whatever_becomes_of_the_leader_with_the_charts_times() {
    let cluster = Cluster::clean().await;
    // A frozen process answers no probe; it shall thaw, and not be killed.
    let values = json!({"replicaCount": 2, "livenessProbe": {"periodSeconds": 300}});
    let release = Release::install(&cluster, "times-system", values).await;
    let team = Team::new(&cluster, "times").await;
    team.first("first").await;
    let (mut killed, mut told, mut starts) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // The container starts again: at once, since it is the first time in this pod.
        let leader = release.leader().await;
        let pods = release.ready(2).await;
        let pod = pods.iter().find(|pod| pod.name_any() == leader).unwrap();
        let id = container_id(pod);
        let began = Instant::now();
        container_runtime(&["tasks", "kill", "--signal=SIGKILL", &id]).await.success();
        team.rotate(&format!("killed-{round}")).await;
        killed.push(began.elapsed());
        let names = release.names(2).await;
        let leader = release.leader().await;
        let began = Instant::now();
        cluster.api::<Pod>(release.namespace).delete(&leader, &DeleteParams::default()).await.unwrap();
        let rotate = async {
            // Before that it may be the old one that sends it.
            release.leader_after(&leader).await;
            team.rotate(&format!("told-{round}")).await;
            began.elapsed()
        };
        let (rotated, started) = tokio::join!(rotate, start(&release, &names));
        told.push(rotated);
        starts.push(started);
        release.ready(2).await;
    }
    // To the others that is as a node that is away.
    let leader = release.leader().await;
    let pods = release.ready(2).await;
    let id = container_id(pods.iter().find(|pod| pod.name_any() == leader).unwrap());
    let began = Instant::now();
    container_runtime(&["tasks", "pause", &id]).await.success();
    release.leader_after(&leader).await;
    team.rotate("frozen").await;
    let frozen = began.elapsed();
    container_runtime(&["tasks", "resume", &id]).await.success();
    print("a new pod, until it is ready", starts);
    print("container of the leader killed, until a rotation has arrived", killed);
    print("leader told to end, until another leads and a rotation has arrived", told);
    print("leader frozen, until another leads and a rotation has arrived", vec![frozen]);
    assert_eq!(team.writes().await, 2 + 2 * ROUNDS);
}
