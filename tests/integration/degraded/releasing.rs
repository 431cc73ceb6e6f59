//! The rights for the cluster that a chart for chosen namespaces gives: the namespace controller may take the operator's Role
//! before the resources, and a namespace whose end waits for a finalizer must not hang.

use aicore_registry_operator::{
    api::FINALIZER,
    domain::parse::right::{RIGHTS, Right},
};
use k8s_openapi::api::rbac::v1::PolicyRule;
use rstest::rstest;
use serde_json::json;

use super::{cluster_rights::ClusterRights, rules::Rules};
use crate::{account::Account, chart, cluster::cluster, world::World};

/// What `helm template` gives for the cluster.
async fn rules() -> Vec<PolicyRule> {
    let values = json!({
        "operator": { "watchNamespaces": ["own"] },
        "rbac": { "aggregateToView": false, "aggregateToEdit": false },
    });
    let objects = chart::objects(&chart::template("rel", "own", &values).await.unwrap());
    let role = objects.iter().find(|object| object["kind"] == "ClusterRole").unwrap();
    serde_json::from_value(role["rules"].clone()).unwrap()
}

#[rstest]
#[case::get_the_resource("get", "aicoreregistrysecrets")]
#[case::take_the_finalizer_off("patch", "aicoreregistrysecrets")]
#[case::see_that_the_namespace_ends("get", "namespaces")]
#[tokio::test]
async fn a_namespace_ends_once_the_right_to_release_its_resources_is_there(
    #[case] verb: &str,
    #[case] resource: &str,
) {
    let right = RIGHTS.iter().find(|right| right.verb == verb && right.resource == resource).unwrap();
    let all = rules().await;
    let given: usize = all.iter().map(|rule| rule.verbs.len()).sum();
    assert_eq!(given, 3, "each has a case: {all:?}");
    let home = cluster().await.namespace("releasing-home").await.unwrap();
    let account = Account::new(cluster().await, &home).await;
    let world = World::synced("releasing").await;
    let released = ClusterRights { name: format!("release-{home}"), account: &account };
    released.grant(without(&all, right)).await;
    account.grant(&world.namespace, Rules::of_the_chart().await.all()).await;
    account.wait_until(true, &world.namespace, right, None).await;
    let operator = world.launch().with_kubeconfig(&account.kubeconfig().await).start().await;
    world.wait_ready("pull").await;
    // What it sees of this it sees by its watch, which outlives the rights.
    world.patch_spec("pull", json!({ "deletionPolicy": "Delete" })).await;
    world.wait_for("pull", "the finalizer", |resource| resource.metadata.finalizers.is_some()).await;
    world.wait_ready("pull").await;

    account.take(&world.namespace).await;
    account.wait_until(false, &world.namespace, right, None).await;
    world.delete_secret("key").await;
    world.delete_namespace().await;
    let lacks =
        format!("\"verb\":\"{verb}\",\"resource\":\"{resource}\",\"namespace\":\"{}\"", world.namespace);
    operator.wait_for_line(&lacks).await;
    let waits = world.resource_now("pull").await;
    assert_eq!(waits.metadata.finalizers.as_deref(), Some(&[FINALIZER.to_owned()][..]));

    released.grant(all).await;
    world.wait_gone("pull").await;
    world.wait_namespace_gone().await;
    released.remove().await;
}

fn without(rules: &[PolicyRule], right: &Right) -> Vec<PolicyRule> {
    let mut rules = rules.to_vec();
    for rule in &mut rules {
        if rule.resources.as_deref() == Some(&[right.resource.to_owned()][..]) {
            rule.verbs.retain(|verb| verb != right.verb);
        }
    }
    rules.retain(|rule| !rule.verbs.is_empty());
    rules
}
