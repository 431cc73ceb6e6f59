//! The shared control plane, with the CRD installed.

use std::time::Duration;

use aicore_registry_operator::api;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
    runtime::wait::{await_condition, conditions},
};
use testbed::controlplane::ControlPlane;
use tokio::sync::OnceCell;

/// How long anything may take before a test gives up: generous, since machines are shared; a test that passes never waits it.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

static CRD_INSTALLED: OnceCell<()> = OnceCell::const_new();

/// The control plane that all tests of the run share, after the CRD is served.
pub(crate) async fn cluster() -> &'static ControlPlane {
    let control_plane = ControlPlane::shared().await;
    CRD_INSTALLED.get_or_init(|| async { install_crd(control_plane.client().await.unwrap()).await }).await;
    control_plane
}

/// Installs the CRDs as the program prints them, and waits until they are served.
pub(crate) async fn install_crd(client: Client) {
    install(client.clone(), &api::crd()).await;
    install(client, &api::tenant_crd()).await;
}

/// Installs any CRD, and waits until it is served.
pub(crate) async fn install(client: Client, crd: &CustomResourceDefinition) {
    let name = crd.metadata.name.clone().unwrap();
    let crds: Api<CustomResourceDefinition> = Api::all(client);
    crds.patch(&name, &PatchParams::apply("test").force(), &Patch::Apply(crd)).await.unwrap();
    tokio::time::timeout(PATIENCE, await_condition(crds, &name, conditions::is_crd_established()))
        .await
        .unwrap()
        .unwrap();
}
