//! Namespaces beside the fleet's, with resources and tenants of their own, which do not behave as well.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api,
    api::{DeleteParams, ListParams},
};
use testbed::simulator::Tenant;
use tokio::time::{Instant, MissedTickBehavior, interval};

use aicore_registry_operator::api;

use crate::{
    fleet::{Fleet, MAKERS, Rotation},
    objects::{self, Key, Wanted, content},
};

/// The fleet's neighbours.
pub struct Neighbours<'a> {
    fleet: &'a Fleet,
    namespaces: Vec<String>,
    members: Vec<Member>,
}

/// A resource of a neighbour.
struct Member {
    namespace: String,
    name: String,
    source: String,
}

impl<'a> Neighbours<'a> {
    /// None yet.
    #[must_use]
    pub fn of(fleet: &'a Fleet) -> Self {
        Self { fleet, namespaces: Vec::new(), members: Vec::new() }
    }

    /// Makes a namespace with so many resources, whose service keys are of these tenants in turn.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn add(&mut self, namespace: &str, tenants: &[Tenant], resources: usize) -> anyhow::Result<()> {
        let client = &self.fleet.client;
        objects::create_namespace(client, namespace).await?;
        self.namespaces.push(namespace.to_owned());
        let keys = (0..tenants.len()).collect();
        self.fleet
            .each(keys, |number| async move {
                let data = tenants[number].binding_data();
                objects::create_secret(client, namespace, &key_name(number), "Opaque", data).await
            })
            .await?;
        self.fleet
            .each((0..resources).collect(), |number| async move {
                let (name, source) = (format!("{namespace}-{number}"), format!("credential-{number}"));
                objects::create_source(client, namespace, &source, number).await?;
                let key = key_name(number % tenants.len());
                let key = Key::Secret(&key);
                let wanted = Wanted { namespace, name: &name, source: &source, key, shard: 0 };
                objects::create_resource(client, wanted).await
            })
            .await?;
        self.members.extend((0..resources).map(|number| Member {
            namespace: namespace.to_owned(),
            name: format!("{namespace}-{number}"),
            source: format!("credential-{number}"),
        }));
        Ok(())
    }

    /// Resources of all of them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Changes the credential of a resource; they are numbered in the order in which they were added.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn rotate(&self, number: usize, mark: &str) -> anyhow::Result<Rotation> {
        let member = &self.members[number];
        let secrets: Api<Secret> = Api::namespaced(self.fleet.client.clone(), &member.namespace);
        objects::rotate(&secrets, member.name.clone(), &member.source, content(number, mark)).await
    }

    /// Changes the credentials of the first resources at once.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn rotate_all(&self, first: usize, mark: &str) -> anyhow::Result<Vec<Rotation>> {
        let rotations = stream::iter((0..first).map(|number| self.rotate(number, mark)));
        rotations.buffer_unordered(MAKERS).try_collect().await
    }

    /// Goes on to change the credentials of the first resources in turn; returns only when that fails.
    pub async fn keep_rotating(&self, first: usize, pause: Duration, mark: &str) -> anyhow::Error {
        let mut ticks = interval(pause);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for turn in 0.. {
            ticks.tick().await;
            if let Err(error) = self.rotate(turn % first, &format!("{mark}-{turn}")).await {
                return error;
            }
        }
        anyhow::anyhow!("there are no more numbers")
    }

    /// Changes the credentials of the first resources, and waits until AI Core has them all.
    ///
    /// # Errors
    /// When that takes too long.
    pub async fn in_sync(&self, first: usize, mark: &str) -> anyhow::Result<()> {
        let rotations = self.rotate_all(first, mark).await?;
        let arrived =
            self.fleet.arrivals.wait_all(&rotations, Instant::now() + crate::arrivals::PATIENCE).await;
        let missing = arrived.iter().filter(|arrived| arrived.is_none()).count();
        anyhow::ensure!(missing == 0, "{missing} credentials of neighbours do not arrive");
        Ok(())
    }

    /// Deletes their resources.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn remove(self) -> anyhow::Result<()> {
        for namespace in &self.namespaces {
            let resources: Api<api::AICoreRegistrySecret> =
                Api::namespaced(self.fleet.client.clone(), namespace);
            resources.delete_collection(&DeleteParams::default(), &ListParams::default()).await?;
        }
        Ok(())
    }
}

fn key_name(number: usize) -> String {
    format!("key-{number:05}")
}
