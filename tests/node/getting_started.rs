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
    restarted(steps).await;
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

/// Another start of the simulator, after which the page has three commands repeated.
async fn restarted(steps: &[&str]) {
    shell("kubectl rollout restart -n aicore-simulator deployment/simulator").await;
    shell("kubectl rollout status -n aicore-simulator deployment/simulator").await;
    let commands: Vec<String> = steps.concat().replace("\\\n", " ").lines().map(str::to_owned).collect();
    for repeated in ["> target/simulator-ca.crt", "helm upgrade", "cat /files/binding.yaml"] {
        let command = commands.iter().find(|command| command.contains(repeated));
        shell(command.unwrap_or_else(|| panic!("no command has {repeated}"))).await;
    }
    let arguments = ["logs", "--namespace=aicore-simulator", "deployment/simulator"];
    eventually("the secret to be created again", async || {
        let log = kubectl(&arguments).await.success();
        let created = log.lines().any(|line| line.contains(" POST /v2/admin/") && line.contains(" 202 "));
        if created { Ok(()) } else { Err(log) }
    })
    .await;
}

/// From the root of the repository, as the page says.
async fn shell(commands: &str) {
    let script = format!("cd {}\n{commands}", repository().display());
    run("bash", &["-euxo", "pipefail", "-c", &script]).await.success();
}
