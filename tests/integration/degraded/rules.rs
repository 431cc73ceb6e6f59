//! The rules of the chart, as helm renders them.

use std::collections::BTreeSet;

use aicore_registry_operator::domain::parse::right::{RIGHTS, Right};
use k8s_openapi::api::rbac::v1::PolicyRule;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::{chart, operator::Launch};

const RELEASE: &str = "rel";
const NAMESPACE: &str = "own";

/// What the installed `ServiceAccount` may do in a namespace that it watches and is in.
pub(super) struct Rules {
    rules: Vec<PolicyRule>,
    /// The name of the Lease that it may use.
    pub(super) lease: String,
}

static OF_THE_CHART: OnceCell<Rules> = OnceCell::const_new();

impl Rules {
    /// By Roles: for a chart that watches its own namespace.
    pub(super) async fn of_the_chart() -> &'static Self {
        OF_THE_CHART
            .get_or_init(|| async {
                let values = json!({ "operator": { "watchNamespaces": [NAMESPACE] } });
                Self::rendered(&values, &["Role"]).await
            })
            .await
    }

    /// By the `ClusterRole`, and a Role for the Lease.
    pub(super) async fn of_the_chart_for_the_cluster() -> Self {
        let values = json!({ "rbac": { "aggregateToView": false, "aggregateToEdit": false } });
        Self::rendered(&values, &["Role", "ClusterRole"]).await
    }

    async fn rendered(values: &Value, kinds: &[&str]) -> Self {
        let objects = chart::objects(&chart::template(RELEASE, NAMESPACE, values).await.unwrap());
        let granting = objects.iter().filter(|object| kinds.iter().any(|kind| object["kind"] == *kind));
        let rules: Vec<PolicyRule> = granting
            .flat_map(|role| serde_json::from_value::<Vec<PolicyRule>>(role["rules"].clone()).unwrap())
            .collect();
        let names = rules.iter().find_map(|rule| rule.resource_names.clone()).unwrap();
        let [lease] = <[String; 1]>::try_from(names).unwrap();
        Self { rules, lease }
    }

    pub(super) fn all(&self) -> Vec<PolicyRule> {
        self.rules.clone()
    }

    /// All but this right.
    pub(super) fn without(&self, right: &Right) -> Vec<PolicyRule> {
        let mut rules = self.all();
        for rule in &mut rules {
            if is_on(rule, right) {
                rule.verbs.retain(|verb| verb != right.verb);
            }
        }
        rules.retain(|rule| !rule.verbs.is_empty());
        assert_ne!(rules, self.rules, "the chart does not give the right to {right}");
        rules
    }

    /// The name of the only object that the right is for, if there is one.
    pub(super) fn named(&self, right: &Right) -> Option<&str> {
        (right.resource == "leases").then_some(&*self.lease)
    }

    /// Each rule taken apart. One that the program does not know as its own is superfluous.
    pub(super) fn rights(&self) -> BTreeSet<Right> {
        let mut rights = BTreeSet::new();
        for rule in &self.rules {
            for verb in &rule.verbs {
                let known = RIGHTS.iter().find(|right| is_on(rule, right) && right.verb == verb);
                rights.insert(*known.unwrap_or_else(|| panic!("superfluous: {verb} of {rule:?}")));
            }
        }
        rights
    }

    /// An operator that stands for election with the Lease of the chart; it loses it fast, to keep tests short.
    pub(super) fn elected(&self, launch: Launch, namespace: &str) -> Launch {
        launch
            .with("--leader-elect")
            .with(&format!("--leader-elect-lease-namespace={namespace}"))
            .with(&format!("--leader-elect-lease-name={}", self.lease))
            .with("--leader-elect-lease-duration=9s")
            .with("--leader-elect-renew-deadline=6s")
            .with("--leader-elect-retry-period=1s")
    }
}

/// Whether the rule is on the right's resource and no other.
fn is_on(rule: &PolicyRule, right: &Right) -> bool {
    let one = |list: &Option<Vec<String>>| match list.as_deref() {
        Some([one]) => one.clone(),
        list => panic!("a rule for each kind keeps rights apart: {list:?}"),
    };
    one(&rule.api_groups) == right.group && one(&rule.resources) == right.resource
}
