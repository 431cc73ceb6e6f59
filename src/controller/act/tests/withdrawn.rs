//! Whatever happens to a resource while its pass waits, wherever it waits: nothing is sent after that.

use std::{
    sync::{Arc, atomic::Ordering::SeqCst},
    time::Duration,
};

use futures::FutureExt;
use rstest::rstest;
use tokio::sync::OwnedMutexGuard;

use crate::{
    api::{AICoreRegistrySecretStatus, DeletionPolicy},
    controller::{
        adapters::{AiCore, Reach},
        admission::{Limit, Request},
        fakes::{World, an_older_one},
        queue::Priority,
    },
    domain::{
        decide::{conflict::Claim, credit::Credit},
        parse::object::{Object, ObjectKey},
        testing::{WithSpec, an_object, object_named},
    },
};

/// Where a pass waits.
#[derive(Clone, Copy, Debug)]
enum Wait {
    /// For the answer of the API server with a Secret.
    Secret,
    /// For a token.
    Token,
    /// For another pass with the same remote secret.
    Order,
    /// For the place of its second request in the rate.
    Second,
}

/// What happens meanwhile.
#[derive(Clone, Copy, Debug)]
enum Change {
    Gone,
    Deleted,
    CreatedAnew,
    Suspended,
    Edited,
    LostToAnOlderOne,
    OtherServiceKey,
    NoServiceKey,
    // Of one that is being deleted.
    Abandoned,
    Retained,
    Inherited,
}

fn claim(world: &World) -> Claim {
    let tenant = Arc::clone(world.snapshot().service_key.unwrap().connection.tenant());
    Claim { tenant, remote_name: world.object.remote_name.clone().unwrap() }
}

fn happens(world: &World, change: Change) {
    let index = &world.ctx.index;
    let apply = |object: Object| index.apply_resource(object, AICoreRegistrySecretStatus::default());
    let object = world.object.clone();
    let edited = |object: Object| Object { generation: object.generation + 1, ..object };
    match change {
        Change::Gone => index.remove_resource(&object.key),
        Change::Deleted => apply(Object { deleting: true, ..object }),
        Change::CreatedAnew => apply(Object { uid: "uid-anew".into(), deleting: false, ..object }),
        Change::Suspended => apply(edited(object.with_spec(|spec| spec.suspend = Some(true)))),
        Change::Edited => {
            apply(edited(object.with_spec(|spec| spec.registries = Some(vec!["other.example".to_owned()]))))
        }
        Change::LostToAnOlderOne => {
            let (older, claim) = (an_older_one(&object), claim(world));
            apply(older.clone());
            index.proven(&older, &claim)
        }
        Change::OtherServiceKey => {
            world.service_key_changed("2");
            Vec::new()
        }
        Change::NoServiceKey => {
            world.ctx.kubernetes.secrets.lock().unwrap().remove(&object.service_key());
            index.remove_secret(&object.service_key())
        }
        Change::Abandoned => apply(Object { abandon: true, ..object }),
        Change::Retained => apply(edited(object.with_spec(|spec| spec.deletion_policy = None))),
        Change::Inherited => {
            let claim = claim(world);
            let heir = object_named("heir", 2).with_spec(|spec| spec.remote_name = Some("pull".to_owned()));
            apply(heir.clone());
            index.proven(&heir, &claim)
        }
    };
}

/// Has passes wait there.
async fn hold(world: &World, wait: Wait) -> Option<OwnedMutexGuard<()>> {
    match wait {
        Wait::Secret => world.ctx.kubernetes.reads.close(),
        Wait::Token => world.ctx.ai_core.token.close(),
        Wait::Order => return Some(world.ctx.ai_core.in_order(&claim(world)).await),
        Wait::Second => {
            world.ctx.ai_core.needs_second.store(true, SeqCst);
            world.ctx.ai_core.second.close();
        }
    }
    None
}

fn let_go(world: &World, order: Option<OwnedMutexGuard<()>>) {
    drop(order);
    world.ctx.kubernetes.reads.open();
    world.ctx.ai_core.token.open();
    world.ctx.ai_core.second.open();
}

/// Lets everything that can go on go on.
async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

fn writes(world: &World) -> Vec<String> {
    let writes = ["push", "create", "delete"];
    world.journal().into_iter().filter(|line| writes.iter().any(|write| line.starts_with(write))).collect()
}

fn withdrawn(world: &World) -> u64 {
    world.metric("aicore_registry_reconcile_total{outcome=\"Withdrawn\"}").unwrap_or_default()
}

