//! The rights of the installed ServiceAccount, as the API server tells them to whoever has its token: those that the operator
//! needs, and no other.

use std::{collections::BTreeSet, path::Path};

use k8s_openapi::api::{
    authorization::v1::{SelfSubjectRulesReview, SelfSubjectRulesReviewSpec},
    core::v1::ServiceAccount,
};
use kube::{
    Api,
    api::{ObjectMeta, PostParams},
};
use rstest::rstest;
use serde_json::{Value, json};
use testbed::controlplane::{self, ControlPlane};

use super::install;
use crate::cluster::{PATIENCE, cluster};

/// What the operator may do in a namespace that it watches, by a Role there.
const WATCHED: [&str; 11] = [
    "get aicoreregistrysecrets.aicore-registry.dev",
    "list aicoreregistrysecrets.aicore-registry.dev",
    "watch aicoreregistrysecrets.aicore-registry.dev",
    "patch aicoreregistrysecrets.aicore-registry.dev",
    "patch aicoreregistrysecrets/status.aicore-registry.dev",
    "get secrets.",
    "list secrets.",
    "watch secrets.",
    "get namespaces.",
    "create events.events.k8s.io",
    "patch events.events.k8s.io",
];

/// What it may do with AICoreTenants, where it watches all namespaces.
const TENANTS: [&str; 4] = [
    "get aicoretenants.aicore-registry.dev",
    "list aicoretenants.aicore-registry.dev",
    "watch aicoretenants.aicore-registry.dev",
    "patch aicoretenants/status.aicore-registry.dev",
];

/// In every namespace, to release resources from their finalizer.
const RELEASE: [&str; 3] = [
    "get aicoreregistrysecrets.aicore-registry.dev",
    "patch aicoreregistrysecrets.aicore-registry.dev",
    "get namespaces.",
];

/// In its own namespace, for leader election.
const LEADER: [&str; 3] = [
    "create leases.coordination.k8s.io",
    "get leases.coordination.k8s.io rights-aicore-registry-operator",
    "update leases.coordination.k8s.io rights-aicore-registry-operator",
];

/// The release's own namespace, one that it watches when it watches some, and another.
#[rstest]
#[case::cluster(
    false,
    json!({}),
    [
        [&WATCHED[..], &TENANTS, &LEADER].concat(),
        [&WATCHED[..], &TENANTS].concat(),
        [&WATCHED[..], &TENANTS].concat(),
    ]
)]
#[case::cluster_alone(
    false,
    json!({ "leaderElection": { "enabled": false } }),
    [&WATCHED[..], &WATCHED, &WATCHED].map(|watched| [watched, &TENANTS].concat())
)]
#[case::namespaces(true, json!({}), [[&RELEASE[..], &LEADER].concat(), WATCHED.to_vec(), RELEASE.to_vec()])]
#[case::namespaces_strictly(
    true,
    json!({ "rbac": { "releaseClusterWide": false } }),
    [LEADER.to_vec(), WATCHED.to_vec(), vec![]]
)]
#[case::none(false, json!({ "rbac": { "create": false } }), [vec![], vec![], vec![]])]
#[tokio::test]
async fn the_service_account_has_the_rights_that_the_operator_needs_and_no_other(
    #[case] by_namespace: bool,
    #[case] mut values: Value,
    #[case] expected: [Vec<&str>; 3],
) {
    let cluster = cluster().await;
    let namespaces = [
        cluster.namespace("rights-own").await.unwrap(),
        cluster.namespace("rights-watched").await.unwrap(),
        cluster.namespace("rights-other").await.unwrap(),
    ];
    let own = &namespaces[0];
    values["crds"] = json!({ "enabled": false });
    // Names of ClusterRoles would clash with those of the other cases.
    values["fullnameOverride"] = own.as_str().into();
    values["leaderElection"]["leaseName"] = "rights-aicore-registry-operator".into();
    values["rbac"]["aggregateToView"] = false.into();
    values["rbac"]["aggregateToEdit"] = false.into();
    if by_namespace {
        values["operator"] = json!({ "watchNamespaces": [namespaces[1]] });
    }
    install(cluster, "rights", own, &values).await;
    let bare = ServiceAccount {
        metadata: ObjectMeta { name: Some("bare".to_owned()), ..ObjectMeta::default() },
        ..ServiceAccount::default()
    };
    let accounts: Api<ServiceAccount> = Api::namespaced(cluster.client().await.unwrap(), own);
    accounts.create(&PostParams::default(), &bare).await.unwrap();
    let bare = cluster.kubeconfig_for(own, "bare").await.unwrap();
    let installed = cluster.kubeconfig_for(own, own).await.unwrap();
    for (namespace, expected) in namespaces.iter().zip(expected) {
        let expected: BTreeSet<String> = expected.into_iter().map(str::to_owned).collect();
        wait_for_rights(&installed, &bare, namespace, &expected).await;
    }
    uninstall(cluster, own).await;
}

async fn uninstall(cluster: &ControlPlane, namespace: &str) {
    let mut helm = super::helm_on(cluster);
    helm.args(["uninstall", "rights", "--namespace", namespace]);
    super::run(helm, "").await.unwrap();
}

/// The API server learns of new bindings by a watch of its own.
async fn wait_for_rights(installed: &Path, bare: &Path, namespace: &str, expected: &BTreeSet<String>) {
    let mut rights = BTreeSet::new();
    let reached = async {
        loop {
            let of_everybody = rights_of(bare, namespace).await;
            rights = rights_of(installed, namespace).await.difference(&of_everybody).cloned().collect();
            if &rights == expected {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    if tokio::time::timeout(PATIENCE, reached).await.is_err() {
        let superfluous: Vec<_> = rights.difference(expected).collect();
        let missing: Vec<_> = expected.difference(&rights).collect();
        panic!("in {namespace}: superfluous {superfluous:?}, missing {missing:?}");
    }
}

/// All rights in a namespace, as `verb resource.group name` or `verb path`.
async fn rights_of(kubeconfig: &Path, namespace: &str) -> BTreeSet<String> {
    let client = controlplane::client(kubeconfig).await.unwrap();
    let spec = SelfSubjectRulesReviewSpec { namespace: Some(namespace.to_owned()) };
    let review = SelfSubjectRulesReview { spec, ..SelfSubjectRulesReview::default() };
    let api: Api<SelfSubjectRulesReview> = Api::all(client);
    let status = api.create(&PostParams::default(), &review).await.unwrap().status.unwrap();
    assert!(!status.incomplete, "{:?}", status.evaluation_error);
    let mut rights = BTreeSet::new();
    for rule in status.resource_rules {
        let names =
            rule.resource_names.filter(|names| !names.is_empty()).unwrap_or_else(|| vec![String::new()]);
        for verb in &rule.verbs {
            for resource in rule.resources.iter().flatten() {
                for group in rule.api_groups.iter().flatten() {
                    for name in &names {
                        rights.insert(format!("{verb} {resource}.{group} {name}").trim_end().to_owned());
                    }
                }
            }
        }
    }
    for rule in status.non_resource_rules {
        for verb in &rule.verbs {
            rights.extend(rule.non_resource_urls.iter().flatten().map(|path| format!("{verb} {path}")));
        }
    }
    rights
}
