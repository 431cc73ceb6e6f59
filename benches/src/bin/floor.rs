//! The least that any program could do: one watch on the metadata of Secrets, and for each change a GET, a PATCH and a status
//! PATCH. No queue, no cache, no conditions, no retries, no resources: what it needs to know, it is told.
//!
//! Arguments: namespace, resources of a tenant, file with the tenants' service keys, requests at once, and `cold` when
//! Secrets that exist at the start are to be sent too.

use std::sync::{Arc, OnceLock};

use aicore_registry_operator::api::AICoreRegistrySecret;
use anyhow::{Context, ensure};
use futures::StreamExt;
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Client, Config, ResourceExt,
    api::{ListParams, Patch, PatchParams, WatchEvent, WatchParams},
    client::ClientBuilder,
    core::PartialObjectMeta,
};
use serde_json::{Value, json};
use tokio::sync::{OnceCell, Semaphore};

struct Tenant {
    service_key: Value,
    token: OnceCell<String>,
}

struct Floor {
    secrets: Api<Secret>,
    resources: Api<PartialObjectMeta<AICoreRegistrySecret>>,
    http: reqwest::Client,
    tenants: Vec<Tenant>,
    per_tenant: usize,
    places: Arc<Semaphore>,
}

static FLOOR: OnceLock<Floor> = OnceLock::new();

fn main() -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(run())
}

async fn run() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [namespace, per_tenant, credentials, concurrency, rest @ ..] = arguments.as_slice() else {
        anyhow::bail!("arguments: NAMESPACE PER_TENANT CREDENTIALS CONCURRENCY [cold]");
    };
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut config = Config::infer().await?;
    config.default_retry = false;
    config.read_timeout = None;
    let client: Client = ClientBuilder::try_from(config)?.build();
    let keys: Vec<Value> = serde_json::from_slice(&std::fs::read(credentials)?)?;
    let tenants =
        keys.into_iter().map(|service_key| Tenant { service_key, token: OnceCell::new() }).collect();
    let floor = FLOOR.get_or_init(|| Floor {
        secrets: Api::namespaced(client.clone(), namespace),
        resources: Api::namespaced(client.clone(), namespace),
        http: reqwest::Client::builder().tcp_nodelay(true).build().unwrap_or_default(),
        tenants,
        per_tenant: per_tenant.parse().unwrap_or(1),
        places: Arc::new(Semaphore::new(concurrency.parse().unwrap_or(1))),
    });
    let cold = rest.iter().any(|argument| argument == "cold");
    // One watch on the whole cluster, as the operator's.
    let watched: Api<PartialObjectMeta<Secret>> = Api::all(client);
    let mut page = ListParams::default().limit(500);
    let mut version;
    let mut first = Vec::new();
    loop {
        let list = watched.list(&page).await?;
        version = list.metadata.resource_version.unwrap_or_default();
        first.extend(list.items.into_iter().filter_map(|secret| number(&secret.name_any())).filter(|_| cold));
        match list.metadata.continue_.filter(|next| !next.is_empty()) {
            Some(next) => page = page.continue_token(&next),
            None => break,
        }
    }
    eprintln!("watching");
    for number in first {
        begin(floor, number).await?;
    }
    loop {
        let mut events = watched.watch(&WatchParams::default().timeout(290), &version).await?.boxed();
        while let Some(event) = events.next().await {
            match event? {
                WatchEvent::Added(secret) | WatchEvent::Modified(secret) => {
                    version = secret.resource_version().unwrap_or_default();
                    if let Some(number) = number(&secret.name_any()) {
                        begin(floor, number).await?;
                    }
                }
                WatchEvent::Bookmark(bookmark) => version = bookmark.metadata.resource_version,
                WatchEvent::Deleted(_) => {}
                WatchEvent::Error(status) => anyhow::bail!("watch: {}", status.message),
            }
        }
    }
}

fn number(secret: &str) -> Option<usize> {
    secret.strip_prefix("source-")?.parse().ok()
}

async fn begin(floor: &'static Floor, number: usize) -> anyhow::Result<()> {
    let place = Arc::clone(&floor.places).acquire_owned().await?;
    tokio::spawn(async move {
        if let Err(error) = push(floor, number).await {
            eprintln!("push of {number}: {error:#}");
        }
        drop(place);
    });
    Ok(())
}

async fn push(floor: &Floor, number: usize) -> anyhow::Result<()> {
    let secret = floor.secrets.get(&format!("source-{number:05}")).await?;
    let data = secret.data.as_ref().and_then(|data| data.get(".dockerconfigjson")).context("no content")?;
    let payload = std::str::from_utf8(&data.0)?;
    let tenant = floor.tenants.get(number / floor.per_tenant).context("no such tenant")?;
    let token = tenant.token.get_or_try_init(|| token(&floor.http, &tenant.service_key)).await?;
    let api = tenant.service_key["serviceurls"]["AI_API_URL"].as_str().unwrap_or_default();
    let name = format!("r{number:05}");
    let collection = format!("{api}/v2/admin/dockerRegistrySecrets");
    let body = json!({ "data": { ".dockerconfigjson": payload } }).to_string();
    let request = floor.http.patch(format!("{collection}/{name}")).bearer_auth(token);
    let answer = request.header("content-type", "application/merge-patch+json").body(body).send().await?;
    if answer.status().as_u16() == 404 {
        let body = json!({ "name": name, "data": { ".dockerconfigjson": payload } }).to_string();
        let request = floor.http.post(collection).bearer_auth(token);
        let answer = request.header("content-type", "application/json").body(body).send().await?;
        ensure!(answer.status().is_success(), "POST: {}", answer.status());
    } else {
        ensure!(answer.status().is_success(), "PATCH: {}", answer.status());
    }
    let ready = json!([{
        "type": "Ready", "status": "True", "reason": "Synced", "message": "sent",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }]);
    let status = json!({
        "status": { "secretResourceVersion": secret.metadata.resource_version, "conditions": ready },
    });
    floor.resources.patch_status(&name, &PatchParams::default(), &Patch::Merge(status)).await?;
    Ok(())
}

async fn token(http: &reqwest::Client, service_key: &Value) -> anyhow::Result<String> {
    let text = |field: &str| service_key[field].as_str().unwrap_or_default().to_owned();
    let form = [
        ("grant_type", "client_credentials".to_owned()),
        ("client_id", text("clientid")),
        ("client_secret", text("clientsecret")),
    ];
    let answer = http.post(format!("{}/oauth/token", text("url"))).form(&form).send().await?;
    let answer: Value = serde_json::from_slice(&answer.error_for_status()?.bytes().await?)?;
    Ok(answer["access_token"].as_str().context("no token")?.to_owned())
}
