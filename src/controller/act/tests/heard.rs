//! What a pass tells admission of the servers that it has asked, and of those that it has not.

use std::time::Duration;

use futures::FutureExt;
use rstest::rstest;

use super::*;
use crate::{
    controller::admission::{Admission, Places, lane::Lane},
    domain::{
        decide::credit::Credit,
        testing::{key, seconds, service_key_of},
    },
};

/// A world whose tenant may have several passes, and the lane of resources whose service key was given no token.
fn world() -> (World, Arc<Lane>) {
    let mut world = World::new();
    world.ctx.admission = Admission::new(Arc::clone(&world.ctx.queue), Places::new(8, 8));
    let lane = World::lane(Credit::Unproven);
    (world, lane)
}

/// The same with a service key that was given a token, and the lane of those of which nothing was accepted yet.
fn proven_world() -> (World, Arc<Lane>) {
    let (world, _) = world();
    let tenant = Arc::new(service_key_of("s3cret", "one").tenant());
    let claim = Claim { tenant, remote_name: world.object.remote_name.clone().unwrap() };
    assert_eq!(world.ctx.index.proven(&world.object, &claim), Vec::new());
    let lane = World::lane(Credit::Untried);
    (world, lane)
}

/// Whether a pass of another resource has a place in the tenant now. When it has none, it ends.
fn lets_in(world: &World, tenant: &Arc<Lane>, name: &str) -> Option<Permit> {
    let who = key(name);
    let request = Request { who: &who, priority: Priority::Routine };
    let permit = world.ctx.admission.enter(tenant, None, request);
    if permit.is_err() {
        world.ctx.admission.remove(&who);
    }
    permit.ok()
}

/// An attempt of another resource that finds the tenant unavailable.
fn fails(world: &World, tenant: &Arc<Lane>, name: &str) {
    let permit = lets_in(world, tenant, name).unwrap();
    permit.unanswered();
    permit.attempted(false);
}

/// A tenant that was never heard of may have one pass, and one more with each answer.
#[rstest]
#[case::asked_for(false, true)]
#[case::kept(true, false)]
#[tokio::test(start_paused = true)]
async fn only_a_token_that_was_asked_for_shows_that_the_tenant_answers(
    #[case] kept: bool,
    #[case] opens: bool,
) {
    let (world, tenant) = world();
    world.ctx.ai_core.keeps_tokens.store(kept, SeqCst);
    world.ctx.ai_core.hangs.store(true, SeqCst);
    let mut push = Box::pin(carry_out(&world, FinalizerStep::Keep, PUSH));
    assert!((&mut push).now_or_never().is_none());
    assert_eq!(world.journal().len(), 1, "it is sent");
    assert_eq!(lets_in(&world, &tenant, "other").is_some(), opens);
}

/// A refusal of the key is an answer, and ends an outage; one that is kept says nothing, and the probe is spent.
#[rstest]
#[case::asked_for(false, true)]
#[case::kept(true, false)]
#[tokio::test(start_paused = true)]
async fn only_a_refusal_that_was_asked_for_ends_an_outage(#[case] kept: bool, #[case] ends: bool) {
    let (world, tenant) = proven_world();
    fails(&world, &tenant, "a");
    fails(&world, &tenant, "b");
    assert!(lets_in(&world, &tenant, "c").is_none(), "there is an outage");
    tokio::time::advance(seconds(1)).await;
    world.ctx.ai_core.keeps_tokens.store(kept, SeqCst);
    world.ctx.ai_core.refuses_key.store(true, SeqCst);
    let outcome = carry_out(&world, FinalizerStep::Keep, PUSH).await.unwrap();
    assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}");
    assert_eq!(lets_in(&world, &tenant, "d").is_some(), ends);
    tokio::time::advance(seconds(1)).await;
    assert!(lets_in(&world, &tenant, "d").is_some(), "the next probe");
}

/// What one resource meets may be a matter of that resource: two make an outage, and one does not count twice.
#[tokio::test(start_paused = true)]
async fn an_attempt_without_an_answer_counts_once() {
    let (world, tenant) = proven_world();
    world.ctx.ai_core.unreachable.store(true, SeqCst);
    fails(&world, &tenant, "a");
    carry_out(&world, FinalizerStep::Keep, PUSH).await.unwrap();
    assert!(lets_in(&world, &tenant, "b").is_none(), "there is an outage");
    tokio::time::advance(seconds(1)).await;
    // The second probe comes one second after the first, the third two seconds after that.
    carry_out(&world, FinalizerStep::Keep, PUSH).await.unwrap();
    tokio::time::advance(seconds(1)).await;
    carry_out(&world, FinalizerStep::Keep, PUSH).await.unwrap();
    tokio::time::advance(Duration::from_millis(1900)).await;
    assert!(lets_in(&world, &tenant, "b").is_none());
    tokio::time::advance(Duration::from_millis(100)).await;
    assert!(lets_in(&world, &tenant, "b").is_some());
}

/// Whoever finds out nothing leaves the probe to the next.
#[tokio::test(start_paused = true)]
async fn a_pass_that_is_withdrawn_before_it_asks_spends_no_probe() {
    let (world, tenant) = proven_world();
    fails(&world, &tenant, "a");
    fails(&world, &tenant, "b");
    tokio::time::advance(seconds(1)).await;
    let means = means(&world).await;
    world.ctx.index.remove_resource(&world.object.key);
    let plan = Plan { finalizer: FinalizerStep::Keep, step: PUSH };
    assert_eq!(act(&world.ctx, &world.object, &plan, means).await.unwrap(), Outcome::Withdrawn);
    assert_eq!(world.ctx.ai_core.tokens.load(SeqCst), 0);
    assert!(lets_in(&world, &tenant, "c").is_some());
}
