//! The program `testbed`.

use std::{
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Stdio,
};

use rustix::process::Signal;
use testbed::process::tethered;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::Command,
};

use crate::{
    folder::Folder,
    servers::{gone, signal},
};

fn testbed() -> Command {
    tethered(env!("CARGO_BIN_EXE_testbed"))
}

#[tokio::test]
async fn run_lends_a_control_plane_from_kubebuilder_assets_to_its_command() {
    let built = testbed().arg("assets").env_remove("KUBEBUILDER_ASSETS").output().await.unwrap();
    let built = PathBuf::from(String::from_utf8(built.stdout).unwrap().trim());
    // Its own folder, to tell that it is taken rather than the built one.
    let assets = Folder::new("assets");
    for name in ["etcd", "kube-apiserver", "kubectl"] {
        symlink(built.join(name), assets.0.join(name)).unwrap();
    }
    let script = r#"
        echo "$TESTBED_ASSETS"
        echo "$TESTBED_KUBECONFIG"
        "$TESTBED_ASSETS/kubectl" --kubeconfig "$TESTBED_KUBECONFIG" get --raw /readyz
        echo " ${KUBECONFIG-unset}"
        trap 'exit 42' TERM
        echo waiting
        while :; do sleep 0.1; done"#;
    let mut command = testbed();
    command
        .args(["run", "--", "sh", "-c", script])
        .env("KUBEBUILDER_ASSETS", &assets.0)
        .env_remove("KUBECONFIG");
    let mut run = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(run.stdout.take().unwrap()).lines();
    let mut line = async || lines.next_line().await.unwrap().unwrap();
    assert_eq!(Path::new(&line().await), assets.0);
    let kubeconfig = PathBuf::from(line().await);
    assert_eq!(line().await, "ok unset");
    assert_eq!(line().await, "waiting");
    signal(run.id().unwrap(), Signal::TERM);
    assert_eq!(run.wait().await.unwrap().code(), Some(42));
    gone(&kubeconfig).await;
}

#[tokio::test]
async fn a_folder_without_binaries_is_refused() {
    let empty = Folder::new("empty");
    let output = testbed().arg("assets").env("KUBEBUILDER_ASSETS", &empty.0).output().await.unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("KUBEBUILDER_ASSETS cannot be used: there is no etcd in "), "{error}");
    assert_eq!(output.status.code(), Some(1));
}

#[tokio::test]
async fn a_server_that_does_not_start_is_reported_with_its_log() {
    let assets = Folder::new("broken");
    assets.script("etcd", "echo the disk is full >&2; exit 3");
    assets.script("kube-apiserver", "exit 0");
    assets.script("kubectl", "exit 0");
    let mut command = testbed();
    command.arg("controlplane").env("KUBEBUILDER_ASSETS", &assets.0);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut error = String::new();
    child.stderr.take().unwrap().read_to_string(&mut error).await.unwrap();
    assert!(error.contains("etcd ended (exit status: 3):\nthe disk is full"), "{error}");
    assert_eq!(child.wait().await.unwrap().code(), Some(1));
}

/// Runs the demo with nothing on the PATH but a kubectl, and returns what it says on standard error.
async fn demo_beside(kubectl: &Folder) -> String {
    let mut command = testbed();
    command.arg("demo").env("PATH", &kubectl.0).env_remove("KUBECONFIG").env_remove("KUBEBUILDER_ASSETS");
    let output = command.output().await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    said
}

#[tokio::test]
async fn the_demo_says_which_kubectl_and_control_plane_it_uses() {
    let built = testbed().arg("assets").env_remove("KUBEBUILDER_ASSETS").output().await.unwrap();
    let built = PathBuf::from(String::from_utf8(built.stdout).unwrap().trim()).join("kubectl");
    let folder = Folder::new("kubectl-that-suits");
    let used = folder.0.join("used");
    folder.script("kubectl", &format!("echo \"$1\" >> {}\nexec {} \"$@\"", used.display(), built.display()));
    let said = demo_beside(&folder).await;
    assert!(said.contains("testbed: using the control plane that is built here, Kubernetes v"), "{said}");
    assert!(said.contains(&format!(" of the PATH ({}/kubectl)\n", folder.0.display())), "{said}");
    let used = std::fs::read_to_string(used).unwrap();
    assert!(["version", "apply", "get", "wait"].iter().all(|verb| used.contains(verb)), "{used}");

    let folder = Folder::new("kubectl-that-is-old");
    let old = r#"[ "$1" = version ] && echo '{"clientVersion": {"gitVersion": "v1.20.3"}}'"#;
    folder.script("kubectl", old);
    let said = demo_beside(&folder).await;
    let reason =
        format!(", and its own kubectl, since {}/kubectl on the PATH is v1.20.3, ", folder.0.display());
    assert!(said.contains(&reason), "{said}");
}
