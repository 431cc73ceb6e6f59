//! Helm, as users run it.

use std::path::PathBuf;

use tokio::process::Command;

use crate::{controlplane::target, golang::GoProgram};

const HELM: GoProgram = GoProgram {
    name: "helm",
    module: concat!(env!("CARGO_MANIFEST_DIR"), "/helm"),
    package: "tool",
    sources: &["go.mod", "go.sum"],
    takes: "about three minutes",
};

/// The path of `helm`, which is built first when it is not there: about three minutes on two cores, once. Blocks.
pub fn helm_path() -> anyhow::Result<PathBuf> {
    HELM.path()
}

/// `helm`, with none of the user's settings, repositories and plugins; without a cluster unless `KUBECONFIG` is set on it.
/// Blocks while helm is built.
pub fn helm() -> anyhow::Result<Command> {
    let home = target().join("tools/helm-home");
    let mut command = Command::new(helm_path()?);
    for folder in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
        command.env(folder, home.join(folder.to_lowercase()));
    }
    command.env("KUBECONFIG", home.join("no-cluster")).kill_on_drop(true);
    Ok(command)
}
