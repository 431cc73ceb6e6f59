//! The proxy in front of the API server.

use std::time::Duration;

use futures::{TryStream, TryStreamExt};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, Client,
    api::{ListParams, ObjectMeta, PostParams, WatchEvent, WatchParams},
};
use testbed::{
    controlplane::{ControlPlane, client},
    proxy::{Action, Proxy, Request},
    simulator::Gate,
};

/// A namespace, a proxy, and its config maps through the proxy.
async fn through(prefix: &str) -> (Proxy, Api<ConfigMap>) {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace(prefix).await.unwrap();
    let proxy = Proxy::start(control_plane.kubeconfig()).await.unwrap();
    let client: Client = client(proxy.kubeconfig()).await.unwrap();
    (proxy, Api::namespaced(client, &namespace))
}

fn config_map(name: &str) -> ConfigMap {
    let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
    ConfigMap { metadata, ..ConfigMap::default() }
}

fn lists(request: &Request) -> bool {
    request.is("list", "configmaps")
}

fn code(result: kube::Result<impl Sized>) -> u16 {
    match result {
        Err(kube::Error::Api(status)) => status.code,
        Err(error) => panic!("not a refusal: {error}"),
        Ok(_) => panic!("not refused"),
    }
}

#[tokio::test]
async fn what_no_rule_picks_passes_and_is_recorded() {
    let (proxy, config_maps) = through("passes").await;
    config_maps.create(&PostParams::default(), &config_map("a")).await.unwrap();
    assert_eq!(config_maps.list(&ListParams::default().limit(7)).await.unwrap().items.len(), 1);
    let seen = proxy.seen();
    let verbs: Vec<_> = seen.iter().map(|seen| (seen.request.verb, seen.status.unwrap().as_u16())).collect();
    assert_eq!(verbs, [("create", 201), ("list", 200)]);
    assert_eq!(seen[1].request.parameter("limit"), Some("7"));
    assert!(seen[1].complete && seen[1].bytes > 100, "{:?}", seen[1]);
}

#[tokio::test]
async fn rules_refuse_and_cut_and_end() {
    let (proxy, config_maps) = through("refuses").await;
    let list = || async { config_maps.list(&ListParams::default()).await };
    proxy.next(1, lists, Action::refuse(403));
    proxy.next(1, lists, Action::cut());
    proxy.next(1, lists, Action::cut_after(5));
    assert_eq!(code(list().await), 403);
    // kube repeats a request whose connection was cut; not one whose answer had begun.
    let _ = list().await;
    let _ = list().await;
    list().await.unwrap();
    proxy.always(lists, Action::refuse(403));
    assert_eq!(code(list().await), 403);
    proxy.clear();
    list().await.unwrap();
}

#[tokio::test]
async fn an_answer_that_is_cut_was_acted_upon() {
    let (proxy, config_maps) = through("cuts").await;
    proxy.next(1, |request| request.is("create", "configmaps"), Action::cut_answer());
    assert!(config_maps.create(&PostParams::default(), &config_map("a")).await.is_err());
    assert!(config_maps.get_opt("a").await.unwrap().is_some());
}

#[tokio::test]
async fn what_is_held_goes_on_when_the_gate_opens() {
    let (proxy, config_maps) = through("holds").await;
    let gate = Gate::new();
    proxy.next(1, lists, Action::hold(&gate));
    let list = tokio::spawn(async move { config_maps.list(&ListParams::default()).await });
    gate.arrived().await.unwrap();
    assert_eq!(proxy.seen()[0].status, None);
    gate.release();
    list.await.unwrap().unwrap();
}

/// Namespaces have config maps of their own.
async fn until_added(
    events: &mut (impl TryStream<Ok = WatchEvent<ConfigMap>, Error = kube::Error> + Unpin),
    name: &str,
) {
    while let Some(event) = events.try_next().await.unwrap() {
        if matches!(&event, WatchEvent::Added(object) if object.metadata.name.as_deref() == Some(name)) {
            return;
        }
    }
    panic!("the watch ended before {name:?}");
}

#[tokio::test]
async fn a_watch_passes_until_it_is_silenced_and_ends_when_it_is_cut() {
    let (proxy, config_maps) = through("watches").await;
    let watches = |request: &Request| request.verb == "watch";
    let mut events = Box::pin(config_maps.watch(&WatchParams::default(), "0").await.unwrap());
    config_maps.create(&PostParams::default(), &config_map("a")).await.unwrap();
    until_added(&mut events, "a").await;
    proxy.silence(watches);
    config_maps.create(&PostParams::default(), &config_map("b")).await.unwrap();
    // Another watch has it, so the API server has sent it.
    let mut others = Box::pin(config_maps.watch(&WatchParams::default(), "0").await.unwrap());
    until_added(&mut others, "b").await;
    let silence = tokio::time::timeout(Duration::from_millis(1), events.try_next()).await;
    assert!(silence.is_err(), "{silence:?}");
    proxy.cut(watches);
    // What had arrived before is still there; then both end.
    while let Ok(Some(_)) = events.try_next().await {}
    while let Ok(Some(_)) = others.try_next().await {}
    proxy.wait_for(2, watches).await.unwrap();
}
