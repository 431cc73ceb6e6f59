//! Does what was planned, and says what came of it.

mod opening;
mod prepare;

use parking_lot::Mutex;

use self::{
    opening::manner,
    prepare::{Asks, prepare},
};
use super::{
    Context, ServiceKeyHeld,
    adapters::{AiCore, Kubernetes, Reach},
    admission::{Permit, Wait},
    announce::announce,
    errand::{Errand, Purpose},
    gather::Gathered,
    queue::Priority,
};
use crate::{
    aicore::{
        Authorization, Insistence, Origin,
        error::Error as AiCoreError,
        push::Pushed,
        session::{Aftermath, Unfinished},
    },
    clock::{self, Clock},
    domain::{
        decide::{
            backoff::{FIRST_DELAY, LONGEST_API_DELAY},
            conflict::Claim,
            failure::Failure,
            key_place::KeyPlace,
            late_writes::LateWrites,
            plan::{Cause, Creation, FinalizerStep, LetGo, Plan, Push, Step},
            reason::Reason,
            report::Outcome,
        },
        parse::object::{Object, ObjectKey},
    },
    k8s::{self, resources::FinalizerSet},
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
        // Before the push: what is created from now on must not be forgotten.
        FinalizerStep::Add => {
            let FinalizerSet { is_so, found_at } = ctx.kubernetes.set_finalizer(object, true).await?;
            if !is_so {
                // It is being deleted, as the watch will say.
                return Ok(Outcome::Postponed(FIRST_DELAY));
            }
            ctx.index.is_found_at(object, found_at);
        }
        // It has changed, as the watch will say.
        FinalizerStep::Remove if !release(ctx, object).await? => return Ok(Outcome::Postponed(FIRST_DELAY)),
        FinalizerStep::Keep | FinalizerStep::Remove => {}
    }
    match &plan.step {
        Step::NoPush(_) => Ok(Outcome::NothingSent),
        Step::Push(push) => Ok(send(ctx, object, *push, means).await),
        Step::DeleteRemote { forced } => {
            let outcome = delete(ctx, object, *forced, means).await;
            if outcome == Outcome::RemoteDeleted && !release(ctx, object).await? {
                return Ok(Outcome::Postponed(FIRST_DELAY));
            }
            Ok(outcome)
        }
        Step::LetGo(why) => {
            if let LetGo::HandedOver(heir) = why
                && let Some(claim) = &means.gathered.claim
            {
                hand_over(ctx, object, claim, heir);
            }
            if !release(ctx, object).await? {
                return Ok(Outcome::Postponed(FIRST_DELAY));
            }
            if why.leaves_orphan() {
                ctx.metrics.orphaned();
            }
            Ok(Outcome::LetGo)
        }
    }
}

/// Takes the finalizer off. Until the watch says so, a pass for another reason must not take it for one that is still to be deleted.
/// Returns whether it is off: not if the resource has changed since the decision.
async fn release<K: Kubernetes, A: AiCore>(
    ctx: &Context<K, A>,
    object: &Object,
) -> Result<bool, k8s::error::Error> {
    let released = ctx.kubernetes.set_finalizer(object, false).await?.is_so;
    if released {
        ctx.index.released(object);
    }
    Ok(released)
}

/// What AI Core holds may be of one that goes: a process that has ended may have sent it when it had not said so yet.
fn hand_over<K, A: AiCore>(ctx: &Context<K, A>, object: &Object, claim: &Claim, heir: &ObjectKey) {
    if ctx.index.may_hold(&object.key) {
        ctx.index.may_have_written(object, claim);
        ctx.queue.enqueue(heir, Priority::Urgent);
    }
}

async fn send<K: Kubernetes, A: AiCore>(
    ctx: &Context<K, A>,
    object: &Object,
    push: Push,
    means: Means<A::Connection>,
) -> Outcome {
    let Means { gathered: Gathered { connection, payload, claim, key, .. }, permit, priority } = means;
    let (Some(connection), Some(payload), Some(claim)) = (connection, payload, claim) else {
        // A push is only planned when both Secrets are usable.
        return Outcome::NothingSent;
    };
    let errand = Errand {
        index: &ctx.index,
        queue: &ctx.queue,
        object,
        claim: &claim,
        key: &key,
        purpose: Purpose::Push,
        passed_over: None,
        ending: &ctx.ending,
    };
    let insistence = if push.cause == Cause::Forced { Insistence::Forced } else { Insistence::Patient };
    let asks = Asks { insistence, priority, large: payload.expose().len() >= LARGE_PAYLOAD };
    let ready = match prepare(ctx, &errand, &connection, permit, asks).await {
        Ok(ready) => ready,
        Err(outcome) => return outcome,
    };
    let manner = match manner(ctx, &errand, &connection, &ready, push, insistence).await {
        Ok(manner) => manner,
        Err(unfinished) => {
            ready.conclude(ctx, &errand, Some(&unfinished));
            return outcome_of(ctx, &errand, unfinished);
        }
    };
    if !announce(ctx, object, connection.tenant()).await {
        ready.conclude(ctx, &errand, Some(&Unfinished::Withdrawn { remote_absent: false }));
        // The watch has the pass repeated sooner.
        return Outcome::Postponed(LONGEST_API_DELAY);
    }
    let name = &claim.remote_name;
    ctx.index.writes(object, &claim);
    let under_way = UnderWay::new(ctx, &claim);
    let sent = ctx.ai_core.push(&connection, insistence, &errand, name, &payload, manner);
    let result = ready.unless_lost(&claim, Aftermath::Late, sent).await;
    under_way.ended(result.as_ref().err());
    if result.is_ok() {
        ctx.wake(ctx.index.accepted(object, &claim));
    }
    if push.creation == Creation::Expected && !ready.has_company(ctx, object) {
        connection.names().forget();
    }
    ready.conclude(ctx, &errand, result.as_ref().err());
    if result.is_ok() {
        ctx.late_writes.lock().accepted(&object.key, &claim, ctx.clock.now().uptime);
    }
    match result {
        Ok(pushed) => {
            let created = pushed == Pushed::Created;
            if created {
                ctx.wake(ctx.index.quota_changed(object));
            }
            Outcome::Pushed { at: clock::now(), created }
        }
        Err(unfinished) => outcome_of(ctx, &errand, unfinished),
    }
}

