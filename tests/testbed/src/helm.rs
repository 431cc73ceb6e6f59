//! Helm, as users run it.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use tokio::process::Command;

use crate::{
    controlplane::target,
    golang::{built_once, go, key_of},
};

/// Arguments of `go build`.
const BUILD: [&str; 4] = ["build", "-trimpath", "-ldflags", "-s -w"];

/// The path of `helm`, which is built first when it is not there: about three minutes on two cores, once. Blocks.
pub fn helm_path() -> anyhow::Result<PathBuf> {
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("helm");
    let read = |name: &str| {
        let path = module.join(name);
        std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    let (requirements, sums) = (read("go.mod")?, read("go.sum")?);
    let key = key_of(&[BUILD.join(" ").as_bytes(), &requirements, &sums]);
    Ok(built_once("tools/helm", &key, |folder| build(&module, folder))?.join("helm"))
}

fn build(module: &Path, output: &Path) -> anyhow::Result<()> {
    eprintln!("testbed: building helm with Go; the first time this takes about three minutes on two cores");
    let built = go(module)?
        .args(BUILD)
        .arg("-o")
        .arg(output.join("helm"))
        .arg("tool")
        .status()
        .context("cannot run go")?;
    ensure!(built.success(), "go build ended with {built} (Go is needed to build helm)");
    Ok(())
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
