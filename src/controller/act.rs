//! Does what was planned, and says what came of it.

use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;

use super::{Context, gather::Gathered, index::Memory};
use crate::{
    aicore::{
        Insistence,
        error::Error,
        pool::Connection,
        push::{Pushed, Session},
    },
    clock,
    domain::{
        object::Object,
        observed::Standing,
        plan::{Cause, FinalizerStep, LetGo, Plan, Push, Step},
        report::Outcome,
    },
    k8s::{self, resources},
};

/// How long to wait when a tenant has as many passes under way as it may.
const ROOM_WAIT: Duration = Duration::from_millis(500);

/// Carries out the plan. `memory.turn` keeps the place in the tenant's request rate over passes.
///
/// # Errors
/// When the API server refuses or does not answer; then the pass is repeated.
pub(super) async fn act(
    ctx: &Context,
    object: &Object,
    plan: &Plan,
    gathered: &Gathered,
    memory: &mut Memory,
) -> Result<Outcome, k8s::error::Error> {
    match plan.finalizer {
        FinalizerStep::Keep => {}
        // Before the push: what is created from now on must not be forgotten.
        FinalizerStep::Add => resources::set_finalizer(&ctx.client, object, true).await?,
        FinalizerStep::Remove => resources::set_finalizer(&ctx.client, object, false).await?,
    }
    match &plan.step {
        Step::Rest(_) => Ok(Outcome::Rested),
        Step::Push(push) => Ok(send(ctx, object, *push, gathered, memory).await),
        Step::DeleteRemote => {
            let outcome = delete(ctx, object, gathered, memory).await;
            if outcome == Outcome::RemoteDeleted {
                resources::set_finalizer(&ctx.client, object, false).await?;
            }
            Ok(outcome)
        }
        Step::LetGo(why) => {
            resources::set_finalizer(&ctx.client, object, false).await?;
            if *why == LetGo::Orphaned {
                ctx.metrics.orphaned();
            }
            Ok(Outcome::LetGo)
        }
    }
}

async fn send(
    ctx: &Context,
    object: &Object,
    push: Push,
    gathered: &Gathered,
    memory: &mut Memory,
) -> Outcome {
    let (Some(connection), Some(payload), Some(claim)) =
        (&gathered.connection, &gathered.payload, &gathered.claim)
    else {
        // A push is only planned when both Secrets are usable.
        return Outcome::Rested;
    };
    let _place = match place(ctx, connection, memory) {
        Ok(place) => place,
        Err(wait) => return Outcome::Postponed(wait),
    };
    let _order = ctx.pool.in_order(claim).await;
    // Others had their turn meanwhile: what was true when the facts were gathered may not be any more.
    if !matches!(ctx.index.standing(object, Some(claim)), Standing::Owner { .. }) {
        return Outcome::Postponed(Duration::ZERO);
    }
    let insistence = if push.cause == Cause::Forced { Insistence::Forced } else { Insistence::Patient };
    let mut session = Session::new(connection, insistence);
    match session.push(object.remote_name(), payload, push.create).await {
        Ok(pushed) => Outcome::Pushed { at: clock::now(), created: pushed == Pushed::Created },
        Err(failed) => {
            Outcome::Failed(failed.error.failure(&object.spec.ai_core_secret_ref.name, failed.remote_absent))
        }
    }
}

async fn delete(ctx: &Context, object: &Object, gathered: &Gathered, memory: &mut Memory) -> Outcome {
    let (Some(connection), Some(claim)) = (&gathered.connection, &gathered.claim) else {
        return Outcome::Rested;
    };
    let _place = match place(ctx, connection, memory) {
        Ok(place) => place,
        Err(wait) => return Outcome::Postponed(wait),
    };
    let _order = ctx.pool.in_order(claim).await;
    if ctx.index.standing(object, Some(claim)) != (Standing::Owner { heir: None }) {
        return Outcome::Postponed(Duration::ZERO);
    }
    let result: Result<(), Error> =
        Session::new(connection, Insistence::Deleting).delete(object.remote_name()).await;
    match result {
        Ok(()) => Outcome::RemoteDeleted,
        Err(error) => Outcome::Failed(error.failure(&object.spec.ai_core_secret_ref.name, false)),
    }
}

/// A place for a request in the tenant, or the time until there may be one. Nobody waits here, so that one tenant's queue does
/// not keep workers from other tenants.
fn place(
    ctx: &Context,
    connection: &Connection,
    memory: &mut Memory,
) -> Result<OwnedSemaphorePermit, Duration> {
    let uptime = ctx.clock.now().uptime;
    let turn = *memory.turn.get_or_insert_with(|| uptime + connection.lane().take_place());
    let wait = turn.saturating_sub(uptime);
    if !wait.is_zero() {
        return Err(wait);
    }
    // The turn is kept until there is room.
    let permit = connection.lane().enter().ok_or(ROOM_WAIT)?;
    memory.turn = None;
    Ok(permit)
}
