//! The way to the cluster, as kubectl finds it.

use kube::{Api, Client};

use super::{Failed, cli::ClusterArgs, terminal};
use crate::{
    api::AICoreRegistrySecret,
    domain::tools::invalid::Quoted,
    k8s::{
        error::Error,
        kubeconfig::{Access, Choice, Proxy},
        partial::{Misunderstood, UnvalidatedResource},
    },
};

/// Recorded as the author of what the plugin changes.
pub(super) const FIELD_MANAGER: &str = "kubectl-aicore_registry";

pub(super) struct Cluster {
    pub(super) client: Client,
    pub(super) namespace: String,
    proxy: Option<Proxy>,
    missing_user: Option<String>,
}

impl Cluster {
    pub(super) async fn connect(args: &ClusterArgs) -> Result<Self, Failed> {
        let choice = Choice {
            file: args.kubeconfig.clone(),
            context: args.context.clone(),
            show: Some(terminal::pass_on),
        };
        let access = Access::find(&choice).await.map_err(Failed::unusable)?;
        let client = access.client().map_err(Failed::unusable)?;
        let namespace = args.namespace.clone().unwrap_or(access.config.default_namespace);
        Ok(Self { client, namespace, proxy: access.proxy, missing_user: access.missing_user })
    }

    /// The resources of the namespace.
    pub(super) fn resources(&self) -> Api<UnvalidatedResource> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// The resource, if this version understands it.
    pub(super) fn understood(&self, resource: UnvalidatedResource) -> Result<AICoreRegistrySecret, Failed> {
        resource.check().map_err(|misunderstood| {
            let name = misunderstood.metadata.name.as_deref().unwrap_or_default();
            let why = not_understood(&misunderstood);
            Failed::cluster(format_args!("{}/{name}: {why}", self.namespace))
        })
    }

    /// Why a request for a resource of the namespace failed.
    pub(super) fn failed(&self, name: &str, error: Error) -> Failed {
        match error {
            Error::NotFound => Failed::cluster(format_args!(
                "there is no AICoreRegistrySecret {name:?} in namespace {:?}, or the resource definition is not installed",
                self.namespace
            )),
            other => self.in_words(other),
        }
    }

    /// The error to the one who runs the plugin; its own words speak of the operator's rights.
    pub(super) fn in_words(&self, error: Error) -> Failed {
        match (error, &self.proxy) {
            (Error::NotFound, _) => Failed::cluster(
                "the API server does not know AICoreRegistrySecrets; install the operator's resource definition",
            ),
            (Error::Forbidden(message), _) => match &self.missing_user {
                None => Failed::cluster(message),
                Some(user) => Failed::cluster(format_args!("{message}; {}", anonymous(user))),
            },
            (Error::Refused { code: 401, .. }, _) => Failed::cluster(format_args!(
                "the API server does not accept the credential of the kubeconfig (HTTP 401); {}",
                match &self.missing_user {
                    None => "log in again, or choose another context with --context".to_owned(),
                    Some(user) => anonymous(user),
                }
            )),
            (Error::Unreachable(why), Some(proxy)) => Failed::cluster(format_args!(
                "the API server could not be reached through the proxy {proxy}: {why}"
            )),
            (other, _) => Failed::cluster(other),
        }
    }
}

fn anonymous(user: &str) -> String {
    format!(
        "no kubeconfig has the user {}, which the context names, so the request was anonymous; add the user, or choose another \
         context with --context",
        Quoted(user)
    )
}

/// What is said of a resource that this version does not understand.
pub(super) fn not_understood(resource: &Misunderstood) -> String {
    format!(
        "this version does not understand {}, and an operator of this version leaves the resource alone; correct the field, or \
         use a newer version",
        resource.part
    )
}
