//! The world of a run: a control plane, a simulated AI Core with many tenants, and many resources with their Secrets.

use std::{collections::BTreeMap, path::PathBuf};

use aicore_registry_operator::api;
use anyhow::Context;
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::{
    api::core::v1::{Namespace, Secret},
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client,
    api::{ListParams, Patch, PatchParams},
    runtime::wait::{await_condition, conditions},
};
use serde_json::{Value, json};
use testbed::{
    controlplane::{ControlPlane, Options},
    simulator::{self, Simulator, Tenant},
};
use tokio::time::Instant;

use crate::{
    arrivals::Arrivals,
    objects::{self, Key, Wanted, content, create_namespace},
    parameters::{Parameters, TenantRef},
    statuses::Statuses,
    subject::{Launch, Which},
};

/// The namespace of all resources.
pub const NAMESPACE: &str = "fleet";
/// Resources of one tenant: below the 50 secrets that AI Core admits.
pub const PER_TENANT: usize = 40;
/// Requests of this process to the API server at once, when it makes objects.
pub(crate) const MAKERS: usize = 24;
/// Size of a Secret that nobody named.
const UNRELATED_BYTES: usize = 4096;

/// Everything that a scenario needs.
pub struct Fleet {
    /// The API server.
    pub control_plane: ControlPlane,
    /// AI Core.
    pub simulator: Simulator,
    /// What reached AI Core.
    pub arrivals: Arrivals,
    /// What the resources say.
    pub statuses: Statuses,
    /// A client for the API server.
    pub client: Client,
    /// Resources that exist.
    pub size: usize,
    /// Unrelated Secrets that exist.
    pub unrelated: usize,
    parameters: Parameters,
    launches: std::cell::Cell<u32>,
}

/// A Secret was changed.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// Name of the resource, and of the secret in AI Core.
    pub name: String,
    /// What AI Core is to hold.
    pub content: String,
    /// resourceVersion of the Secret.
    pub version: String,
    /// When the API server had answered.
    pub answered: Instant,
}

impl Fleet {
    /// Starts a control plane and a simulator, without any resource.
    ///
    /// # Errors
    /// When a part does not start.
    pub async fn start(parameters: &Parameters) -> anyhow::Result<Self> {
        let control_plane = ControlPlane::start(Options::default()).await?;
        let client = control_plane.client().await?;
        let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
        for crd in [api::crd(), api::tenant_crd()] {
            let name = crd.metadata.name.clone().context("the CRD has no name")?;
            crds.patch(&name, &PatchParams::apply("bench").force(), &Patch::Apply(&crd)).await?;
            await_condition(crds.clone(), &name, conditions::is_crd_established()).await?;
        }
        create_namespace(&client, NAMESPACE).await?;
        let simulator =
            Simulator::start(simulator::Options { keep_journal: false, ..simulator::Options::default() })
                .await?;
        Ok(Self {
            arrivals: Arrivals::of(&simulator),
            statuses: Statuses::watch(client.clone(), NAMESPACE),
            control_plane,
            simulator,
            client,
            size: 0,
            unrelated: 0,
            parameters: parameters.clone(),
            launches: std::cell::Cell::new(0),
        })
    }

