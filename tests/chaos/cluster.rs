//! The control plane of a run, and words for its objects. All of it as the administrator, past the proxies.

use std::{path::PathBuf, time::Duration};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams},
    runtime::wait::{await_condition, conditions},
};
use serde_json::Value;
use testbed::controlplane::{ControlPlane, Options};

/// How long the API server may be away for those who act in it.
const PATIENCE: Duration = Duration::from_mins(2);
/// Of one attempt: the API server may be frozen.
const ATTEMPT: Duration = Duration::from_secs(4);

/// Where episodes are played.
pub(crate) struct Stage {
    pub(crate) control_plane: ControlPlane,
    pub(crate) client: Client,
    /// The program that is tested: `CHAOS_OPERATOR`, or the one of this build.
    pub(crate) program: PathBuf,
    /// Only one at a time stops or freezes the API server.
    pub(crate) api_server: tokio::sync::Mutex<()>,
}

impl Stage {
    /// A control plane with the CRD.
    pub(crate) async fn start() -> Self {
        let control_plane = ControlPlane::start(Options::default()).await.unwrap();
        let client = control_plane.client().await.unwrap();
        for crd in [
            include_str!("../../crds/aicoreregistrysecrets.aicore-registry.dev.yaml"),
            include_str!("../../crds/aicoretenants.aicore-registry.dev.yaml"),
        ] {
            let crd: CustomResourceDefinition = serde_saphyr::from_str(crd).unwrap();
            let name = crd.metadata.name.clone().unwrap();
            let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
            crds.patch(&name, &PatchParams::apply("chaos").force(), &Patch::Apply(&crd)).await.unwrap();
            let established = await_condition(crds, &name, conditions::is_crd_established());
            tokio::time::timeout(PATIENCE, established).await.unwrap().unwrap();
        }
        let program = std::env::var_os("CHAOS_OPERATOR")
            .map_or_else(|| env!("CARGO_BIN_EXE_aicore-registry-operator").into(), PathBuf::from);
        Self { control_plane, client, program, api_server: tokio::sync::Mutex::default() }
    }

    pub(crate) async fn stop(self) {
        self.control_plane.stop().await.unwrap();
    }
}

/// The resources of a namespace.
pub(crate) fn resources(client: &Client, namespace: &str) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("aicore-registry.dev", "v1alpha1", "AICoreRegistrySecret");
    let kind = ApiResource::from_gvk_with_plural(&kind, "aicoreregistrysecrets");
    Api::namespaced_with(client.clone(), namespace, &kind)
}

/// All `AICoreTenant`s.
pub(crate) fn tenants(client: &Client) -> Api<DynamicObject> {
    objects(client, ["aicore-registry.dev", "v1alpha1", "AICoreTenant", "aicoretenants"], None)
}

/// An object of any kind.
pub(crate) fn object(value: Value) -> DynamicObject {
    serde_json::from_value(value).unwrap()
}

/// Objects of any kind; without a namespace, of the cluster.
pub(crate) fn objects(client: &Client, of: [&str; 4], namespace: Option<&str>) -> Api<DynamicObject> {
    let [group, version, kind, plural] = of;
    let kind = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural);
    match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &kind),
        None => Api::all_with(client.clone(), &kind),
    }
}

/// Applies an object as its manager.
pub(crate) async fn apply(api: &Api<DynamicObject>, value: &Value) -> DynamicObject {
    let name = value["metadata"]["name"].as_str().unwrap();
    let params = PatchParams::apply("chaos").force();
    insist(async || api.patch(name, &params, &Patch::Apply(value)).await).await.unwrap()
}

/// Repeats what a person would repeat: an API server that is away, is frozen or asks for patience is none's refusal.
///
/// # Errors
///
/// What the API server refuses.
pub(crate) async fn insist<T>(attempt: impl AsyncFn() -> kube::Result<T>) -> kube::Result<T> {
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let passing = match tokio::time::timeout(ATTEMPT, attempt()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(kube::Error::Api(status))) if !passes(status.code) => {
                return Err(kube::Error::Api(status));
            }
            Ok(Err(error)) => error.to_string(),
            Err(_elapsed) => "no answer".to_owned(),
        };
        assert!(tokio::time::Instant::now() < until, "the API server is away for {PATIENCE:?}: {passing}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Whether a refusal goes by itself. A fresh API server refuses what it has not yet read the rights or definitions for.
fn passes(code: u16) -> bool {
    matches!(code, 403 | 408 | 429 | 500..)
}
