//! The rights that only an operator of all namespaces has: those on AICoreTenants. Each is missing from the start, is told, and keeps
//! nobody back who needs none of it.

use aicore_registry_operator::domain::parse::right::{RIGHTS, Right};
use rstest::rstest;
use serde_json::json;
use testbed::proxy::{Action, Proxy};

use super::{cluster_rights::ClusterRights, rules::Rules, series};
use crate::{account::Account, cluster::cluster, tenants::Platform, world::Conditions};

#[rstest]
#[case::not_listed("list", "aicoretenants", Some("AccessDenied"))]
#[case::not_watched("watch", "aicoretenants", None)]
#[case::not_read("get", "aicoretenants", None)]
#[case::not_written("patch", "aicoretenants/status", None)]
#[tokio::test]
async fn a_right_on_tenants_that_is_missing_is_told_and_keeps_nobody_back(
    #[case] verb: &str,
    #[case] resource: &str,
    #[case] reason: Option<&str>,
) {
    let right = RIGHTS.iter().find(|right| right.verb == verb && right.resource == resource).unwrap();
    let platform = Platform::new(&format!("rightless-{verb}")).await;
    let team = platform.team(&format!("rightless-{verb}-team")).await;
    team.service_key("own-key").await;
    let rules = Rules::of_the_chart_for_the_cluster().await;
    let account = Account::new(cluster().await, platform.name()).await;
    let rights = ClusterRights { name: format!("tenants-{}", platform.name()), account: &account };
    rights.grant(rules.without(right)).await;
    account.wait_until(true, platform.name(), &RIGHTS[0], None).await;
    let proxy = Proxy::start(&account.kubeconfig().await).await.unwrap();
    let of_status = |request: &testbed::proxy::Request| request.is("patch", "aicoretenants");
    if verb == "get" {
        // It is read when the API server does not take its status: it may be another one by now.
        proxy.always(of_status, Action::refuse(422));
    }
    platform.share(json!({})).await;
    platform.resource(&team, "shared", json!({})).await;
    let own = json!({ "aiCoreSecretRef": { "name": "own-key" }, "remoteName": "own" });
    platform.resource(&team, "own", own).await;
    let operator = platform.launch_with(proxy.kubeconfig()).start().await;
    team.wait_ready("own").await;
    match reason {
        Some(reason) => {
            let denied = team.wait_reason("shared", reason).await;
            let message = &denied.condition("Reconciling").message;
            assert!(message.contains("list and watch on aicoretenants"), "{message}");
        }
        None => {
            team.wait_ready("shared").await;
        }
    }
    is_told(&operator, right).await;

    rights.grant(rules.all()).await;
    account.wait_until(true, platform.name(), right, None).await;
    if verb == "get" {
        // Whoever asks again is granted it; then the status is taken.
        operator.wait_for_line("the ServiceAccount has the right again").await;
        proxy.clear();
    }
    team.wait_ready("shared").await;
    platform.wait_valid().await;
    operator.wait_for_line("the ServiceAccount has the right again").await;
    // A watch that was refused is not yet heard of when its next request is granted.
    team.eventually("/readyz to be ok again", || async {
        (operator.get("/readyz").await == (200, "ok\n".to_owned())).then_some(())
    })
    .await;
    assert!(operator.metric(&series(right)).await.abs() < f64::EPSILON);
    team.check(&operator).await;
    operator.terminate().await;
    rights.remove().await;
}

async fn is_told(operator: &crate::operator::Operator, right: &Right) {
    let Right { verb, resource, .. } = right;
    let logged = format!("\"verb\":\"{verb}\",\"resource\":\"{resource}\"");
    let line = operator.wait_for_line(&logged).await;
    assert!(line.contains("the ServiceAccount lacks a right"), "{line}");
    operator.wait_for_metric(&series(right), 1.0).await;
    let (status, ready) = operator.get("/readyz").await;
    let missing = format!("the ServiceAccount lacks rights: {right}");
    assert!(status == 200 && ready.starts_with("ok, but ") && ready.contains(&missing), "{status} {ready}");
}
