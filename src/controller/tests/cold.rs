//! A cold start: many resources of one tenant, of which nothing was pushed yet. However long it takes, it is no more work.

use rstest::rstest;

use super::{neighbours::resource, *};
use crate::{
    controller::fakes::{FakeEndpoint, Running, World},
    domain::{
        parse::object::Object,
        testing::{WithSpec, seconds},
        tools::bucket::Rate,
    },
};

const RESOURCES: usize = 250;
const NAMESPACES: usize = 5;

/// What a start has cost.
#[derive(Debug, Default, PartialEq)]
struct Cost {
    reads: usize,
    statuses: usize,
    events: usize,
    questions: usize,
    creations: usize,
    /// Requests that write and are no creation.
    others: usize,
}

/// Resources that have a service key each, or one for each namespace.
fn resources(own_keys: bool) -> Vec<Object> {
    let of = |number: usize| resource(number % NAMESPACES, &format!("pull-{number}"));
    let shared = |spec: &mut crate::api::AICoreRegistrySecretSpec| {
        spec.ai_core_secret_ref.as_mut().unwrap().name = "key".to_owned();
    };
    (0..RESOURCES).map(of).map(|object| if own_keys { object } else { object.with_spec(shared) }).collect()
}

/// The watches are quiet, and not deaf.
fn bookmarks(world: &Running) -> JoinSet<()> {
    let ctx = Arc::clone(&world.ctx);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        loop {
            tokio::time::sleep(seconds(30)).await;
            ctx.scopes.iter().for_each(|(_, watched)| {
                watched.resources.received();
                watched.secrets.received();
            });
        }
    });
    tasks
}

/// How fast everything is.
#[derive(Clone, Copy)]
struct Pace {
    /// Of the tenants.
    rate: Rate,
    /// How long AI Core takes for an answer.
    ai_core: Duration,
    /// How long the API server takes for a Secret.
    secrets: Duration,
}

/// Starts with all of them, at so many requests a second, each of which takes so long. Returns what that costs, and how long it takes.
async fn cold_start(own_keys: bool, rate: Rate, latency: Duration) -> (Cost, Duration) {
    let resources = resources(own_keys).into_iter().map(|object| (object, "one".to_owned())).collect();
    cold_start_of(resources, Pace { rate, ai_core: latency, secrets: Duration::ZERO }).await
}

/// The same with these, each of which has a service key of the tenant of that name.
async fn cold_start_of(resources: Vec<(Object, String)>, pace: Pace) -> (Cost, Duration) {
    let world = World::new().with_places(32, 8);
    world.ctx.index.remove_resource(&world.object.key);
    *world.ctx.ai_core.rate.lock().unwrap() = Some(pace.rate);
    *world.ctx.ai_core.latency.lock().unwrap() = pace.ai_core;
    *world.ctx.kubernetes.latency.lock().unwrap() = pace.secrets;
    // A push that finds nothing to replace is two requests.
    *world.ctx.ai_core.endpoint.lock().unwrap() = Some(FakeEndpoint::default());
    world.ctx.ai_core.needs_second.store(true, std::sync::atomic::Ordering::SeqCst);
    resources.iter().for_each(|(object, tenant)| world.has_another(object, "1", tenant));
    let resources: Vec<Object> = resources.into_iter().map(|(object, _)| object).collect();
    world.journal();
    let world = world.run();
    let _bookmarks = bookmarks(&world);
    let began = tokio::time::Instant::now();
    assert_eq!(world.until_accepted(&resources, seconds(3600)).await, None);
    let took = began.elapsed();
    // Whatever is still to be written.
    tokio::time::sleep(seconds(300)).await;
    let journal = world.journal();
    let lines = |of: &str| journal.iter().filter(|line| line.starts_with(of)).count();
    let cost = Cost {
        reads: lines("read Secret"),
        statuses: lines("write status"),
        events: world.ctx.kubernetes.events.lock().unwrap().len(),
        questions: lines("ask for names"),
        creations: lines("create"),
        others: lines("push"),
    };
    (cost, took)
}

