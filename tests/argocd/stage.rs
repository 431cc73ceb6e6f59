//! A cluster with Argo CD and the operator, and a team whose resources are in Git.

use std::path::{Path, PathBuf};

use aicore_registry_operator::api::{self, AICoreRegistrySecret, KIND, TENANT_KIND};
use k8s_openapi::{
    api::core::v1::Secret, apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams},
    runtime::wait::{await_condition, conditions},
};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use testbed::{
    argocd::{self, ArgoCd, Repository},
    controlplane::{ControlPlane, Options},
    operator::{Launch, Operator},
    simulator::{Journal, Simulator, Tenant},
    waiting::{PATIENCE, eventually},
};
use url::Url;

/// The team's namespace.
const NAMESPACE: &str = "ml";
const GROUP: &str = "aicore-registry.dev";
/// Applies what users apply.
const TEAM: &str = "team";

/// What Argo CD says of an application.
#[derive(Debug)]
struct Verdict {
    sync: String,
    health: String,
    /// Of its one resource.
    message: String,
}

/// All that a scenario needs. It ends with the scenario.
pub(crate) struct Stage {
    client: Client,
    pub(crate) tenant: Tenant,
    _simulator: Simulator,
    _operator: Operator,
    repository: Repository,
    argocd: ArgoCd,
    control_plane: ControlPlane,
}

impl Stage {
    /// With the `ConfigMap` of `deploy/argocd` as it stands, a service key `key` in the team's namespace, and nothing in Git.
    pub(crate) async fn set() -> Self {
        let control_plane = ControlPlane::start(Options::default()).await.unwrap();
        let client = control_plane.client().await.unwrap();
        for crd in [api::crd(), api::tenant_crd()] {
            install(client.clone(), &crd).await;
        }
        let simulator = Simulator::start(testbed::simulator::Options::default()).await.unwrap();
        let tenant = simulator.tenant("demo");
        let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(client.clone());
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
        namespaces.patch(NAMESPACE, &PatchParams::apply(TEAM), &Patch::Apply(namespace)).await.unwrap();
        let program = env!("CARGO_BIN_EXE_aicore-registry-operator");
        // In all namespaces: else it serves no AICoreTenants.
        let arguments = ["run", "--listen=127.0.0.1:0", "--allow-insecure-http"].map(str::to_owned).to_vec();
        let operator = Launch::exactly(program.as_ref(), control_plane.kubeconfig(), arguments).start().await;
        let settings: Value = serde_saphyr::from_str(&deployed("argocd-cm-patch.yaml")).unwrap();
        let argocd = ArgoCd::start(&control_plane, &settings).await.unwrap();
        let repository = argocd.repository("registry-secrets").unwrap();
        let stage = Self {
            client,
            tenant,
            _simulator: simulator,
            _operator: operator,
            repository,
            argocd,
            control_plane,
        };
        stage.secret("key", json!({"key.json": stage.tenant.service_key().to_string()})).await;
        stage
    }

