//! Each right that the chart gives goes while the operator works, and comes back: what the operator says meanwhile, what it can no
//! longer do and what it still does, and that it recovers by itself. By real RBAC, with the rules of the rendered chart.

mod cluster_rights;
mod effects;
mod releasing;
mod rules;
mod tenants;

use aicore_registry_operator::domain::parse::right::{RIGHTS, Right, Scope, Use};
use futures::future::join_all;
use testbed::proxy::{Proxy, Seen};
use tokio::time::Instant;

use self::rules::Rules;
use crate::{
    account::Account,
    chart::scenario,
    cluster::cluster,
    operator::{Launch, Operator},
    world::World,
};

/// A resource that is in sync, and an operator with all rights of the chart, in a namespace.
struct Stage {
    world: World,
    account: Account<'static>,
    rules: &'static Rules,
    proxy: Proxy,
    launch: Launch,
    operator: Operator,
    right: &'static Right,
}

impl Stage {
    async fn set(right: &'static Right) -> Self {
        let world = World::synced(&right.to_string().replace([' ', '/'], "-")).await;
        let rules = Rules::of_the_chart().await;
        let account = Account::new(cluster().await, &world.namespace).await;
        account.grant(&world.namespace, rules.all()).await;
        account.wait_until(true, &world.namespace, right, rules.named(right)).await;
        let proxy = Proxy::start(&account.kubeconfig().await).await.unwrap();
        let launch = world.launch().with_kubeconfig(proxy.kubeconfig());
        let launch =
            if right.resource == "leases" { rules.elected(launch, &world.namespace) } else { launch };
        let operator = launch.start().await;
        world.wait_ready("pull").await;
        world.wait_event("pull", "Synced").await;
        Self { world, account, rules, proxy, launch, operator, right }
    }

    async fn take(&self) {
        self.account.grant(&self.world.namespace, self.rules.without(self.right)).await;
        self.wait_until_granted(false).await;
    }

    async fn give_back(&self) {
        self.account.grant(&self.world.namespace, self.rules.all()).await;
        self.wait_until_granted(true).await;
    }

    async fn wait_until_granted(&self, granted: bool) {
        let name = self.rules.named(self.right);
        self.account.wait_until(granted, &self.world.namespace, self.right, name).await;
    }

    /// The log, the metric and `/readyz` say which right is missing and where, and the process stays ready and alive.
    async fn is_told(&self) {
        let Right { verb, resource, .. } = self.right;
        let namespace = &self.world.namespace;
        let logged = format!("\"verb\":\"{verb}\",\"resource\":\"{resource}\",\"namespace\":\"{namespace}\"");
        let line = self.operator.wait_for_line(&logged).await;
        assert!(line.contains("the ServiceAccount lacks a right"), "{line}");
        let missing = format!("{} in namespace {namespace:?}", self.right);
        let (status, ready) = self.operator.get("/readyz").await;
        assert!(
            status == 200 && ready.starts_with("ok, but ") && ready.contains(&missing),
            "{status} {ready}"
        );
        assert_eq!(self.operator.get("/livez").await, (200, "ok\n".to_owned()));
        for other in &RIGHTS {
            let expected = f64::from(u8::from(other == self.right));
            assert_eq!(self.operator.metric(&series(other)).await, expected, "{other}: {ready}");
        }
    }

    /// Nothing is missing any more, and everything is as if nothing had been.
    async fn is_over(&self) {
        self.world
            .eventually("all to be well", || async {
                (self.operator.get("/readyz").await == (200, "ok\n".to_owned())).then_some(())
            })
            .await;
        assert_eq!(self.operator.metric(&series(self.right)).await, 0.0);
        self.operator.wait_for_line("the ServiceAccount has the right again").await;
        self.world.check(&self.operator).await;
    }
}

/// What a Role in each namespace gives. [`tenants`] is about the others.
fn namespaced() -> impl Iterator<Item = &'static Right> {
    RIGHTS.iter().filter(|right| right.scope == Scope::Namespaced)
}

fn series(right: &Right) -> String {
    format!("aicore_registry_right_missing{{verb=\"{}\",resource=\"{}\"}}", right.verb, right.resource)
}

/// Each in a namespace of its own, all at the same time.
#[tokio::test]
async fn a_right_that_goes_is_told_and_one_that_comes_back_is_used() {
    let rows = namespaced().map(|right| async move {
        let stage = Stage::set(right).await;
        stage.take().await;
        let stage = effects::provoke(stage).await;
        stage.is_told().await;
        effects::hold(&stage).await;
        let given_back = Instant::now();
        stage.give_back().await;
        effects::recover(&stage).await;
        stage.is_over().await;
        format!("{right}: {:.1} s", given_back.elapsed().as_secs_f64())
    });
    let took = join_all(rows).await.join("\n");
    println!("back to normal after the right was given back:\n{took}");
}

/// The rights of the chart are those that the program says it uses; and in a day of work it uses each, and is refused nothing.
#[tokio::test]
async fn the_rights_of_the_chart_suffice_and_none_is_superfluous() {
    let rules = Rules::of_the_chart().await;
    assert_eq!(rules.rights(), namespaced().copied().collect(), "by a Role in each namespace");
    let for_the_cluster = Rules::of_the_chart_for_the_cluster().await;
    assert_eq!(for_the_cluster.rights(), RIGHTS.iter().copied().collect(), "by a ClusterRole");

    let world = World::new("day").await;
    let account = Account::new(cluster().await, &world.namespace).await;
    account.grant(&world.namespace, rules.all()).await;
    account.wait_until(true, &world.namespace, &RIGHTS[0], None).await;
    let proxy = Proxy::start(&account.kubeconfig().await).await.unwrap();
    let launch = rules.elected(world.launch().with_kubeconfig(proxy.kubeconfig()), &world.namespace);
    let operator = launch.start().await;
    scenario::works(&world, &operator).await;
    // A deletion whose service key is gone.
    world.resource_that_lost_its_key("doomed").await;
    world.ask_to_delete("doomed").await;
    proxy.wait_for(1, |request| request.is("get", "namespaces")).await.unwrap();
    world.annotate("doomed", "aicore-registry.dev/abandon-remote", "true").await;
    world.wait_gone("doomed").await;
    world.check(&operator).await;
    operator.terminate().await;

    let seen = proxy.seen();
    let refused: Vec<&Seen> = seen
        .iter()
        .filter(|seen| seen.status.is_some_and(|status| matches!(status.as_u16(), 401 | 403)))
        .collect();
    assert!(refused.is_empty(), "{refused:?}");
    let uses = |right: &Right| {
        seen.iter().any(|seen| {
            let request = &seen.request;
            Use::of(request.method.as_str(), &request.path, Some(&request.query))
                .is_some_and(|used| used.right == right)
        })
    };
    let unused: Vec<&Right> = namespaced().filter(|right| !uses(right)).collect();
    assert!(unused.is_empty(), "{unused:?}");
}
