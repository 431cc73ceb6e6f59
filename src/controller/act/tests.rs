mod confirmation;
mod displaced;
mod heard;
mod interleaved;
mod rate;
mod withdrawn;

use std::sync::{Arc, atomic::Ordering::SeqCst};

use super::*;
use crate::domain::decide::plan::LetGo;
use crate::{
    controller::{
        admission::{Limit, Request},
        fakes::{FakeConnection, World},
        gather::gather,
    },
    domain::{
        decide::plan::Why,
        testing::{WithSpec, an_object, object_named},
    },
};

const PUSH: Step = Step::Push(Push { cause: Cause::First, creation: Creation::Never });

async fn means(world: &World) -> Means<FakeConnection> {
    let gathered = gather(&world.ctx, &world.snapshot(), None).await.unwrap();
    world.journal();
    Means { gathered, permit: None, priority: Priority::Routine }
}

async fn carry_out(
    world: &World,
    finalizer: FinalizerStep,
    step: Step,
) -> Result<Outcome, k8s::error::Error> {
    let means = means(world).await;
    act(&world.ctx, &world.object, &Plan { finalizer, step }, means).await
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_when_nothing_is_planned() {
    let world = World::new();
    let step = Step::NoPush(Why::Suspended);
    assert_eq!(carry_out(&world, FinalizerStep::Remove, step).await.unwrap(), Outcome::NothingSent);
    assert_eq!(world.journal(), ["remove finalizer"]);
}

#[tokio::test(start_paused = true)]
async fn a_push_says_whether_it_may_create() {
    let world = World::new();
    let outcome = carry_out(&world, FinalizerStep::Keep, PUSH).await.unwrap();
    assert!(matches!(outcome, Outcome::Pushed { created: true, .. }), "{outcome:?}");
    assert_eq!(world.journal(), ["push pull for ghcr.io, create false, Patient"]);
}

/// The finalizer is a change of the resource that the watch has yet to show: statuses after it do not wait for that, unless more was
/// changed before.
#[tokio::test(start_paused = true)]
async fn after_the_finalizer_it_is_known_whether_anything_was_not_heard() {
    for (there, has_heard_all) in [(5, true), (6, false)] {
        let world = World::taking_over();
        world.is_at(there, 5);
        carry_out(&world, FinalizerStep::Add, Step::NoPush(Why::Suspended)).await.unwrap();
        assert_eq!(world.ctx.index.basis(&world.object).version.is_none(), has_heard_all);
    }
}

/// The spec was changed, and the watch is about to show it: the tenant may be another one, or the resource suspended.
#[tokio::test(start_paused = true)]
async fn nothing_is_sent_that_cannot_be_announced_because_the_resource_has_changed() {
    let world = World::of(
        an_object().with_spec(|spec| spec.deletion_policy = Some(crate::api::DeletionPolicy::Delete)),
    );
    let now = world.object.generation + 1;
    world.ctx.kubernetes.generations.lock().unwrap().insert(world.object.uid.to_string(), now);
    let outcome = carry_out(&world, FinalizerStep::Keep, PUSH).await.unwrap();
    assert_eq!(outcome, Outcome::Postponed(LONGEST_API_DELAY));
    assert_eq!(world.journal(), ["write status"]);
    let (_, known) = world.ctx.index.status(&world.object.key).unwrap();
    assert_eq!(known.api_url, None, "where nothing was sent");
    assert_eq!(carry_out(&world, FinalizerStep::Keep, PUSH).await.unwrap(), outcome);
    assert_eq!(world.journal(), Vec::<String>::new(), "known already");
}

#[tokio::test(start_paused = true)]
async fn a_failed_push_is_a_failure_with_its_reason() {
    let world = World::new();
    world.ctx.ai_core.unreachable.store(true, SeqCst);
    let outcome = carry_out(&world, FinalizerStep::Keep, PUSH).await.unwrap();
    assert!(matches!(&outcome, Outcome::Failed(failure) if failure.reason == Reason::RemoteUnavailable));
}

/// No plan asks for it; a bug in a plan must not send what was not read.
#[tokio::test(start_paused = true)]
async fn without_a_payload_or_a_connection_nothing_is_sent() {
    let world = World::new();
    world.ctx.kubernetes.secrets.lock().unwrap().clear();
    for step in [PUSH, Step::DeleteRemote { forced: false }] {
        assert_eq!(carry_out(&world, FinalizerStep::Keep, step).await.unwrap(), Outcome::NothingSent);
    }
    assert!(!world.journal().iter().any(|line| line.starts_with("push") || line.starts_with("delete")));
}

#[tokio::test(start_paused = true)]
async fn a_finalizer_that_cannot_be_added_keeps_the_push_back() {
    let world = World::new();
    world.refuse("add finalizer");
    assert!(carry_out(&world, FinalizerStep::Add, PUSH).await.is_err());
    assert_eq!(world.journal(), ["add finalizer"]);
}

#[tokio::test(start_paused = true)]
async fn a_push_without_a_place_is_postponed() {
    let world = World::new();
    let means = means(&world).await;
    let lane = world.ctx.lane(&world.object, means.gathered.connection.as_ref().unwrap());
    let other = ObjectKey::new("ns", "other");
    let request = Request { who: &other, priority: Priority::Routine };
    let permit = world.ctx.admission.try_admit(Limit::Lane(lane), request).unwrap();
    let plan = Plan { finalizer: FinalizerStep::Keep, step: PUSH };
    let outcome = act(&world.ctx, &world.object, &plan, means).await.unwrap();
    assert!(matches!(outcome, Outcome::Postponed(wait) if !wait.is_zero()), "{outcome:?}");
    assert_eq!(world.journal(), Vec::<String>::new());
    drop(permit);
    assert!(matches!(carry_out(&world, FinalizerStep::Keep, PUSH).await.unwrap(), Outcome::Pushed { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_remote_secret_with_a_successor_is_not_deleted() {
    let world = World::new();
    let means = means(&world).await;
    let younger = object_named("younger", 2).with_spec(|spec| spec.remote_name = Some("pull".to_owned()));
    let claim = means.gathered.claim.clone().unwrap();
    let dying = Object { deleting: true, ..world.object.clone() };
    world.ctx.index.apply_resource(dying, crate::api::AICoreRegistrySecretStatus::default());
    assert!(world.ctx.index.may_delete(&world.object, &claim, None));
    world.ctx.index.apply_resource(younger.clone(), crate::api::AICoreRegistrySecretStatus::default());
    assert!(world.ctx.index.proven(&younger, &claim).is_empty());
    assert!(!world.ctx.index.may_delete(&world.object, &claim, None));
    let plan = Plan { finalizer: FinalizerStep::Keep, step: Step::DeleteRemote { forced: false } };
    let outcome = act(&world.ctx, &world.object, &plan, means).await.unwrap();
    assert_eq!(outcome, Outcome::Withdrawn);
    assert_eq!(world.journal(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn letting_go_needs_the_api_server_only() {
    let world = World::new();
    assert_eq!(
        carry_out(&world, FinalizerStep::Keep, Step::LetGo(LetGo::Retained)).await.unwrap(),
        Outcome::LetGo
    );
    assert_eq!(world.metric("aicore_registry_remote_orphaned_total"), Some(0));
    let orphaned = Step::LetGo(LetGo::Orphaned);
    assert_eq!(carry_out(&world, FinalizerStep::Keep, orphaned).await.unwrap(), Outcome::LetGo);
    assert_eq!(world.journal(), ["remove finalizer"]);
    assert_eq!(world.metric("aicore_registry_remote_orphaned_total"), Some(1));
}
