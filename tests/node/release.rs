//! The operator as people install it: a release of the chart.

use std::path::{Path, PathBuf};

use k8s_openapi::api::{
    coordination::v1::Lease,
    core::v1::{ContainerStatus, Pod},
};
use kube::ResourceExt;
use serde_json::{Value, json};

use crate::{
    cluster::Cluster,
    command::{Done, run, run_with},
    waiting::eventually,
};

pub(crate) const NAME: &str = "aicore-registry-operator";
pub(crate) const CONTAINER: &str = "operator";
/// By which the chart's pods are found.
pub(crate) const PODS: &str =
    "app.kubernetes.io/instance=aicore-registry-operator,app.kubernetes.io/name=aicore-registry-operator";

/// A release, in a namespace of its own.
pub(crate) struct Release<'a> {
    cluster: &'a Cluster,
    pub(crate) namespace: &'static str,
}

impl<'a> Release<'a> {
    /// The release in this namespace, which may be there or not.
    pub(crate) fn of(cluster: &'a Cluster, namespace: &'static str) -> Self {
        Self { cluster, namespace }
    }

    /// Installs the chart with these values, and waits until its pods are ready.
    pub(crate) async fn install(cluster: &'a Cluster, namespace: &'static str, values: Value) -> Self {
        let release = Self::of(cluster, namespace);
        release.helm("install", &["--create-namespace", "--wait", "--timeout=2m"], values).await.success();
        release
    }

    /// `helm VERB` with the chart and these values, and those that the cluster asks for.
    pub(crate) async fn helm(&self, verb: &str, options: &[&str], values: Value) -> Done {
        // No merge: where a value is null, Helm takes out what the chart has.
        let mut all = values;
        all["caBundle"] = json!({"inline": self.cluster.ai_core.authority});
        let chart = repository().join("charts/aicore-registry-operator");
        let mut arguments =
            vec![verb, NAME, chart.to_str().unwrap(), "--namespace", self.namespace, "--values=-"];
        arguments.extend(options);
        run_with("helm", &arguments, &all.to_string()).await
    }

    /// `helm upgrade`, which returns once the new pods are ready.
    pub(crate) async fn upgrade(&self, values: Value) {
        self.helm("upgrade", &["--wait", "--timeout=2m"], values).await.success();
    }

    /// `helm VERB` for the release alone.
    pub(crate) async fn helm_on(&self, verb: &str, options: &[&str]) -> Done {
        let mut arguments = vec![verb, NAME, "--namespace", self.namespace];
        arguments.extend(options);
        run("helm", &arguments).await
    }

    /// Its pods, without those that are being deleted.
    pub(crate) async fn pods(&self) -> Vec<Pod> {
        let pods = self.cluster.list::<Pod>(self.namespace, PODS).await;
        pods.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()).collect()
    }

    /// Waits until so many pods are ready, and no other is there.
    pub(crate) async fn ready(&self, count: usize) -> Vec<Pod> {
        eventually(&format!("{count} ready pods in {}", self.namespace), async || {
            let pods = self.pods().await;
            let states: Vec<String> = pods.iter().map(state).collect();
            let ready = pods.len() == count && pods.iter().all(is_ready);
            if ready { Ok(pods) } else { Err(format!("{states:?}")) }
        })
        .await
    }

    /// The names of so many pods, once they are ready and no other is there.
    pub(crate) async fn names(&self, count: usize) -> Vec<String> {
        self.ready(count).await.iter().map(ResourceExt::name_any).collect()
    }

    /// The pod that leads, once there is one. It may have ended already.
    pub(crate) async fn leader(&self) -> String {
        eventually("a leader", async || {
            self.holder().await.ok_or_else(|| "a Lease that nobody holds".to_owned())
        })
        .await
    }

    /// Waits until another pod leads.
    pub(crate) async fn leader_after(&self, old: &str) -> String {
        eventually(&format!("a leader after {old}"), async || match self.holder().await {
            Some(new) if new != old => Ok(new),
            holder => Err(format!("{holder:?}")),
        })
        .await
    }

    async fn holder(&self) -> Option<String> {
        let lease = self.cluster.api::<Lease>(self.namespace).get_opt(NAME).await.unwrap()?;
        let holder = lease.spec?.holder_identity.filter(|holder| !holder.is_empty())?;
        // A pod's name and UID.
        Some(holder.split_once('_').map_or(holder.clone(), |(pod, _)| pod.to_owned()))
    }
}

/// What the pod says about the operator's container.
pub(crate) fn container(pod: &Pod) -> &ContainerStatus {
    let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref()).unwrap();
    statuses.iter().find(|status| status.name == CONTAINER).unwrap()
}

/// The image of the operator's container, by its digest.
pub(crate) fn image_id(pod: &Pod) -> &str {
    &container(pod).image_id
}

/// The id by which the container runtime knows the operator's container.
pub(crate) fn container_id(pod: &Pod) -> String {
    container(pod).container_id.as_ref().unwrap().trim_start_matches("containerd://").to_owned()
}

/// The process of the operator's container, as the node knows it.
pub(crate) async fn process_id(pod: &Pod) -> String {
    let tasks = container_runtime(&["tasks", "list"]).await.success();
    let id = container_id(pod);
    let line =
        tasks.lines().find(|line| line.starts_with(&id)).unwrap_or_else(|| panic!("{id} is not in {tasks}"));
    line.split_whitespace().nth(1).unwrap().to_owned()
}

/// A number that the operator's control group has under one name in version 1, under another in version 2.
pub(crate) async fn memory_value(pod: &Pod, version_1: &str, version_2: &str) -> u64 {
    let groups = std::fs::read_to_string(format!("/proc/{}/cgroup", process_id(pod).await)).unwrap();
    let path = |controller: &str| {
        groups.lines().find_map(|line| line.split_once(':')?.1.strip_prefix(controller)?.strip_prefix(':'))
    };
    let file = match path("memory") {
        Some(path) => format!("/sys/fs/cgroup/memory{path}/{version_1}"),
        None => format!("/sys/fs/cgroup{}/{version_2}", path("").unwrap()),
    };
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}")).trim().parse().unwrap()
}

/// How often the operator's container was started again.
pub(crate) fn restarts(pod: &Pod) -> i32 {
    let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
    statuses
        .into_iter()
        .flatten()
        .filter(|status| status.name == CONTAINER)
        .map(|status| status.restart_count)
        .sum()
}

/// Asks the container runtime for something, as an administrator of the node could.
pub(crate) async fn container_runtime(arguments: &[&str]) -> Done {
    let mut all = vec!["--address=/run/containerd/containerd.sock", "--namespace=k8s.io"];
    all.extend(arguments);
    run("ctr", &all).await
}

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

pub(crate) fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.into_iter().flatten().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// For messages: what a pod says about its containers.
fn state(pod: &Pod) -> String {
    let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
    let waiting = statuses
        .into_iter()
        .flatten()
        .find_map(|status| status.state.as_ref()?.waiting.as_ref()?.reason.clone());
    format!("{}: {}", pod.name_any(), waiting.unwrap_or_else(|| "not ready".to_owned()))
}