async fn delete<K: Kubernetes, A: AiCore>(
    ctx: &Context<K, A>,
    object: &Object,
    forced: bool,
    means: Means<A::Connection>,
) -> Outcome {
    let Means { gathered: Gathered { connection, claim, key, ownership, .. }, permit, priority } = means;
    let (Some(connection), Some(claim)) = (connection, claim) else {
        return Outcome::NothingSent;
    };
    let errand = Errand {
        index: &ctx.index,
        queue: &ctx.queue,
        object,
        claim: &claim,
        key: &key,
        purpose: Purpose::Delete,
        passed_over: ownership.successor(),
        ending: &ctx.ending,
    };
    let insistence = if forced { Insistence::Forced } else { Insistence::Deleting };
    let asks = Asks { insistence, priority, large: false };
    let ready = match prepare(ctx, &errand, &connection, permit, asks).await {
        Ok(ready) => ready,
        Err(outcome) => return outcome,
    };
    ctx.index.writes(object, &claim);
    let under_way = UnderWay::new(ctx, &claim);
    let deletion = ctx.ai_core.delete(&connection, insistence, &errand, &claim.remote_name);
    let result = ready.unless_lost(&claim, Aftermath::Late, deletion).await;
    under_way.ended(result.as_ref().err());
    ready.conclude(ctx, &errand, result.as_ref().err());
    match result {
        Ok(()) => {
            ctx.wake(ctx.index.quota_changed(object));
            Outcome::RemoteDeleted
        }
        Err(unfinished) => outcome_of(ctx, &errand, unfinished),
    }
}

/// Requests that write are under way. When the pass is cut meanwhile, they had no answer.
struct UnderWay<'a> {
    late_writes: &'a Mutex<LateWrites>,
    clock: &'a Clock,
    claim: &'a Claim,
    answered: bool,
}

impl<'a> UnderWay<'a> {
    fn new<K, A: AiCore>(ctx: &'a Context<K, A>, claim: &'a Claim) -> Self {
        Self { late_writes: &ctx.late_writes, clock: &ctx.clock, claim, answered: false }
    }

    fn ended(mut self, unfinished: Option<&Unfinished>) {
        self.answered = !unfinished.is_some_and(Unfinished::may_come_late);
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.late_writes.lock().unanswered(self.claim, self.clock.now().uptime);
        }
    }
}

/// What an authorization says about the server that was asked for it, if one was. Returns its result.
pub(super) fn heard(permit: &Permit, authorization: Authorization) -> Result<(), AiCoreError> {
    let Authorization { origin, result } = authorization;
    match (origin, &result) {
        (Origin::Asked, Ok(())) => permit.answered(),
        (Origin::Asked, Err(error)) => hear(permit, error),
        // Neither an answer nor a silence.
        (Origin::Kept, Ok(())) => permit.unused(),
        (Origin::Kept, Err(_)) => permit.given_what_is_kept(),
    }
    result
}

/// What a failure says about the servers that were asked.
pub(super) fn hear(permit: &Permit, error: &AiCoreError) {
    if error.is_answer() {
        permit.answered();
    } else {
        permit.unanswered();
    }
    permit.attempted(error.reason() != Reason::RemoteUnavailable);
}

/// What a failure says about the service key.
fn learn<K, A: AiCore>(
    ctx: &Context<K, A>,
    errand: &Errand<'_, ServiceKeyHeld<A::Connection>>,
    error: &AiCoreError,
) {
    let Errand { object, key, .. } = *errand;
    if error.reason() == Reason::AuthenticationFailed {
        ctx.wake(ctx.index.refused(object));
    }
    if matches!(error.reason(), Reason::AuthenticationFailed | Reason::Forbidden)
        && let (Some(place), Some(version)) = (&key.place, &key.used)
    {
        // The next pass reads it anew, in case the watch has missed that it changed.
        ctx.index.forget_service_key(place, version);
    }
}

fn outcome_of<K, A: AiCore>(
    ctx: &Context<K, A>,
    errand: &Errand<'_, ServiceKeyHeld<A::Connection>>,
    unfinished: Unfinished,
) -> Outcome {
    let (error, remote_absent, aftermath) = match unfinished {
        Unfinished::Withdrawn { remote_absent: true } => return Outcome::FoundAbsent,
        Unfinished::Withdrawn { remote_absent: false } => return Outcome::Withdrawn,
        Unfinished::Failed { error, remote_absent, aftermath } => (error, remote_absent, aftermath),
    };
    if error.reason() == Reason::QuotaExceeded {
        ctx.wake(ctx.index.quota_changed(errand.object));
    }
    let place = errand.key.place.as_deref();
    let holder = place.map(KeyPlace::holder).unwrap_or_default();
    let is_shared = place.is_some_and(|place| place.tenant.is_some());
    let error = if is_shared { error.without_words_about_the_key() } else { error };
    Outcome::Failed(Failure {
        may_have_arrived: aftermath.may_have_arrived(),
        ..error.failure(&holder, remote_absent)
    })
}

fn postponed(Wait { requeue_after, .. }: Wait) -> Outcome {
    Outcome::Postponed(requeue_after)
}

#[cfg(test)]
mod tests;