#[rstest]
#[case::at_the_default_rate(Rate::new(10.0, 20), Duration::ZERO, 45)]
#[case::slow_answers(Rate::new(10.0, 20), seconds(2), 80)]
#[tokio::test(start_paused = true)]
async fn each_resource_is_read_created_and_told_once(
    #[values(true, false)] own_keys: bool,
    #[case] rate: Rate,
    #[case] latency: Duration,
    #[case] most_seconds: u64,
) {
    let (cost, took) = cold_start(own_keys, rate, latency).await;
    let keys = if own_keys { RESOURCES } else { NAMESPACES };
    assert_eq!(cost.reads, RESOURCES + keys, "{cost:?} in {took:?}");
    assert_eq!((cost.creations, cost.events), (RESOURCES, RESOURCES), "{cost:?} in {took:?}");
    assert!(cost.questions <= 2 && cost.others == 0, "{cost:?} in {took:?}");
    assert!(took < seconds(most_seconds), "{took:?}");
    let told = if took < seconds(60) { 0 } else { RESOURCES / 4 };
    assert!((RESOURCES..=RESOURCES + told).contains(&cost.statuses), "{cost:?} in {took:?}");
}

/// At one request a second, who has waited for a minute says so, and nothing is read for that.
#[rstest]
#[tokio::test(start_paused = true)]
async fn who_waits_for_minutes_says_so_once_and_is_read_once(#[values(true, false)] own_keys: bool) {
    let (cost, took) = cold_start(own_keys, Rate::new(1.0, 2), Duration::ZERO).await;
    let keys = if own_keys { RESOURCES } else { NAMESPACES };
    assert_eq!(cost.reads, RESOURCES + keys, "{cost:?} in {took:?}");
    assert_eq!((cost.creations, cost.events), (RESOURCES, RESOURCES), "{cost:?} in {took:?}");
    assert!((seconds(200)..seconds(280)).contains(&took), "{took:?}");
    // All but those of the first minute.
    let told = cost.statuses - RESOURCES;
    assert!((150..200).contains(&told), "{cost:?} in {took:?}");
    // The names are asked for again when they are old.
    assert!(cost.questions <= 6 && cost.others == 0, "{cost:?} in {took:?}");
}

/// Among many tenants, and where the API server bounds how fast it goes, few of each stand in its line at a time, and most in the queue.
#[rstest]
#[case::in_one_namespace(1)]
#[case::in_many(20)]
#[tokio::test(start_paused = true)]
async fn the_names_of_each_of_many_tenants_are_asked_for_once(#[case] namespaces: usize) {
    const TENANTS: usize = 100;
    const EACH: usize = 20;
    let resources = (0..TENANTS * EACH).map(|number| {
        // A namespace has several tenants, and a tenant one namespace.
        let tenant = number % TENANTS;
        let own_key = |spec: &mut crate::api::AICoreRegistrySecretSpec| {
            spec.ai_core_secret_ref.as_mut().unwrap().name = format!("key-{tenant}");
        };
        let object = resource(tenant % namespaces, &format!("pull-{number}")).with_spec(own_key);
        (object, format!("tenant-{tenant}"))
    });
    let pace = Pace {
        rate: Rate::new(100.0, 20),
        ai_core: Duration::from_millis(10),
        secrets: Duration::from_millis(100),
    };
    let (cost, took) = cold_start_of(resources.collect(), pace).await;
    assert_eq!(cost.reads, TENANTS * EACH + TENANTS, "{cost:?} in {took:?}");
    assert_eq!((cost.creations, cost.others), (TENANTS * EACH, 0), "{cost:?} in {took:?}");
    assert_eq!(cost.questions, TENANTS, "{cost:?} in {took:?}");
}