    /// A Secret of the team's with these values.
    pub(crate) async fn secret(&self, name: &str, values: Value) {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), NAMESPACE);
        let secret =
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": values});
        secrets.patch(name, &PatchParams::apply(TEAM).force(), &Patch::Apply(secret)).await.unwrap();
    }

    /// A registry credential with this password.
    pub(crate) async fn credential(&self, name: &str, password: &str) {
        let auths = json!({"auths": {"ghcr.io": {"username": "robot", "password": password}}});
        self.secret(name, json!({".dockerconfigjson": auths.to_string()})).await;
    }

    /// Puts a resource of this name into Git, which names the Secret of that name and, but for what `more` says, the key `key`; and
    /// an application for it alone.
    pub(crate) async fn application(&self, name: &str, more: Value) {
        let mut spec = json!({"secretRef": {"name": name}, "aiCoreSecretRef": {"name": "key"}});
        json_patch::merge(&mut spec, &more);
        self.application_of(KIND, name, spec).await;
    }

    /// The same for an `AICoreTenant`, which names a Secret of that name in the team's namespace.
    pub(crate) async fn tenant_application(&self, name: &str) {
        let spec =
            json!({"secretRef": {"namespace": NAMESPACE, "name": name}, "allowedNamespaces": [NAMESPACE]});
        self.application_of(TENANT_KIND, name, spec).await;
    }

    /// Made from the Application in `deploy/argocd`.
    async fn application_of(&self, kind: &str, name: &str, spec: Value) {
        let resource = json!({
            "apiVersion": format!("{GROUP}/v1alpha1"), "kind": kind, "metadata": {"name": name}, "spec": spec,
        });
        // JSON is YAML.
        let file = format!("{name}/resource.yaml");
        self.repository.commit(&[(&file, &format!("{resource:#}\n"))]).unwrap();
        let mut application: Value = serde_saphyr::from_str(&deployed("application-secrets.yaml")).unwrap();
        let change = json!({
            // Else the repo server may go on with the commit that it has seen last.
            "metadata": {"name": name, "annotations": {"argocd.argoproj.io/refresh": "hard"}},
            "spec": {
                "source": {"repoURL": self.repository.url(), "path": name},
                "destination": {"namespace": NAMESPACE},
            },
        });
        json_patch::merge(&mut application, &change);
        let parameters = PatchParams::apply(TEAM).force();
        self.applications().patch(name, &parameters, &Patch::Apply(application)).await.unwrap();
    }

    fn applications(&self) -> Api<DynamicObject> {
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Application"));
        Api::namespaced_with(self.client.clone(), argocd::NAMESPACE, &kind)
    }

    pub(crate) fn resources(&self) -> Api<AICoreRegistrySecret> {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }

    /// Waits until Argo CD shows the application as synced and of this health.
    pub(crate) async fn shows(&self, name: &str, health: &str) {
        self.says(name, health, "").await;
    }

    /// Waits until it does so with a message that has this in it.
    pub(crate) async fn says(&self, name: &str, health: &str, part: &str) {
        let what = format!("{name} to be Synced and {health}, and to say {part:?}");
        let verdict = eventually(&what, async || {
            let verdict = self.verdict(name).await;
            let fits = verdict.sync == "Synced" && verdict.health == health && verdict.message.contains(part);
            if fits { Ok(()) } else { Err(format!("{verdict:?}")) }
        });
        self.or_give_up(verdict.await);
    }

    async fn verdict(&self, name: &str) -> Verdict {
        let application = self.applications().get(name).await.unwrap();
        let text = |pointer: &str| {
            let value = application.data.pointer(pointer).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        Verdict {
            sync: text("/status/sync/status"),
            health: text("/status/health/status"),
            message: text("/status/resources/0/health/message"),
        }
    }

    /// The actions that a user of Argo CD can choose for an application's resource.
    pub(crate) async fn offered(&self, name: &str) -> Vec<String> {
        let query = [
            ("namespace", NAMESPACE),
            ("resourceName", name),
            ("version", "v1alpha1"),
            ("group", GROUP),
            ("kind", KIND),
        ];
        let url = Url::parse_with_params(&self.actions(name, ""), query).unwrap();
        let answer = self.ask(|client| client.get(url)).await;
        let actions = answer["actions"].as_array().cloned().unwrap_or_default();
        let enabled = actions.iter().filter(|action| action["disabled"] != true);
        enabled.map(|action| action["name"].as_str().unwrap().to_owned()).collect()
    }

    /// Chooses one.
    pub(crate) async fn choose(&self, name: &str, action: &str) {
        let body = json!({
            "namespace": NAMESPACE, "resourceName": name, "version": "v1alpha1", "group": GROUP, "kind": KIND,
            "action": action,
        });
        self.ask(|client| client.post(self.actions(name, "/v2")).json(&body)).await;
    }

    fn actions(&self, name: &str, version: &str) -> String {
        format!("{}/api/v1/applications/{name}/resource/actions{version}", self.argocd.url())
    }

    async fn ask(&self, request: impl FnOnce(reqwest::Client) -> RequestBuilder) -> Value {
        let answer = request(reqwest::Client::new()).timeout(PATIENCE).send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{status}: {text}\n{}", self.argocd.logs());
        serde_json::from_str(&text).unwrap()
    }

    /// Requests to AI Core from now on.
    pub(crate) fn journal(&self) -> Journal {
        self.tenant.journal().from_now()
    }

    /// Waits until the resource is what the scenario waits for.
    pub(crate) async fn resource(&self, name: &str, what: &str, is: impl Fn(&AICoreRegistrySecret) -> bool) {
        let found = eventually(what, async || {
            let resource = self.resources().get(name).await.unwrap();
            if is(&resource) { Ok(()) } else { Err(format!("{resource:?}")) }
        });
        self.or_give_up(found.await);
    }

    fn or_give_up<T>(&self, found: Result<T, String>) -> T {
        found.unwrap_or_else(|error| panic!("{error}\n{}", self.argocd.logs()))
    }

    /// Ends all of it.
    pub(crate) async fn clear(self) {
        self.argocd.stop().await.unwrap();
        self.control_plane.stop().await.unwrap();
    }
}

/// A file of `deploy/argocd`.
fn deployed(name: &str) -> String {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/argocd").join(name);
    std::fs::read_to_string(path).unwrap()
}

async fn install(client: Client, crd: &CustomResourceDefinition) {
    let name = crd.metadata.name.clone().unwrap();
    let crds: Api<CustomResourceDefinition> = Api::all(client);
    crds.patch(&name, &PatchParams::apply(TEAM).force(), &Patch::Apply(crd)).await.unwrap();
    let established = await_condition(crds, &name, conditions::is_crd_established());
    tokio::time::timeout(PATIENCE, established).await.unwrap().unwrap();
}
