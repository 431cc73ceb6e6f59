//! The cluster of the node, which all scenarios use one after the other.

use std::{fmt::Debug, path::Path};

use aicore_registry_operator::api::AICoreRegistrySecret;
use futures::{StreamExt, stream};
use k8s_openapi::{NamespaceResourceScope, api::core::v1::Namespace};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams},
};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::{
    ai_core::AiCore,
    command::{kubectl, run},
    release::repository,
    waiting::eventually,
};

/// The cluster, empty of what an earlier scenario has left.
pub(crate) struct Cluster {
    pub(crate) client: Client,
    pub(crate) ai_core: AiCore,
}

impl Cluster {
    /// Removes what is left of earlier scenarios, and sees to AI Core.
    pub(crate) async fn clean() -> Self {
        let kubeconfig = std::env::var_os("KUBECONFIG");
        let kubeconfig = kubeconfig.filter(|_| std::env::var_os(testbed::node::variables::DIGEST).is_some());
        let kubeconfig = kubeconfig.expect("the scenarios run beside a node: make node-test");
        let client = testbed::controlplane::client(Path::new(&kubeconfig)).await.unwrap();
        uninstall_releases().await;
        remove_resources(&client).await;
        remove_kept().await;
        let ai_core = AiCore::start(&client).await;
        Self { client, ai_core }
    }

    /// A namespace, made when it is not there; `labels` are set in any case.
    pub(crate) async fn namespace(&self, name: &str, labels: &[(&str, &str)]) {
        let labels: serde_json::Map<_, _> =
            labels.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}});
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        namespaces
            .patch(name, &PatchParams::apply("node-test").force(), &Patch::Apply(namespace))
            .await
            .unwrap();
    }

    /// The objects of one kind in a namespace.
    pub(crate) fn api<K>(&self, namespace: &str) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// All of them.
    pub(crate) async fn list<K>(&self, namespace: &str, labels: &str) -> Vec<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug,
    {
        self.api::<K>(namespace).list(&ListParams::default().labels(labels)).await.unwrap().items
    }
}

/// As `helm list` knows them, in any namespace and state.
async fn uninstall_releases() {
    let releases = run("helm", &["list", "--all-namespaces", "--output=json"]).await.success();
    let releases: Vec<serde_json::Value> = serde_json::from_str(&releases).unwrap();
    for release in releases {
        let (name, namespace) = (release["name"].as_str().unwrap(), release["namespace"].as_str().unwrap());
        run("helm", &["uninstall", name, "--namespace", namespace, "--wait"]).await.success();
    }
}

/// The CRDs, which a release keeps and which are then those of its namespace, and what kustomizations brought.
async fn remove_kept() {
    let deploy = repository().join("deploy");
    let arguments = ["delete", "--ignore-not-found", "--wait", "--kustomize", deploy.to_str().unwrap()];
    kubectl(&arguments).await.success();
}

/// Also those that wait for an operator to let them go.
async fn remove_resources(client: &Client) {
    let all: Api<AICoreRegistrySecret> = Api::all(client.clone());
    // Without the CRD there are none.
    let Ok(resources) = all.list(&ListParams::default()).await else { return };
    let remove = async |resource: AICoreRegistrySecret| {
        let api: Api<AICoreRegistrySecret> = Api::namespaced(client.clone(), &resource.namespace().unwrap());
        let name = resource.name_any();
        let free = Patch::Merge(json!({"metadata": {"finalizers": null}}));
        let _ = api.patch(&name, &PatchParams::default(), &free).await;
        let _ = api.delete(&name, &DeleteParams::default()).await;
    };
    // One scenario has a thousand.
    stream::iter(resources).for_each_concurrent(16, remove).await;
    eventually("the resources of earlier scenarios to go", async || {
        let left = all.list(&ListParams::default()).await.unwrap().items.len();
        if left == 0 { Ok(()) } else { Err(format!("{left} resources")) }
    })
    .await;
}
