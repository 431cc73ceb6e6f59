//! The objects of Kubernetes that a run makes, whoever they belong to.

use std::collections::BTreeMap;

use aicore_registry_operator::api;
use k8s_openapi::{
    ByteString,
    api::core::v1::{Namespace, Secret},
};
use kube::{
    Api, Client,
    api::{ObjectMeta, Patch, PatchParams, PostParams},
};
use serde_json::json;
use tokio::time::Instant;

use crate::fleet::Rotation;

/// What a resource names.
#[derive(Clone, Debug)]
pub(crate) struct Wanted<'a> {
    /// Its namespace.
    pub(crate) namespace: &'a str,
    /// Its name, and that of its secret in AI Core.
    pub(crate) name: &'a str,
    /// The Secret with its credential.
    pub(crate) source: &'a str,
    /// Where its service key is.
    pub(crate) key: Key<'a>,
    /// Which of two operators takes it.
    pub(crate) shard: usize,
}

/// Where a service key is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Key<'a> {
    /// In this Secret beside the resource.
    Secret(&'a str),
    /// This AICoreTenant shares it.
    Tenant(&'a str),
}

pub(crate) async fn create_namespace(client: &Client, name: &str) -> anyhow::Result<()> {
    let namespace = Namespace {
        metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
        ..Namespace::default()
    };
    Api::all(client.clone()).create(&PostParams::default(), &namespace).await?;
    Ok(())
}

pub(crate) async fn create_secret(
    client: &Client,
    namespace: &str,
    name: &str,
    type_: &str,
    data: BTreeMap<String, String>,
) -> anyhow::Result<()> {
    let secret = Secret {
        metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
        type_: Some(type_.to_owned()),
        data: Some(data.into_iter().map(|(key, value)| (key, ByteString(value.into_bytes()))).collect()),
        ..Secret::default()
    };
    Api::namespaced(client.clone(), namespace).create(&PostParams::default(), &secret).await?;
    Ok(())
}

/// A Secret with the first credential of a resource.
pub(crate) async fn create_source(
    client: &Client,
    namespace: &str,
    name: &str,
    number: usize,
) -> anyhow::Result<()> {
    let data = BTreeMap::from([(".dockerconfigjson".to_owned(), content(number, "first"))]);
    create_secret(client, namespace, name, "kubernetes.io/dockerconfigjson", data).await
}

pub(crate) async fn create_resource(client: &Client, wanted: Wanted<'_>) -> anyhow::Result<()> {
    let resource: api::AICoreRegistrySecret = serde_json::from_value(json!({
        "apiVersion": format!("{}/{}", api::GROUP, api::VERSION),
        "kind": api::KIND,
        "metadata": {
            "name": wanted.name, "namespace": wanted.namespace,
            "labels": { "shard": wanted.shard.to_string() },
        },
        "spec": match wanted.key {
            Key::Secret(key) => json!({ "secretRef": { "name": wanted.source }, "aiCoreSecretRef": { "name": key } }),
            Key::Tenant(tenant) => json!({ "secretRef": { "name": wanted.source }, "tenantRef": { "name": tenant } }),
        },
    }))?;
    Api::namespaced(client.clone(), wanted.namespace).create(&PostParams::default(), &resource).await?;
    Ok(())
}

/// Shares the service key in the Secret `name` of the namespace, with that namespace, by an AICoreTenant of the same name.
pub(crate) async fn create_tenant(
    client: &Client,
    namespace: &str,
    name: &str,
    shard: usize,
) -> anyhow::Result<()> {
    let tenant: api::AICoreTenant = serde_json::from_value(json!({
        "apiVersion": format!("{}/{}", api::GROUP, api::VERSION),
        "kind": "AICoreTenant",
        "metadata": { "name": name, "labels": { "shard": shard.to_string() } },
        "spec": { "secretRef": { "namespace": namespace, "name": name }, "allowedNamespaces": [namespace] },
    }))?;
    Api::all(client.clone()).create(&PostParams::default(), &tenant).await?;
    Ok(())
}

/// Changes the credential of the resource `name`, whose Secret is `source`.
pub(crate) async fn rotate(
    secrets: &Api<Secret>,
    name: String,
    source: &str,
    content: String,
) -> anyhow::Result<Rotation> {
    let patch = json!({ "stringData": { ".dockerconfigjson": content } });
    let secret = secrets.patch(source, &PatchParams::default(), &Patch::Merge(patch)).await?;
    let answered = Instant::now();
    Ok(Rotation { name, content, version: secret.metadata.resource_version.unwrap_or_default(), answered })
}

/// A docker config in the very form in which it is sent.
pub(crate) fn content(number: usize, mark: &str) -> String {
    json!({ "auths": { "ghcr.io": { "password": format!("{mark}-{number}"), "username": "robot" } } })
        .to_string()
}
