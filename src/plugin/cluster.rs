//! The way to the cluster, as kubectl finds it.

use kube::{
    Api, Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};

use super::{Failed, cli::ClusterArgs};
use crate::{
    api::AICoreRegistrySecret,
    k8s::{client::client, error::Error},
};

/// Recorded as the author of what the plugin changes.
pub(super) const FIELD_MANAGER: &str = "kubectl-aicore_registry";

pub(super) struct Cluster {
    pub(super) client: Client,
    pub(super) namespace: String,
}

impl Cluster {
    pub(super) async fn connect(args: &ClusterArgs) -> Result<Self, Failed> {
        let config = config(args).await.map_err(Failed::Usage)?;
        let namespace = args.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        let client = client(config).map_err(|error| {
            Failed::Usage(format!("the kubeconfig cannot be used: {}", innermost(&error)))
        })?;
        Ok(Self { client, namespace })
    }

    /// The resources of the namespace.
    pub(super) fn resources(&self) -> Api<AICoreRegistrySecret> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Why a request for a resource of the namespace failed.
    pub(super) fn failed(&self, name: &str, error: Error) -> Failed {
        Failed::Cluster(match error {
            Error::NotFound => {
                format!(
                    "there is no AICoreRegistrySecret {name:?} in namespace {:?}, or the resource definition is not installed",
                    self.namespace
                )
            }
            other => in_words(other),
        })
    }
}

/// The error to the one who runs the plugin; its own words speak of the operator's rights.
pub(super) fn in_words(error: Error) -> String {
    match error {
        Error::NotFound => {
            "the API server does not know AICoreRegistrySecrets; install the operator's resource definition"
                .to_owned()
        }
        Error::Forbidden(message) => message,
        other => other.to_string(),
    }
}

async fn config(args: &ClusterArgs) -> Result<Config, String> {
    let options = KubeConfigOptions { context: args.context.clone(), ..KubeConfigOptions::default() };
    let config = match &args.kubeconfig {
        Some(path) => {
            let kubeconfig = Kubeconfig::read_from(path)
                .map_err(|error| format!("--kubeconfig: {}: {}", path.display(), innermost(&error)))?;
            Config::from_custom_kubeconfig(kubeconfig, &options).await
        }
        None if args.context.is_some() => Config::from_kubeconfig(&options).await,
        // Without any kubeconfig, as in a pod, the pod's own account.
        None => return Config::infer().await.map_err(|error| error.to_string()),
    };
    config.map_err(|error| error.to_string())
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
