//! What the episode's own eyes see, past the proxies: the states of resources, as a watch shows them and as they are when somebody
//! looks; events; what AI Core holds; and what the proxies and the journal have noted.

use std::collections::BTreeSet;

use futures::StreamExt;
use kube::{
    Api,
    api::{DynamicObject, ListParams},
    runtime::{WatchStreamExt, watcher},
};
use serde_json::Value;
use testbed::simulator::{Entry, Operation as Asked};

use crate::{
    cluster::{insist, objects},
    credential::Content,
    plan::TENANTS,
    recording::{Event, Heard, Operation, Record, Request, State, Time},
    world::World,
};

/// The kinds of objects that the operator looks after.
const KINDS: [&str; 2] = ["aicoreregistrysecrets", "aicoretenants"];
const FINALIZER: &str = "aicore-registry.dev/remote-secret";

/// Keeps every state that a watch shows: of each resource of a namespace, or of each `AICoreTenant`.
pub(crate) async fn watch(world: &World<'_>, api: Api<DynamicObject>) {
    let mut events = std::pin::pin!(watcher(api, watcher::Config::default()).default_backoff());
    while let Some(event) = events.next().await {
        match event {
            Ok(watcher::Event::Apply(object) | watcher::Event::InitApply(object)) => {
                see(world, &object, false);
            }
            Ok(watcher::Event::Delete(object)) => see(world, &object, true),
            _ => {}
        }
    }
}

/// Looks at all resources and `AICoreTenant`s: what is there, and what is gone.
pub(crate) async fn look(world: &World<'_>) {
    let resources = world.namespaces.iter().map(|namespace| (namespace.as_str(), world.resources(namespace)));
    for (namespace, api) in resources.chain([("", world.tenants())]) {
        let list = insist(async || api.list(&ListParams::default()).await).await.unwrap().items;
        for object in &list {
            see(world, object, false);
        }
        let is_there = |uid: &str| list.iter().any(|object| object.metadata.uid.as_deref() == Some(uid));
        let now = world.now();
        let mut noted = world.record();
        let uids: BTreeSet<String> = noted.states.iter().map(|state| state.uid.clone()).collect();
        let vanished: Vec<State> = uids
            .iter()
            .filter_map(|uid| noted.last_state(uid))
            .filter(|state| state.key.0 == namespace && !state.gone && !is_there(&state.uid))
            .cloned()
            .collect();
        noted.states.extend(vanished.into_iter().map(|state| State {
            version: state.version + 1,
            seen: now,
            gone: true,
            ..state
        }));
        noted.end = now;
    }
    remotes(world);
}

fn see(world: &World<'_>, object: &DynamicObject, gone: bool) {
    let metadata = &object.metadata;
    let version: u64 = metadata.resource_version.as_ref().unwrap().parse().unwrap();
    let uid = metadata.uid.clone().unwrap();
    let seen = world.now();
    let mut record = world.record();
    let last = record.last_state(&uid);
    if last.is_some_and(|last| last.gone || last.version > version || (last.version == version && !gone)) {
        return;
    }
    let finalizers = metadata.finalizers.as_deref().unwrap_or_default();
    record.states.push(State {
        key: (metadata.namespace.clone().unwrap_or_default(), metadata.name.clone().unwrap()),
        uid,
        version,
        generation: metadata.generation.unwrap(),
        seen,
        terminating: metadata.deletion_timestamp.is_some(),
        finalizer: finalizers.iter().any(|finalizer| finalizer == FINALIZER),
        status: object.data["status"].clone(),
        gone,
    });
}

fn remotes(world: &World<'_>) {
    let mut remotes = std::collections::BTreeMap::new();
    for number in 0..TENANTS {
        let tenant = world.tenant(number);
        let stored = tenant.secrets().into_iter();
        remotes.extend(stored.map(|(name, content)| ((tenant.name().to_owned(), name), content)));
    }
    world.record().remotes = remotes;
}

/// The whole record of the episode so far.
pub(crate) async fn record(world: &World<'_>) -> Record {
    look(world).await;
    let mut visible = Vec::new();
    let mut events = Vec::new();
    let kind = ["events.k8s.io", "v1", "Event", "events"];
    for namespace in &world.namespaces {
        let api = objects(world.client(), kind, Some(namespace));
        for event in insist(async || api.list(&ListParams::default()).await).await.unwrap().items {
            let text =
                |pointer: &str| event.data.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            events.push(Event {
                uid: text("/regarding/uid").to_owned(),
                reason: text("/reason").to_owned(),
                warning: text("/type") == "Warning",
            });
            visible.push(("event".to_owned(), event.data.to_string()));
        }
    }
    let mut record = world.record().clone();
    record.visible.extend(visible);
    let statuses = record.states.iter().map(|state| {
        let place = if state.key.0.is_empty() { "status of an AICoreTenant" } else { "status" };
        (place.to_owned(), state.status.to_string())
    });
    record.visible.extend(statuses.collect::<Vec<_>>());
    record.events = events;
    record.requests = world.simulator.journal().entries().iter().map(|entry| request(world, entry)).collect();
    record.requests.sort_by_key(|request| request.received);
    record.heard = heard(world);
    record.patches = patches(world);
    record.end = world.now();
    record
}

fn heard(world: &World<'_>) -> Vec<Heard> {
    let proxies = world.proxies.iter().enumerate();
    proxies
        .flat_map(|(replica, proxy)| {
            let resources =
                proxy.heard().into_iter().filter(|heard| KINDS.contains(&heard.resource.as_str()));
            resources.map(move |heard| Heard {
                replica,
                uid: heard.uid,
                version: heard.version,
                gone: heard.gone,
                at: heard.at - world.start,
            })
        })
        .collect()
}

fn patches(world: &World<'_>) -> Vec<(usize, Time)> {
    let proxies = world.proxies.iter().enumerate();
    let seen = proxies.flat_map(|(replica, proxy)| proxy.seen().into_iter().map(move |seen| (replica, seen)));
    seen.filter(|(_, seen)| KINDS.iter().any(|kind| seen.request.is("patch", kind)))
        .map(|(replica, seen)| (replica, seen.at.saturating_duration_since(world.start)))
        .collect()
}

fn request(world: &World<'_>, entry: &Entry) -> Request {
    let since = |time: tokio::time::Instant| time.saturating_duration_since(world.start);
    let sent = entry.payload.as_ref().map(|payload| Content::read(payload.expose()).ok_or(()));
    Request {
        pid: world.relay.client(entry.client_port, entry.received),
        operation: match entry.operation {
            Asked::Token => Operation::Token,
            Asked::Get => Operation::Get,
            Asked::List => Operation::List,
            Asked::Quota => Operation::Quota,
            Asked::Create => Operation::Create,
            Asked::Patch => Operation::Patch,
            Asked::Delete => Operation::Delete,
            Asked::Unknown => Operation::Other,
        },
        remote: (entry.tenant.clone().unwrap_or_default(), entry.name.clone().unwrap_or_default()),
        content: sent,
        received: since(entry.received),
        answered: since(entry.answered),
        applied: entry.applied_at.map(since),
        status: entry.status.map(|status| status.as_u16()),
        late: entry.late,
        spoilt: entry.faulty || entry.duration() > std::time::Duration::from_secs(1),
    }
}
