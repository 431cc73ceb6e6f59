//! `tenants`, and `check` of a resource whose key an AICoreTenant shares.

use std::collections::BTreeMap;

use aicore_registry_operator::api::GROUP;
use k8s_openapi::api::{
    core::v1::ServiceAccount,
    rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject},
};
use kube::{
    Api,
    api::{ObjectMeta, PostParams},
};
use serde_json::json;

use super::{finish, plugin};
use crate::{
    cluster::{PATIENCE, cluster},
    tenants::Platform,
    world::World,
};

const HTTP: &str = "--allow-insecure-http";

#[tokio::test]
async fn each_tenant_has_a_line() {
    let platform = Platform::new("ptenants").await;
    let team = platform.team("ptenants-team").await;
    platform.world.plugin(&["tenants", platform.name()]).await.assert(1, &["there is no AICoreTenant"]);
    platform.share(json!({})).await;
    platform
        .world
        .plugin(&["tenants", platform.name()])
        .await
        .assert(1, &["Unknown", "has not looked at it yet"]);
    let operator = platform.operator().await;
    platform.resource(&team, "pull", json!({})).await;
    team.wait_ready("pull").await;
    platform
        .wait_tenant("the counts", |tenant| {
            let status = tenant.status.as_ref().unwrap();
            status.resources == Some(1) && status.quota.as_ref().is_some_and(|quota| quota.used == 1)
        })
        .await;
    let said = platform.world.plugin(&["tenants", platform.name(), "-o", "wide"]).await;
    said.assert(0, &["RESOURCES", "Valid", "1 of 50", &platform.world.api_url()]);
    let all = platform.world.plugin(&["tenants"]).await;
    assert!(all.out.contains(platform.name()), "{}", all.out);
    operator.terminate().await;
}

#[tokio::test]
async fn check_follows_the_tenant_as_far_as_the_rights_go() {
    let platform = Platform::new("pcheck").await;
    let team = platform.team("pcheck-team").await;
    platform.resource(&team, "pull", json!({})).await;
    let check = ["check", "pull", HTTP, "--remote"];
    team.plugin(&check).await.assert(1, &["wrong  service key", "does not exist"]);
    platform.share(json!({ "allowedNamespaces": ["nobody"] })).await;
    team.plugin(&check).await.assert(1, &["wrong  service key", "does not allow namespace"]);
    platform.share(json!({})).await;
    let place = format!("Secret \"shared-key\" of namespace {:?} is complete", platform.world.namespace);
    team.plugin(&check).await.assert(
        0,
        &[
            &format!(
                "ok     tenantRef    AICoreTenant {:?} allows namespace {:?}",
                platform.name(),
                team.namespace
            ),
            &format!("ok     service key  {place}"),
            "0 of 50 docker registry secrets are used",
        ],
    );
    team.plugin(&["check", platform.name()]).await.assert(
        1,
        &[
            "there is no AICoreRegistrySecret",
            &format!("`kubectl aicore-registry tenants {}` shows it", platform.name()),
        ],
    );
    team.plugin(&["check", "aicrs/pull", HTTP]).await.assert(0, &["ok     tenantRef"]);
    let kubeconfig = user_of(&team).await;
    let said = finish(plugin(&kubeconfig, &["check", "pull", HTTP, "-n", &team.namespace])).await;
    said.assert(0, &["note   service key", "you may not read AICoreTenant"]);
    assert!(!said.out.contains("shared-key"), "{}", said.out);
    let check = ["check", "pull", HTTP, "--remote", "-n", &team.namespace];
    may_read_tenants(&team, platform.name(), &kubeconfig).await;
    // Missing, wrong or sound: where the Secret is, and what is in it, is not told.
    for wrong in ["", "{\"clientid\": \"x\"}"] {
        let said = finish(plugin(&kubeconfig, &check)).await;
        said.assert(
            0,
            &[
                "ok     tenantRef",
                "note   service key",
                "you may not read the Secret of AICoreTenant",
                "the service key was not read",
            ],
        );
        for hidden in ["shared-key", "of namespace"] {
            assert!(!said.out.contains(hidden) && !said.err.contains(hidden), "{}{}", said.out, said.err);
        }
        let content = BTreeMap::from([("key.json".to_owned(), wrong.to_owned())]);
        platform.world.secret("shared-key", "Opaque", content).await;
    }
    team.plugin(&["check", "pull", HTTP]).await.assert(
        1,
        &[&format!(
            "wrong  service key  Secret \"shared-key\" of namespace {:?}, key \"key.json\"",
            platform.world.namespace
        )],
    );
    platform.world.delete_secret("shared-key").await;
    team.plugin(&["check", "pull", HTTP]).await.assert(
        1,
        &[&format!(
            "Secret \"shared-key\", which spec.secretRef of AICoreTenant {:?} names, does not exist in namespace {:?}",
            platform.name(),
            platform.world.namespace
        )],
    );
}

