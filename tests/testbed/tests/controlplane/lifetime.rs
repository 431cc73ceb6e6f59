//! Nothing is left when an owner ends, in whatever way.

use std::process::Stdio;

use rustix::process::Signal;
use testbed::{
    controlplane::{ControlPlane, Options},
    process::tethered,
};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::{
    folder::Folder,
    servers::{eventually, gone, server, servers_gone, servers_of, signal, status},
};

/// Runs `testbed controlplane` and ends it with a signal.
async fn end_owner_with(end: Signal) {
    let mut command = tethered(env!("CARGO_BIN_EXE_testbed"));
    let mut owner = command.arg("controlplane").stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().expect("a line says where the kubeconfig is");
    let kubeconfig = std::path::Path::new(line.strip_prefix("KUBECONFIG=").unwrap());
    assert_eq!(servers_of(kubeconfig).len(), 2, "etcd and kube-apiserver");

    signal(owner.id().unwrap(), end);
    let status = owner.wait().await.unwrap();
    assert_eq!(status.success(), end != Signal::KILL, "{status}");
    gone(kubeconfig).await;
}

#[tokio::test]
async fn a_killed_owner_leaves_nothing() {
    end_owner_with(Signal::KILL).await;
}

#[tokio::test]
async fn a_terminated_owner_leaves_nothing() {
    end_owner_with(Signal::TERM).await;
}

#[tokio::test]
async fn dropping_leaves_nothing() {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    let kubeconfig = control_plane.kubeconfig().to_owned();
    drop(control_plane);
    // At once: what follows a drop may rely on it.
    assert_eq!(servers_of(&kubeconfig), Vec::<u32>::new());
    assert!(!kubeconfig.parent().unwrap().exists());
}

#[tokio::test]
async fn a_killed_supervisor_leaves_no_server_and_the_next_one_removes_its_files() {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    let kubeconfig = control_plane.kubeconfig().to_owned();
    let supervisor = status(server(&kubeconfig, "etcd"), "PPid").parse().unwrap();
    signal(supervisor, Signal::KILL);
    servers_gone(&kubeconfig).await;
    assert!(control_plane.start_api_server().await.is_err());
    assert!(control_plane.stop().await.is_err());

    let next = ControlPlane::start(Options::default()).await.unwrap();
    assert!(!kubeconfig.exists());
    assert_eq!(servers_of(next.kubeconfig()).len(), 2);
    next.stop().await.unwrap();
}

#[tokio::test]
async fn the_end_of_a_server_ends_the_others_and_is_reported() {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    let kubeconfig = control_plane.kubeconfig().to_owned();
    signal(server(&kubeconfig, "etcd"), Signal::KILL);
    gone(&kubeconfig).await;
    let error = control_plane.start_api_server().await.unwrap_err().to_string();
    assert!(error.starts_with("etcd ended (signal: 9"), "{error}");
}

#[tokio::test]
async fn an_owner_killed_during_the_start_leaves_nothing() {
    let assets = Folder::new("starting");
    // Never listens, so that the start lasts until something ends it.
    assets.script(
        "etcd",
        &format!("pwd > '{0}.new' && mv '{0}.new' '{0}'; exec sleep 600", assets.0.join("run").display()),
    );
    assets.script("kube-apiserver", "exit 0");
    assets.script("kubectl", "exit 0");
    let mut command = tethered(env!("CARGO_BIN_EXE_testbed"));
    let mut owner = command.arg("controlplane").env("KUBEBUILDER_ASSETS", &assets.0).spawn().unwrap();
    let run = eventually("etcd starts", async || std::fs::read_to_string(assets.0.join("run")).ok()).await;
    let kubeconfig = std::path::Path::new(run.trim()).join("admin.kubeconfig");
    // The mv that showed the file may not have ended yet.
    eventually("etcd alone", async || (servers_of(&kubeconfig).len() == 1).then_some(())).await;
    owner.kill().await.unwrap();
    gone(&kubeconfig).await;
}
