//! What clusters demand of pods.

use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

use crate::{
    cluster::Cluster,
    command::kubectl,
    release::{Release, process_id},
    team::Team,
};

const RESTRICTED: [(&str, &str); 2] = [
    ("pod-security.kubernetes.io/enforce", "restricted"),
    ("pod-security.kubernetes.io/enforce-version", "latest"),
];

/// What the kernel says about the operator's process: lines of `/proc/PID/status`, and how its users are mapped.
struct Process {
    status: String,
    uid_map: String,
    mounts: String,
}

impl Process {
    async fn of(pod: &Pod) -> Self {
        let pid = process_id(pod).await;
        let read = |file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap();
        Self { status: read("status"), uid_map: read("uid_map"), mounts: read("mounts") }
    }

    fn field(&self, name: &str) -> &str {
        let line = self.status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_else(|| panic!("no {name}")).trim()
    }

    fn root_is_read_only(&self) -> bool {
        let root = self.mounts.lines().find(|line| line.split_whitespace().nth(1) == Some("/")).unwrap();
        root.split_whitespace().nth(3).unwrap().split(',').any(|option| option == "ro")
    }
}

#[tokio::test]
#[ignore = "takes a node: make node-test"]
async fn it_runs_under_the_restricted_standard_with_a_root_that_nobody_writes() {
    let cluster = Cluster::clean().await;
    cluster.namespace("restricted-system", &RESTRICTED).await;
    let release = Release::install(&cluster, "restricted-system", json!({})).await;
    let pods = release.ready(1).await;
    let process = Process::of(&pods[0]).await;
    assert_eq!(process.field("Uid").split_whitespace().next(), Some("65532"));
    assert_eq!(process.field("CapEff"), "0000000000000000");
    assert_eq!(process.field("CapBnd"), "0000000000000000");
    assert_eq!(process.field("NoNewPrivs"), "1");
    assert_eq!(process.field("Seccomp"), "2", "system calls are filtered");
    assert!(process.root_is_read_only(), "{}", process.mounts);
    let team = Team::new(&cluster, "restricted").await;
    team.first("first").await;
    // The test pod, too, is admitted.
    release.helm_on("test", &["--timeout=2m"]).await.success();
    // The standard is enforced here: a pod that asks for more is refused.
    let said = kubectl(&[
        "run",
        "plain",
        "--namespace",
        release.namespace,
        "--image=docker.io/library/busybox:1.37",
        "--restart=Never",
    ])
    .await
    .failure();
    assert!(said.contains("violates PodSecurity"), "{said}");
}

#[tokio::test]
#[ignore = "takes a node: make node-test"]
async fn it_runs_as_the_user_that_the_platform_chooses() {
    let cluster = Cluster::clean().await;
    // What OpenShift does: the chart names no user, and the namespace's range does.
    let chosen = 1_000_680_000;
    let values = json!({"podSecurityContext": {"runAsUser": null, "runAsGroup": null}});
    cluster.namespace("chosen-user-system", &RESTRICTED).await;
    let release = Release::install(&cluster, "chosen-user-system", values).await;
    let pods = release.ready(1).await;
    let context = pods[0].spec.as_ref().unwrap().security_context.as_ref().unwrap();
    assert_eq!((context.run_as_user, context.run_as_group), (None, None));
    let values = json!({"podSecurityContext": {"runAsUser": chosen, "runAsGroup": 0, "fsGroup": chosen}});
    release.upgrade(values).await;
    let pods = release.ready(1).await;
    let process = Process::of(&pods[0]).await;
    assert_eq!(process.field("Uid").split_whitespace().next(), Some("1000680000"));
    let team = Team::new(&cluster, "chosen-user").await;
    team.first("first").await;
    team.rotate("second").await;
}

#[tokio::test]
#[ignore = "takes a node: make node-test"]
async fn it_runs_in_a_user_namespace() {
    let cluster = Cluster::clean().await;
    let release = Release::install(&cluster, "user-namespace-system", json!({"hostUsers": false})).await;
    let pods = release.ready(1).await;
    let process = Process::of(&pods[0]).await;
    let map: Vec<&str> = process.uid_map.split_whitespace().collect();
    let [inside, outside, _count] = map[..] else { panic!("{map:?}") };
    assert_eq!(inside, "0");
    assert_ne!(outside, "0", "root of the container is root of the node");
    let team = Team::new(&cluster, "user-namespace").await;
    team.first("first").await;
    release.helm_on("test", &["--timeout=2m"]).await.success();
}
