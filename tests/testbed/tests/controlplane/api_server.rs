//! What the servers do for clients.

use std::path::Path;

use k8s_openapi::api::{
    core::v1::{ConfigMap, Namespace, Secret, ServiceAccount},
    rbac::v1::{Role, RoleBinding},
};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, PostParams},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use testbed::controlplane::{ControlPlane, Options, client};

use crate::servers::{eventually, server, status};

fn object<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// The HTTP status the API server refused something with.
fn refusal<T: std::fmt::Debug>(result: kube::Result<T>) -> u16 {
    match result.expect_err("refused") {
        kube::Error::Api(status) => status.code,
        other => panic!("not an answer of the API server: {other}"),
    }
}

async fn exists(client: Client, namespace: &str, config_map: &str) -> bool {
    let config_maps: Api<ConfigMap> = Api::namespaced(client, namespace);
    config_maps.get_opt(config_map).await.unwrap().is_some()
}

async fn create_config_map(client: Client, namespace: &str, name: &str) {
    let config_maps: Api<ConfigMap> = Api::namespaced(client, namespace);
    config_maps.create(&PostParams::default(), &object(json!({"metadata": {"name": name}}))).await.unwrap();
}

#[tokio::test]
async fn the_api_server_answers_clients_and_kubectl() {
    let control_plane = ControlPlane::shared().await;
    let version = control_plane.client().await.unwrap().apiserver_version().await.unwrap();
    let namespace = control_plane.namespace("answers").await.unwrap();
    let output = control_plane.kubectl().args(["get", "namespace", "-o", "name"]).output().await.unwrap();
    let names = String::from_utf8(output.stdout).unwrap();
    assert!(names.lines().any(|name| name == format!("namespace/{namespace}")), "{names}");
    assert!(version.git_version.starts_with("v1."), "{}", version.git_version);
    assert!(control_plane.api_server_url().starts_with("https://127.0.0.1:"));
}

#[test]
fn the_shared_control_plane_is_one_for_all_runtimes() {
    let address = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let shared = ControlPlane::shared().await;
            // A client of this runtime, while other runtimes come and go.
            shared.namespace("runtimes").await.unwrap();
            std::ptr::from_ref(shared).addr()
        })
    };
    let threads: Vec<_> = (0..3).map(|_| std::thread::spawn(address)).collect();
    let addresses: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert!(addresses.iter().all(|other| *other == addresses[0]), "{addresses:?}");
}

#[tokio::test]
async fn the_shared_control_plane_cannot_be_disturbed() {
    let shared = ControlPlane::shared().await;
    assert!(shared.stop_api_server().await.is_err());
    assert!(shared.pause_api_server().await.is_err());
    shared.namespace("undisturbed").await.unwrap();
}

#[tokio::test]
async fn rbac_decides_what_a_service_account_may_do() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("rbac").await.unwrap();
    let admin = control_plane.client().await.unwrap();
    let post = PostParams::default();
    let accounts: Api<ServiceAccount> = Api::namespaced(admin.clone(), &namespace);
    accounts.create(&post, &object(json!({"metadata": {"name": "reader"}}))).await.unwrap();

    let kubeconfig = control_plane.kubeconfig_for(&namespace, "reader").await.unwrap();
    let reader = client(&kubeconfig).await.unwrap();
    let secrets: Api<Secret> = Api::namespaced(reader.clone(), &namespace);
    assert_eq!(refusal(secrets.list(&ListParams::default()).await), 403);

    let role = json!({"metadata": {"name": "reader"},
        "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]}]});
    Api::<Role>::namespaced(admin.clone(), &namespace).create(&post, &object(role)).await.unwrap();
    let binding = json!({"metadata": {"name": "reader"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
        "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": namespace}]});
    Api::<RoleBinding>::namespaced(admin, &namespace).create(&post, &object(binding)).await.unwrap();
    // The API server's authorizer follows by a watch.
    eventually("the role counts", async || secrets.list(&ListParams::default()).await.ok()).await;

    let elsewhere: Api<Secret> = Api::namespaced(reader, "default");
    assert_eq!(refusal(elsewhere.list(&ListParams::default()).await), 403);
}

#[tokio::test]
async fn a_client_without_a_token_is_refused() {
    let control_plane = ControlPlane::shared().await;
    let mut config = config_of(control_plane.kubeconfig()).await;
    config.auth_info = kube::config::AuthInfo::default();
    let anonymous = Client::try_from(config).unwrap();
    assert_eq!(refusal(anonymous.apiserver_version().await), 401);
}

async fn config_of(kubeconfig: &Path) -> kube::Config {
    let kubeconfig = kube::config::Kubeconfig::read_from(kubeconfig).unwrap();
    kube::Config::from_custom_kubeconfig(kubeconfig, &kube::config::KubeConfigOptions::default())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_stopped_api_server_refuses_and_comes_back_with_its_data() {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    let namespace = control_plane.namespace("restart").await.unwrap();
    let client = control_plane.client().await.unwrap();
    create_config_map(client.clone(), &namespace, "kept").await;
    let url = control_plane.api_server_url().to_owned();

    control_plane.stop_api_server().await.unwrap();
    control_plane.stop_api_server().await.unwrap();
    let down = client.apiserver_version().await.unwrap_err();
    assert!(!matches!(down, kube::Error::Api(_)), "{down}");
    assert!(control_plane.pause_api_server().await.is_err());

    control_plane.start_api_server().await.unwrap();
    assert_eq!(control_plane.api_server_url(), url);
    assert!(exists(client, &namespace, "kept").await);
    control_plane.stop().await.unwrap();
}

#[tokio::test]
async fn a_paused_api_server_answers_after_the_pause() {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    let client = control_plane.client().await.unwrap();
    let server = server(control_plane.kubeconfig(), "kube-apiserver");

    control_plane.pause_api_server().await.unwrap();
    eventually("the server is frozen", async || status(server, "State").starts_with('T').then_some(())).await;
    let asked = tokio::spawn(async move { client.apiserver_version().await });
    control_plane.resume_api_server().await.unwrap();
    asked.await.unwrap().unwrap();

    // A paused server does not hold up the end either.
    control_plane.pause_api_server().await.unwrap();
    control_plane.stop().await.unwrap();
}

#[tokio::test]
async fn the_controller_manager_finishes_the_deletion_of_a_namespace() {
    let options = Options { controller_manager: true, ..Options::default() };
    let control_plane = ControlPlane::start(options).await.unwrap();
    let name = control_plane.namespace("deleted").await.unwrap();
    let client = control_plane.client().await.unwrap();
    create_config_map(client.clone(), &name, "content").await;
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), &name);
    eventually("there is a default account", async || accounts.get_opt("default").await.unwrap()).await;

    let namespaces: Api<Namespace> = Api::all(client);
    namespaces.delete(&name, &DeleteParams::default()).await.unwrap();
    eventually("the namespace is gone", async || match namespaces.get_opt(&name).await.unwrap() {
        Some(_) => None,
        None => Some(()),
    })
    .await;
    control_plane.stop().await.unwrap();
}