/// Lets the user of a team read AICoreTenants as well.
async fn may_read_tenants(team: &World, tenant: &str, kubeconfig: &std::path::Path) {
    let client = cluster().await.client().await.unwrap();
    let name = format!("tenants-of-{}", team.namespace);
    let metadata = ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() };
    let rule = PolicyRule {
        api_groups: Some(vec![GROUP.to_owned()]),
        resources: Some(vec!["aicoretenants".to_owned()]),
        verbs: vec!["get".to_owned()],
        ..PolicyRule::default()
    };
    let allows = ClusterRole { metadata: metadata.clone(), rules: Some(vec![rule]), aggregation_rule: None };
    Api::all(client.clone()).create(&PostParams::default(), &allows).await.unwrap();
    let role_ref =
        RoleRef { api_group: "rbac.authorization.k8s.io".to_owned(), kind: "ClusterRole".to_owned(), name };
    let user = Subject {
        kind: "ServiceAccount".to_owned(),
        name: "user".to_owned(),
        namespace: Some(team.namespace.clone()),
        ..Subject::default()
    };
    let binding = ClusterRoleBinding { metadata, role_ref, subjects: Some(vec![user]) };
    Api::all(client).create(&PostParams::default(), &binding).await.unwrap();
    let given = async {
        while finish(plugin(kubeconfig, &["tenants", tenant])).await.err.contains("forbidden") {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, given).await.unwrap();
}

/// The kubeconfig of one who may do everything that a team does in its namespace, and nothing elsewhere.
async fn user_of(team: &World) -> std::path::PathBuf {
    let control_plane = cluster().await;
    let client = control_plane.client().await.unwrap();
    let metadata = ObjectMeta { name: Some("user".to_owned()), ..ObjectMeta::default() };
    let account = ServiceAccount { metadata: metadata.clone(), ..ServiceAccount::default() };
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), &team.namespace);
    accounts.create(&PostParams::default(), &account).await.unwrap();
    let all = PolicyRule {
        api_groups: Some(vec!["*".to_owned()]),
        resources: Some(vec!["*".to_owned()]),
        verbs: vec!["*".to_owned()],
        ..PolicyRule::default()
    };
    let role = Role { metadata: metadata.clone(), rules: Some(vec![all]) };
    Api::namespaced(client.clone(), &team.namespace).create(&PostParams::default(), &role).await.unwrap();
    let binding = RoleBinding {
        metadata,
        role_ref: RoleRef {
            api_group: "rbac.authorization.k8s.io".to_owned(),
            kind: "Role".to_owned(),
            name: "user".to_owned(),
        },
        subjects: Some(vec![Subject {
            kind: "ServiceAccount".to_owned(),
            name: "user".to_owned(),
            namespace: Some(team.namespace.clone()),
            ..Subject::default()
        }]),
    };
    Api::namespaced(client, &team.namespace).create(&PostParams::default(), &binding).await.unwrap();
    let kubeconfig = control_plane.kubeconfig_for(&team.namespace, "user").await.unwrap();
    // The API server learns of new bindings by a watch of its own.
    let given = async {
        while finish(plugin(&kubeconfig, &["status", "-n", &team.namespace])).await.err.contains("forbidden")
        {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, given).await.unwrap();
    kubeconfig
}