/// A pass that waits there while that happens. Returns what it sent before and after, and when it wants to be repeated.
async fn interrupted(
    world: &World,
    wait: Wait,
    change: Change,
) -> (Vec<String>, Vec<String>, Option<Duration>) {
    world.journal();
    let order = hold(world, wait).await;
    let meanwhile = async {
        settle().await;
        let before = writes(world);
        happens(world, change);
        let_go(world, order);
        before
    };
    let (requeue_after, before) = tokio::join!(world.pass(), meanwhile);
    (before, writes(world), requeue_after)
}

#[rstest]
#[tokio::test(start_paused = true)]
async fn a_push_ends(
    #[values(Wait::Secret, Wait::Token, Wait::Order, Wait::Second)] wait: Wait,
    #[values(
        Change::Gone,
        Change::Deleted,
        Change::CreatedAnew,
        Change::Suspended,
        Change::Edited,
        Change::LostToAnOlderOne,
        Change::OtherServiceKey,
        Change::NoServiceKey
    )]
    change: Change,
) {
    let world = World::new();
    world.pass().await;
    assert_eq!(world.ready(), "True/Synced");
    world.rotated("2", "b");
    let status = world.ctx.kubernetes.status.lock().unwrap().clone();
    let tokens = world.ctx.ai_core.tokens.load(SeqCst);
    let (before, after, requeue_after) = interrupted(&world, wait, change).await;
    assert_eq!(before.len(), usize::from(matches!(wait, Wait::Second)), "{before:?}");
    assert_eq!(after, Vec::<String>::new());
    // What it asks the index about after it has read the Secrets is already in the decision.
    let decided = !matches!((wait, change), (Wait::Secret, Change::LostToAnOlderOne));
    if decided {
        assert_eq!((withdrawn(&world), requeue_after), (1, Some(Duration::ZERO)));
        // Neither a failure nor news, and no delay.
        assert_eq!(*world.ctx.kubernetes.status.lock().unwrap(), status);
        assert_eq!(*world.ctx.kubernetes.events.lock().unwrap(), ["Synced"]);
    }
    let asked = world.ctx.ai_core.tokens.load(SeqCst) - tokens;
    assert_eq!(asked, usize::from(!matches!(wait, Wait::Secret)), "no token for what is not to be sent");
    if let Some(snapshot) = world.ctx.index.snapshot(&world.object.key) {
        assert_eq!((snapshot.memory.retry.backoff, snapshot.memory.retry.api_failures), (None, 0));
    }
    // The next pass does what is to be done now. The turns that were used up are free again.
    tokio::time::advance(Duration::from_secs(10)).await;
    world.ctx.ai_core.needs_second.store(false, SeqCst);
    world.pass().await;
    let goes_on = matches!(change, Change::CreatedAnew | Change::OtherServiceKey);
    assert_eq!(writes(&world).len(), usize::from(goes_on));
    assert_eq!(withdrawn(&world), u64::from(decided));
    if matches!(change, Change::Suspended) {
        assert_eq!(world.ready(), "False/Suspended", "AI Core does not hold what the Secret holds");
    }
}

#[rstest]
#[tokio::test(start_paused = true)]
async fn a_deletion_ends(
    #[values(Wait::Token, Wait::Order)] wait: Wait,
    #[values(
        Change::Gone,
        Change::CreatedAnew,
        Change::Suspended,
        Change::Abandoned,
        Change::Retained,
        Change::Inherited,
        Change::OtherServiceKey
    )]
    change: Change,
) {
    let object = an_object().with_spec(|spec| spec.deletion_policy = Some(DeletionPolicy::Delete));
    let mut world = World::of(Object { finalizer: true, ..object });
    world.pass().await;
    world.object.deleting = true;
    world.object.generation += 1;
    world.applied();
    let (before, after, requeue_after) = interrupted(&world, wait, change).await;
    assert_eq!((before, after), (Vec::new(), Vec::new()));
    assert_eq!((withdrawn(&world), requeue_after), (1, Some(Duration::ZERO)));
    tokio::time::advance(Duration::from_secs(10)).await;
    world.pass().await;
    let goes_on = matches!(change, Change::CreatedAnew | Change::OtherServiceKey);
    assert_eq!(writes(&world).len(), usize::from(goes_on));
}

