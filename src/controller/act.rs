//! Does what was planned, and says what came of it.

use std::{sync::Arc, time::Duration};

use super::{
    Context,
    gather::Gathered,
    index::Memory,
    queue::Priority,
    rooms::{Room, Stay},
};
use crate::{
    aicore::{
        Insistence,
        error::Error,
        pool::Connection,
        push::{Pushed, Session},
    },
    clock,
    domain::{
        docker_config::Payload,
        object::{Object, ObjectKey},
        observed::Standing,
        plan::{Cause, FinalizerStep, LetGo, Plan, Push, Step},
        report::Outcome,
    },
    k8s::{self, resources},
};

/// After this long, a resource that stands in line for its tenant looks by itself whether there is room.
pub(super) const CROWDED_WAIT: Duration = Duration::from_secs(2);

/// From this length on, in bytes, payloads are sent a few at a time: a pass holds its payload, and a body that is up to twice as
/// long, until AI Core has answered. Shorter ones never wait for others.
const LARGE_PAYLOAD: usize = 64 * 1024;
/// How many large payloads are sent at once, to all tenants together: with their bodies these are 12 MiB at most.
const LARGE_AT_ONCE: usize = 4;

/// Carries out the plan. `memory.turn` keeps the place in the tenant's request rate over passes; `stay` is the place among the
/// passes of the tenant, if there is one already.
///
/// # Errors
/// When the API server refuses or does not answer; then the pass is repeated.
pub(super) async fn act(
    ctx: &Context,
    object: &Object,
    plan: &Plan,
    gathered: &Gathered,
    stay: Option<Stay>,
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
        Step::Push(push) => Ok(send(ctx, object, *push, gathered, stay, memory).await),
        Step::DeleteRemote => {
            let outcome = delete(ctx, object, gathered, stay, memory).await;
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
    stay: Option<Stay>,
    memory: &mut Memory,
) -> Outcome {
    let (Some(connection), Some(payload), Some(claim)) =
        (&gathered.connection, &gathered.payload, &gathered.claim)
    else {
        // A push is only planned when both Secrets are usable.
        return Outcome::Rested;
    };
    let _large = match large_place(ctx, object, payload, memory) {
        Ok(place) => place,
        Err(wait) => return Outcome::Postponed(wait),
    };
    let _place = match place(ctx, object, connection, stay, memory) {
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

async fn delete(
    ctx: &Context,
    object: &Object,
    gathered: &Gathered,
    stay: Option<Stay>,
    memory: &mut Memory,
) -> Outcome {
    let (Some(connection), Some(claim)) = (&gathered.connection, &gathered.claim) else {
        return Outcome::Rested;
    };
    let _place = match place(ctx, object, connection, stay, memory) {
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
    object: &Object,
    connection: &Connection,
    stay: Option<Stay>,
    memory: &mut Memory,
) -> Result<Stay, Duration> {
    let uptime = ctx.clock.now().uptime;
    let turn = *memory.turn.get_or_insert_with(|| uptime + connection.lane().take_place());
    let wait = turn.saturating_sub(uptime);
    if !wait.is_zero() {
        return Err(wait);
    }
    // The turn is kept until there is room.
    let Some(stay) = stay.or_else(|| enter(ctx, &object.key, connection, Priority::Routine)) else {
        return Err(crowded(uptime, memory));
    };
    memory.turn = None;
    memory.crowded_since = None;
    Ok(stay)
}

/// A place among the passes with a large payload, or the time until the next look; no place is needed for others. Who waits does
/// so without the payload, which is read again then.
fn large_place(
    ctx: &Context,
    object: &Object,
    payload: &Payload,
    memory: &mut Memory,
) -> Result<Option<Stay>, Duration> {
    if payload.expose().len() < LARGE_PAYLOAD {
        return Ok(None);
    }
    let stay = ctx.rooms.enter(Room::LargePayloads, LARGE_AT_ONCE, &object.key, Priority::Routine);
    stay.map(Some).ok_or_else(|| crowded(ctx.clock.now().uptime, memory))
}

/// When to look by itself whether there is room: what has waited for long looks less often, and is worth a word in the status.
fn crowded(uptime: Duration, memory: &mut Memory) -> Duration {
    let since = *memory.crowded_since.get_or_insert(uptime);
    uptime.saturating_sub(since).max(CROWDED_WAIT)
}

/// A place among the passes of the tenant: one that does not answer must not occupy all workers.
pub(super) fn enter(
    ctx: &Context,
    key: &ObjectKey,
    connection: &Connection,
    priority: Priority,
) -> Option<Stay> {
    let room = Room::Tenant(Arc::clone(connection.tenant()));
    ctx.rooms.enter(room, ctx.settings.tenant_passes, key, priority)
}
