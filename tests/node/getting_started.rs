//! docs/getting-started.md, as a new user follows it.

use crate::{
    cluster::Cluster,
    command::{kubectl, run},
    release::repository,
    waiting::eventually,
};

const PAGE: &str = include_str!("../../docs/getting-started.md");
const SECTION: &str = "## In a cluster, with a simulated AI Core\n";

#[tokio::test]
#[ignore = "takes a node: make node-test"]
async fn the_way_in_a_cluster_is_as_the_page_says() {
    let _cluster = Cluster::clean().await;
    let blocks = blocks();
    // The images are there: the first block makes them and gives them to kind.
    let (first, rest) = blocks.split_first().unwrap();
    assert!(first.contains("kind load docker-image"), "{first}");
    let (tidy_up, steps) = rest.split_last().unwrap();
    assert!(tidy_up.contains("helm uninstall"), "{tidy_up}");
    for step in steps {
        shell(step).await;
    }
    let arguments = ["logs", "--namespace=aicore-simulator", "deployment/simulator"];
    eventually("the rotation in the simulator's log", async || {
        let log = kubectl(&arguments).await.success();
        let writes: Vec<&str> = log.lines().filter(|line| line.contains("registries=ghcr.io")).collect();
        let payload = |line: &str| line.split_once("payload=").map(|(_, payload)| payload.to_owned());
        let differ = writes.first().map(|line| payload(line)) != writes.last().map(|line| payload(line));
        let last = writes.last().is_some_and(|line| line.contains(" PATCH ") && line.contains(" 202 "));
        if differ && last { Ok(()) } else { Err(log) }
    })
    .await;
    shell(tidy_up).await;
    let left = kubectl(&["get", "namespaces,crds,clusterroles", "--output=name"]).await.success();
    for name in ["namespace/ml", "aicore-simulator", "aicore-registry"] {
        assert!(!left.contains(name), "{left}");
    }
}

/// The commands of the section, in order.
fn blocks() -> Vec<&'static str> {
    let (_, section) = PAGE.split_once(SECTION).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let blocks: Vec<&str> =
        section.split("```sh\n").skip(1).map(|rest| rest.split_once("```").unwrap().0).collect();
    assert!(blocks.len() >= 5, "{blocks:?}");
    blocks
}

/// From the root of the repository, as the page says.
async fn shell(commands: &str) {
    let script = format!("cd {}\n{commands}", repository().display());
    run("bash", &["-euxo", "pipefail", "-c", &script]).await.success();
}
