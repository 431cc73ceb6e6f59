//! Does what was planned, and says what came of it.

use std::time::Duration;

use super::{
    Context,
    adapters::{AiCore, Kubernetes, Reach},
    admission::{Permit, Request, Wait},
    gather::Gathered,
    queue::Priority,
};
use crate::{
    aicore::{Insistence, error::Error as AiCoreError, push::Pushed},
    clock,
    domain::{
        decide::{
            plan::{Cause, FinalizerStep, LetGo, Plan, Push, Step},
            report::Outcome,
        },
        parse::{docker_config::Payload, object::Object},
    },
    k8s,
};

/// What a pass over a resource was given to act with.
pub(super) struct Means<C> {
    /// What was read.
    pub(super) gathered: Gathered<C>,
    /// The place among the passes of the tenant, if there is one already.
    pub(super) permit: Option<Permit>,
    /// How soon the pass wants to be repeated when it has to wait.
    pub(super) priority: Priority,
}

/// From this length on, in bytes, payloads are sent a few at a time: a pass holds its payload, and a body that is up to twice as
/// long, until AI Core has answered. Shorter ones never wait for others.
const LARGE_PAYLOAD: usize = 64 * 1024;

/// Carries out the plan.
///
/// # Errors
/// When the API server refuses or does not answer; then the pass is repeated.
pub(super) async fn act<K: Kubernetes, A: AiCore>(
    ctx: &Context<K, A>,
    object: &Object,
    plan: &Plan,
    means: Means<A::Connection>,
) -> Result<Outcome, k8s::error::Error> {
    match plan.finalizer {
        FinalizerStep::Keep => {}
        // Before the push: what is created from now on must not be forgotten.
        FinalizerStep::Add => ctx.kubernetes.set_finalizer(object, true).await?,
        FinalizerStep::Remove => ctx.kubernetes.set_finalizer(object, false).await?,
    }
    match &plan.step {
        Step::NoPush(_) => Ok(Outcome::NothingSent),
        Step::Push(push) => Ok(send(ctx, object, *push, means).await),
        Step::DeleteRemote => {
            let outcome = delete(ctx, object, means).await;
            if outcome == Outcome::RemoteDeleted {
                ctx.kubernetes.set_finalizer(object, false).await?;
            }
            Ok(outcome)
        }
        Step::LetGo(why) => {
            ctx.kubernetes.set_finalizer(object, false).await?;
            if *why == LetGo::Orphaned {
                ctx.metrics.orphaned();
            }
            Ok(Outcome::LetGo)
        }
    }
}

async fn send<K: Kubernetes, A: AiCore>(
    ctx: &Context<K, A>,
    object: &Object,
    push: Push,
    means: Means<A::Connection>,
) -> Outcome {
    let Means { gathered: Gathered { connection, payload, claim, .. }, permit, priority } = means;
    let (Some(connection), Some(payload), Some(claim)) = (connection, payload, claim) else {
        // A push is only planned when both Secrets are usable.
        return Outcome::NothingSent;
    };
    let _large = match admit_large(ctx, object, &payload, priority) {
        Ok(permit) => permit,
        Err(wait) => return Outcome::Postponed(wait),
    };
    let permit = match place_and_turn(ctx, object, &*connection, permit, priority) {
        Ok(permit) => permit,
        Err(wait) => return Outcome::Postponed(wait),
    };
    let _order = ctx.ai_core.in_order(&claim).await;
    // Others had their turn meanwhile: what was true when the facts were gathered may not be any more.
    if !ctx.index.ownership(object, Some(&claim)).may_push() {
        return Outcome::Postponed(Duration::ZERO);
    }
    let insistence = if push.cause == Cause::Forced { Insistence::Forced } else { Insistence::Patient };
    let result = ctx.ai_core.push(&connection, insistence, &claim.remote_name, &payload, push.create).await;
    if result.as_ref().err().is_none_or(|failed| failed.error.is_answer()) {
        permit.answered();
    }
    match result {
        Ok(pushed) => Outcome::Pushed { at: clock::now(), created: pushed == Pushed::Created },
        Err(failed) => {
            Outcome::Failed(failed.error.failure(&object.spec.ai_core_secret_ref.name, failed.remote_absent))
        }
    }
}

async fn delete<K: Kubernetes, A: AiCore>(
    ctx: &Context<K, A>,
    object: &Object,
    means: Means<A::Connection>,
) -> Outcome {
    let Means { gathered: Gathered { connection, claim, .. }, permit, priority } = means;
    let (Some(connection), Some(claim)) = (connection, claim) else {
        return Outcome::NothingSent;
    };
    let permit = match place_and_turn(ctx, object, &*connection, permit, priority) {
        Ok(permit) => permit,
        Err(wait) => return Outcome::Postponed(wait),
    };
    let _order = ctx.ai_core.in_order(&claim).await;
    if !ctx.index.ownership(object, Some(&claim)).may_delete() {
        return Outcome::Postponed(Duration::ZERO);
    }
    let result = ctx.ai_core.delete(&connection, &claim.remote_name).await;
    if result.as_ref().err().is_none_or(AiCoreError::is_answer) {
        permit.answered();
    }
    match result {
        Ok(()) => Outcome::RemoteDeleted,
        Err(error) => Outcome::Failed(error.failure(&object.spec.ai_core_secret_ref.name, false)),
    }
}

/// Leave to send requests to the tenant, or the time until there may be.
fn place_and_turn<K, A: AiCore>(
    ctx: &Context<K, A>,
    object: &Object,
    connection: &A::Connection,
    permit: Option<Permit>,
    priority: Priority,
) -> Result<Permit, Duration> {
    let request = Request { who: &object.key, priority };
    let place_and_turn = || {
        let permit = ctx.admission.enter(connection.tenant(), permit, request)?;
        ctx.admission.turn(&permit, connection.rate_limiter(), request)?;
        Ok(permit)
    };
    place_and_turn().map_err(|Wait { requeue_after }| requeue_after)
}

/// Leave to hold a large payload until AI Core has answered, or the time until there may be; others need none. Who waits does so
/// without the payload, which is read again then.
fn admit_large<K, A: AiCore>(
    ctx: &Context<K, A>,
    object: &Object,
    payload: &Payload,
    priority: Priority,
) -> Result<Option<Permit>, Duration> {
    if payload.expose().len() < LARGE_PAYLOAD {
        return Ok(None);
    }
    let request = Request { who: &object.key, priority };
    ctx.admission.admit_large_payload(request).map(Some).map_err(|wait| wait.requeue_after)
}

#[cfg(test)]
mod tests;