/// What does not decide what is sent does not stop a push: a force, labels, a status, a new version of the key that was read.
#[tokio::test(start_paused = true)]
async fn a_push_goes_on_where_nothing_of_it_changed() {
    let world = World::new();
    let order = hold(&world, Wait::Token).await;
    let meanwhile = async {
        settle().await;
        let forced = Object { requested_at: Some("now".into()), ..world.object.clone() };
        world.ctx.index.apply_resource(forced, AICoreRegistrySecretStatus::default());
        world.rotated("2", "b");
        let_go(&world, order);
    };
    tokio::join!(world.pass(), meanwhile);
    assert_eq!(writes(&world).len(), 1);
    assert_eq!(withdrawn(&world), 0);
}

/// The GET can be ahead of the watch: that the watch follows is no change.
#[tokio::test(start_paused = true)]
async fn the_watch_that_catches_up_with_the_key_that_was_read_is_no_change() {
    let world = World::new();
    world.pass().await;
    world.service_key_changed("2");
    world.rotated("2", "b");
    let content = world.ctx.kubernetes.secrets.lock().unwrap()[&world.object.service_key()].clone();
    let newer = ("3".to_owned(), content.1, content.2);
    world.ctx.kubernetes.secrets.lock().unwrap().insert(world.object.service_key(), newer);
    world.journal();
    let order = hold(&world, Wait::Token).await;
    let meanwhile = async {
        settle().await;
        world.ctx.index.apply_secret(&world.object.service_key(), "3");
        let_go(&world, order);
    };
    tokio::join!(world.pass(), meanwhile);
    assert_eq!(writes(&world).len(), 1);
}

/// While its turn in the rate has not come, a pass waits outside: it begins anew.
#[tokio::test(start_paused = true)]
async fn suspension_counts_while_the_turn_has_not_come() {
    let world = World::new();
    world.pass().await;
    world.rotated("2", "b");
    world.pass().await;
    world.rotated("3", "c");
    world.journal();
    let turn = world.pass().await.unwrap();
    assert!(!turn.is_zero());
    happens(&world, Change::Suspended);
    tokio::time::advance(turn).await;
    world.pass().await;
    assert_eq!(writes(&world), Vec::<String>::new());
    assert_eq!(world.ready(), "False/Suspended", "AI Core does not hold what the Secret holds");
}

/// A key that is refused takes no turn from those whose key is good.
#[tokio::test(start_paused = true)]
async fn a_refused_key_takes_no_turn() {
    let world = World::new();
    world.pass().await;
    let connection = Arc::clone(&world.snapshot().service_key.unwrap().connection);
    tokio::time::advance(Duration::from_secs(10)).await;
    world.ctx.ai_core.refuses_key.store(true, SeqCst);
    for version in 2..80 {
        world.rotated(&version.to_string(), "b");
        world.service_key_changed(&version.to_string());
        let mut forced = world.object.clone();
        forced.requested_at = Some(version.to_string().into());
        world.ctx.index.apply_resource(forced, AICoreRegistrySecretStatus::default());
        world.pass().await;
    }
    world.journal();
    assert!(world.ctx.ai_core.tokens.load(SeqCst) > 50, "they were refused");
    let rate = &connection.rate_limiter;
    // Both of the two that go at once.
    assert!(rate.wait("ns").now_or_never().is_some() && rate.wait("ns").now_or_never().is_some());
    assert!(rate.wait("ns").now_or_never().is_none());
}

/// What waits for a turn, a place, a token or others has sent nothing: it need not be waited for.
#[rstest]
#[tokio::test(start_paused = true)]
async fn what_waits_ends_with_the_process(#[values(Wait::Token, Wait::Order, Wait::Second)] wait: Wait) {
    let world = World::new();
    world.pass().await;
    world.rotated("2", "b");
    world.journal();
    let _order = hold(&world, wait).await;
    let meanwhile = async {
        settle().await;
        assert_eq!(withdrawn(&world), 0);
        world.ctx.ending.cancel();
    };
    let ended = tokio::time::timeout(Duration::from_secs(1), async { tokio::join!(world.pass(), meanwhile) });
    assert!(ended.await.is_ok());
    assert_eq!(withdrawn(&world), 1);
    assert_eq!(writes(&world).len(), usize::from(matches!(wait, Wait::Second)));
}

/// The place of a pass that was withdrawn is free.
#[tokio::test(start_paused = true)]
async fn who_is_withdrawn_leaves_its_place() {
    let world = World::new();
    world.pass().await;
    world.rotated("2", "b");
    interrupted(&world, Wait::Token, Change::Suspended).await;
    let (other, lane) = (ObjectKey::new("ns", "other"), World::lane(Credit::Proven));
    let request = Request { who: &other, priority: Priority::Routine };
    assert!(world.ctx.admission.try_admit(Limit::Lane(lane), request).unwrap().is_some());
}