    /// Adds resources, with their Secrets, until there are so many.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn grow(&mut self, size: usize) -> anyhow::Result<()> {
        let this = &*self;
        let tenants: Vec<usize> = (this.size.div_ceil(PER_TENANT)..size.div_ceil(PER_TENANT)).collect();
        let numbers: Vec<usize> = (this.size..size).collect();
        this.each(tenants, |tenant| {
            let binding = this.tenant(tenant).binding_data();
            let name = key_name(tenant);
            async move {
                this.create_secret(&name, binding).await?;
                if this.parameters.tenant_ref == TenantRef::None {
                    return Ok(());
                }
                objects::create_tenant(&this.client, NAMESPACE, &name, tenant % 2).await
            }
        })
        .await?;
        this.each(numbers.clone(), |number| async move {
            objects::create_source(&this.client, NAMESPACE, &source_name(number), number).await
        })
        .await?;
        this.each(numbers, |number| async move {
            let key = key_name(number / PER_TENANT);
            let wanted = Wanted {
                namespace: NAMESPACE,
                name: &resource_name(number),
                source: &source_name(number),
                key: match this.parameters.tenant_ref {
                    TenantRef::Half if number % 2 == 1 => Key::Tenant(&key),
                    TenantRef::All => Key::Tenant(&key),
                    TenantRef::Half | TenantRef::None => Key::Secret(&key),
                },
                shard: number / PER_TENANT % 2,
            };
            objects::create_resource(&this.client, wanted).await
        })
        .await?;
        self.size = self.size.max(size);
        Ok(())
    }

    /// Adds Secrets that no resource names, until there are so many.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn add_unrelated(&mut self, count: usize) -> anyhow::Result<()> {
        let this = &*self;
        let numbers: Vec<usize> = (this.unrelated..count).collect();
        this.each(numbers, |number| async move {
            let data = BTreeMap::from([("value".to_owned(), "x".repeat(UNRELATED_BYTES))]);
            this.create_secret(&unrelated_name(number), data).await
        })
        .await?;
        self.unrelated = self.unrelated.max(count);
        Ok(())
    }

    /// Changes the credential of a resource.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn rotate(&self, number: usize, mark: &str) -> anyhow::Result<Rotation> {
        let (name, source) = (resource_name(number), source_name(number));
        objects::rotate(&self.secrets(), name, &source, content(number, mark)).await
    }

    /// Changes an unrelated Secret.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn touch_unrelated(&self, number: usize, mark: &str) -> anyhow::Result<()> {
        let patch = json!({ "stringData": { "mark": mark } });
        let name = unrelated_name(number % self.unrelated.max(1));
        self.secrets().patch(&name, &PatchParams::default(), &Patch::Merge(patch)).await?;
        Ok(())
    }

    /// Writes what no program here watches, so that the versions of what they do watch grow old.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn write_elsewhere(&self, times: usize) -> anyhow::Result<()> {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        for number in 0..times {
            let patch = json!({ "metadata": { "annotations": { "bench": number.to_string() } } });
            namespaces.patch(NAMESPACE, &PatchParams::default(), &Patch::Merge(patch)).await?;
        }
        Ok(())
    }

    /// Has AI Core and all statuses forget everything, as before the first sync.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn forget_all(&self) -> anyhow::Result<()> {
        let numbers: Vec<usize> = (0..self.size).collect();
        for number in &numbers {
            self.tenant(number / PER_TENANT).remove(&resource_name(*number));
        }
        self.each(numbers, |number| async move {
            let patch = json!([{ "op": "add", "path": "/status", "value": { "observedGeneration": -1 } }]);
            let patch: Patch<Value> = Patch::Json(serde_json::from_value(patch)?);
            self.resources().patch_status(&resource_name(number), &PatchParams::default(), &patch).await?;
            Ok(())
        })
        .await?;
        self.statuses
            .wait("all statuses to be empty", |statuses| {
                statuses.values().filter(|seen| seen.source_version.is_none()).count() >= self.size
            })
            .await?;
        self.arrivals.forget();
        Ok(())
    }

    /// Waits until each status speaks of the present version of its Secret, and is ready.
    ///
    /// # Errors
    /// When that takes too long.
    pub async fn settled(&self) -> anyhow::Result<Instant> {
        let mut versions = BTreeMap::new();
        let mut page = ListParams::default().limit(500);
        loop {
            let list = self.secrets().list_metadata(&page).await?;
            for secret in list.items {
                if let Some(number) = secret.metadata.name.as_deref().and_then(number_of_source) {
                    versions.insert(resource_name(number), secret.metadata.resource_version);
                }
            }
            match list.metadata.continue_.filter(|next| !next.is_empty()) {
                Some(next) => page = page.continue_token(&next),
                None => break,
            }
        }
        self.statuses
            .wait("all resources to be in sync", |statuses| {
                versions.iter().all(|(name, version)| {
                    statuses.get(name).is_some_and(|seen| seen.ready && seen.source_version == *version)
                })
            })
            .await
    }

    /// How to start one of the programs, with more arguments for the operator.
    ///
    /// # Errors
    /// When the credentials of the floor cannot be written, or the ordinary operator was not built.
    pub fn launch(&self, which: Which, concurrency: usize, more: &[&str]) -> anyhow::Result<Launch> {
        let number = self.launches.get();
        self.launches.set(number + 1);
        let log = self.parameters.output.join(format!("logs/{number:03}-{}.log", which.name()));
        let mut arguments: Vec<String> = match which {
            Which::Product => [
                "run",
                "--listen=127.0.0.1:0",
                "--allow-insecure-http",
                // The tenant's rate is a promise to AI Core, and not what is measured.
                "--tenant-rps=10000",
                "--tenant-burst=10000",
            ]
            .map(str::to_owned)
            .to_vec(),
            Which::Floor => {
                vec![
                    NAMESPACE.to_owned(),
                    PER_TENANT.to_string(),
                    self.write_credentials()?.display().to_string(),
                ]
            }
            Which::OrdinaryCached => vec!["--secrets=cached".to_owned()],
            Which::OrdinaryMetadata => vec!["--secrets=metadata".to_owned()],
        };
        arguments.push(match which {
            Which::Product => format!("--concurrency={concurrency}"),
            Which::Floor => concurrency.to_string(),
            Which::OrdinaryCached | Which::OrdinaryMetadata => {
                format!("--max-concurrent-reconciles={concurrency}")
            }
        });
        arguments.extend(more.iter().map(|&argument| argument.to_owned()));
        let (program, ready) = match which {
            Which::Product => (self.parameters.product.clone(), "caches are filled"),
            Which::Floor => (self.parameters.floor.clone(), "watching"),
            Which::OrdinaryCached | Which::OrdinaryMetadata => {
                let program = self.parameters.ordinary.clone().map_err(anyhow::Error::msg)?;
                (program, "Starting workers")
            }
        };
        let program = std::path::absolute(program)?;
        Ok(Launch { program, arguments, kubeconfig: self.control_plane.kubeconfig().to_owned(), log, ready })
    }

    fn write_credentials(&self) -> anyhow::Result<PathBuf> {
        let keys: Vec<Value> =
            (0..self.size.div_ceil(PER_TENANT)).map(|tenant| self.tenant(tenant).service_key()).collect();
        let path = std::path::absolute(self.parameters.output.join("floor.json"))?;
        std::fs::create_dir_all(&self.parameters.output)?;
        std::fs::write(&path, serde_json::to_vec(&keys)?)?;
        Ok(path)
    }

    /// A tenant.
    #[must_use]
    pub fn tenant(&self, number: usize) -> Tenant {
        self.simulator.tenant(&format!("t{number}"))
    }

    /// Calls `make` for each, a bounded number at once.
    ///
    /// # Errors
    /// The first error.
    pub async fn each<T, F>(&self, items: Vec<T>, make: impl Fn(T) -> F) -> anyhow::Result<()>
    where
        F: Future<Output = anyhow::Result<()>>,
    {
        stream::iter(items.into_iter().map(make)).buffer_unordered(MAKERS).try_collect::<Vec<()>>().await?;
        Ok(())
    }

    async fn create_secret(&self, name: &str, data: BTreeMap<String, String>) -> anyhow::Result<()> {
        objects::create_secret(&self.client, NAMESPACE, name, "Opaque", data).await
    }

    fn resources(&self) -> Api<api::AICoreRegistrySecret> {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }

    fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }
}

/// Name of a resource, and of its secret in AI Core.
#[must_use]
pub fn resource_name(number: usize) -> String {
    format!("r{number:05}")
}

fn source_name(number: usize) -> String {
    format!("source-{number:05}")
}

fn number_of_source(name: &str) -> Option<usize> {
    name.strip_prefix("source-")?.parse().ok()
}

fn key_name(tenant: usize) -> String {
    format!("key-{tenant:05}")
}

fn unrelated_name(number: usize) -> String {
    format!("unrelated-{number:06}")
}
