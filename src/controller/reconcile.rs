//! One pass over one resource: gather → plan → act → report.

mod begin;

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use tracing::{Instrument, debug, field::Empty, info, info_span, warn};

use self::begin::{Begun, begin};
use super::{
    Context, ServiceKeyHeld,
    act::{Means, act},
    adapters::{AiCore, Kubernetes},
    admission::Wait,
    gather::gather,
    index::Snapshot,
    queue::Priority,
    statuses::Written,
    tenants,
};
use crate::{
    api::AICoreRegistrySecretStatus,
    domain::{
        decide::{
            arrival::Sent,
            backoff,
            conflict::pushed_claim,
            failure::Failure,
            hold,
            known::{Known, Unchanged, Waiting},
            left_behind::{self, Leaving},
            memory::Memory,
            pass_outcome::PassOutcome,
            plan::{LetGo, Push, Step, plan},
            reason::Reason,
            report::{Answer, Event, Outcome, Report, let_go, report},
            told_later::may_be_told_later,
            warm_up::opening::Opening,
        },
        parse::{
            object::{Object, ObjectKey},
            tenant,
        },
    },
    jitter,
    k8s::error::Error,
    telemetry,
};

/// Limit on a whole pass: the requests in it have their own limits, and this is more than they can add up to.
pub(super) const PASS_LIMIT: Duration = Duration::from_mins(3);

/// How a pass ended.
#[derive(Debug, PartialEq)]
struct Done {
    outcome: PassOutcome,
    requeue_after: Option<Duration>,
}

/// Looks at a resource, does what is to be done, and returns when to look again without being woken.
pub(super) async fn reconcile<K: Kubernetes, A: AiCore>(
    ctx: &Context<K, A>,
    key: &ObjectKey,
) -> Option<Duration> {
    if let Some(name) = tenant::name_of(key) {
        return tenants::reconcile(ctx, name).await;
    }
    let Some(mut snapshot) = ctx.index.snapshot(key) else {
        ctx.admission.remove(key);
        ctx.late_writes.lock().remove(key);
        return None;
    };
    {
        let (mut late_writes, now) = (ctx.late_writes.lock(), ctx.clock.now());
        if let Some(kept) = &snapshot.status.unanswered_write
            && let Some(pushed) = pushed_claim(&snapshot.object, &snapshot.status)
        {
            late_writes.recall_confirmation(key, &pushed, kept, now);
        }
        snapshot.confirmation_due = late_writes.is_due(key, now.uptime);
    }
    if waits_for_list(ctx, &snapshot) {
        ctx.admission.pass_ended(key, true);
        return None;
    }
    let heard = snapshot.unseen.is_some() || ctx.scopes.hears_of_secrets(&key.namespace);
    let snapshot = if heard { snapshot } else { snapshot.without_watch() };
    let failures = snapshot.memory.retry.api_failures;
    if failures > 0 && !ctx.retry_pace.lock().may_retry(ctx.clock.now().uptime) {
        ctx.metrics.reconciled(PassOutcome::BackingOff.as_str(), Duration::ZERO);
        return Some(backoff::api_delay(failures, jitter::fraction()));
    }
    let span = info_span!("reconcile", namespace = &*key.namespace, resource = &*key.name, trace_id = Empty);
    telemetry::show_trace_id(&span);
    let started = Instant::now();
    let pass = pass(ctx, &snapshot).instrument(span.clone());
    let Done { outcome, requeue_after } = match tokio::time::timeout(PASS_LIMIT, pass).await {
        Ok(Ok(done)) => {
            if done.outcome == PassOutcome::Reason(Reason::AccessDenied) {
                ctx.retry_pace.lock().failed(ctx.clock.now().uptime);
            }
            done
        }
        Ok(Err(Error::NotFound)) => {
            // The watch says so too, or it is not so: an API server that does not serve the kind yet answers in the same way.
            let requeue_after = ctx.index.holds(&snapshot.object).then_some(backoff::LONGEST_API_DELAY);
            debug!(parent: &span, "the API server does not know the resource any more");
            Done { outcome: PassOutcome::Gone, requeue_after }
        }
        Ok(Err(error)) => {
            ctx.retry_pace.lock().failed(ctx.clock.now().uptime);
            let done = cut_short(ctx, &snapshot, PassOutcome::ApiServerError);
            let retry_s = done.requeue_after.unwrap_or_default().as_secs_f64();
            // While it goes on, ever less often.
            if failures.saturating_add(1).is_power_of_two() {
                warn!(parent: &span, %error, retry_s, "a request to the API server failed; the pass is retried");
            } else {
                debug!(parent: &span, %error, retry_s, "a request to the API server failed; the pass is retried");
            }
            done
        }
        Err(_) => {
            warn!(parent: &span, limit_s = PASS_LIMIT.as_secs(), "the pass took too long; it is retried");
            cut_short(ctx, &snapshot, PassOutcome::Timeout)
        }
    };
    ctx.admission.pass_ended(key, outcome.is_conclusive());
    ctx.wake(ctx.index.pass_ended(&snapshot.object, outcome));
    let (took, outcome) = (started.elapsed(), outcome.as_str());
    debug!(parent: &span, outcome, took_ms = took.as_secs_f64() * 1e3, "pass ended");
    telemetry::set_outcome(&span, outcome);
    ctx.metrics.reconciled(outcome, took);
    // One that was due has had its pass, whatever came of it.
    let confirmation = ctx.late_writes.lock().confirmation(key).filter(|_| !snapshot.confirmation_due);
    match confirmation {
        Some(at) => {
            let left = at.saturating_sub(ctx.clock.now().uptime);
            Some(requeue_after.map_or(left, |after| after.min(left)))
        }
        None => requeue_after,
    }
}

/// Whether there is nothing to do unless the first list of Secrets shows something; then the resource is looked at when it has.
fn waits_for_list<K, A: AiCore>(
    ctx: &Context<K, A>,
    snapshot: &Snapshot<ServiceKeyHeld<A::Connection>>,
) -> bool {
    let Some(unseen) = snapshot.unseen else { return false };
    let known = snapshot.known(ctx.settings.default_resync_interval, ctx.clock.now());
    let waits = Opening::of_resource(&known, unseen) == Opening::WaitForList;
    ctx.index.wait_for_secrets(&snapshot.object.key, waits)
}

/// Counts a pass that the API server made fail, and says when to repeat it.
fn cut_short<K, A: AiCore>(
    ctx: &Context<K, A>,
    snapshot: &Snapshot<ServiceKeyHeld<A::Connection>>,
    outcome: PassOutcome,
) -> Done {
    let jitter = jitter::fraction();
    // What the pass itself recorded (a status that is saved, or is not) stays.
    let failed = ctx.index.update_memory(&snapshot.object, |memory| memory.after_api_failure(jitter));
    let requeue_after = failed.unwrap_or_else(|| snapshot.memory.after_api_failure(jitter).1);
    Done { outcome, requeue_after: Some(requeue_after) }
}

async fn pass<K: Kubernetes, A: AiCore>(
    ctx: &Context<K, A>,
    snapshot: &Snapshot<ServiceKeyHeld<A::Connection>>,
) -> Result<Done, Error> {
    let interval = ctx.settings.default_resync_interval;
    let known = snapshot.known(interval, ctx.clock.now());
    if let Some(Unchanged { requeue_after }) = known.unchanged() {
        let memory = known.remembering();
        if let Some((status, events)) = known.turned() {
            for Event { reason, note, .. } in &events {
                warn!(reason, "{note}");
            }
            let source_answered = Some(Answer::NothingToSend);
            let (status, outcome) = (Some(status), PassOutcome::Unchanged);
            let report =
                Report { status, events, leaving: None, memory, requeue_after, source_answered, outcome };
            return Ok(finish(ctx, snapshot, report).await);
        }
        if snapshot.source_changed.is_some() || memory != snapshot.memory {
            ctx.index.record(&snapshot.object, None, memory, snapshot.source_changed);
        }
        return Ok(Done { outcome: PassOutcome::Unchanged, requeue_after });
    }
    let priority = if snapshot.source_changed.is_some() { Priority::Urgent } else { Priority::Routine };
    let Begun { tenant, key } = match begin(ctx, snapshot, &known, priority).await? {
        Ok(begun) => begun,
        Err(wait) => match say_wait(ctx, snapshot, &known, wait).await {
            Some(queued) => return Ok(queued),
            None => Begun::default(),
        },
    };
    let gathered = gather(ctx, snapshot, key).await?;
    if !ctx.index.holds(&snapshot.object) {
        return Ok(Done { outcome: PassOutcome::Withdrawn, requeue_after: Some(Duration::ZERO) });
    }
    let mut observed = gathered.observed(snapshot, interval, ctx.clock.now());
    let restored = hold::restored(&observed);
    observed.backoff = observed.backoff.or(restored.as_ref());
    if let Some(leaving) = left_behind::unsaid(&observed) {
        leave(ctx, &snapshot.object, leaving, &snapshot.status).await;
        return Ok(Done { outcome: PassOutcome::Postponed, requeue_after: Some(Duration::ZERO) });
    }
    let plan = plan(&observed);
    debug!(step = plan.step.as_str(), "planned");
    if let Step::LetGo(why) = &plan.step {
        // When the finalizer is gone, nobody knows of the resource any more.
        for event in let_go(&observed, why) {
            ctx.kubernetes.say(&snapshot.object, event).await;
        }
    }
    let claim = gathered.claim.clone();
    // What was sent without an answer is settled by the next push, of whomever it is.
    let is_settled = matches!(plan.step, Step::Push(_) | Step::LetGo(LetGo::HandedOver(_)));
    if let (Some(claim), Some(kept), true) = (&claim, &snapshot.status.unanswered_write, is_settled) {
        ctx.late_writes.lock().recall_unanswered(claim, kept, ctx.clock.now());
    }
    let means = Means { gathered, permit: tenant, priority };
    let outcome = act(ctx, &snapshot.object, &plan, means).await?;
    let ended = ctx.clock.now();
    let mut report = report(&observed, &plan.step, outcome.clone(), ended.uptime, jitter::jitter());
    log(&plan.step, &outcome, &report);
    if let (Some(claim), Some(status), Step::Push(_)) = (&claim, &mut report.status, &plan.step) {
        let before = status.unanswered_write.as_deref();
        status.unanswered_write = ctx.late_writes.lock().to_keep(&snapshot.object.key, claim, before, ended);
    }
    Ok(finish(ctx, snapshot, report).await)
}

/// Says that the resource waits for a place, where that is to be said, and ends its pass. `None`: it goes on without a place, because what
/// is to be said depends on its Secrets.
async fn say_wait<K: Kubernetes, A: AiCore>(
    ctx: &Context<K, A>,
    snapshot: &Snapshot<ServiceKeyHeld<A::Connection>>,
    known: &Known<'_>,
    Wait { requeue_after, is_noteworthy }: Wait,
) -> Option<Done> {
    let object = &snapshot.object;
    let waiting = if is_noteworthy { known.waiting() } else { Waiting::Nothing };
    if waiting != Waiting::Nothing {
        ctx.admission.told(&object.key);
    }
    match waiting {
        Waiting::Nothing => {}
        Waiting::Says(status) => ctx.write_status(object, Arc::from(status)).await,
        Waiting::NeedsLook => {
            ctx.admission.goes_on(&object.key);
            return None;
        }
    }
    Some(Done { outcome: PassOutcome::Queued, requeue_after: Some(requeue_after) })
}

/// Says what stays behind in AI Core, and that it was said: `status` is the one that remembers it.
async fn leave<K: Kubernetes, A: AiCore>(
    ctx: &Context<K, A>,
    object: &Arc<Object>,
    leaving: Leaving,
    status: &AICoreRegistrySecretStatus,
) {
    let Leaving { event, is_orphan } = leaving;
    warn!(reason = event.reason, "{}", event.note);
    if is_orphan {
        ctx.metrics.orphaned();
    }
    ctx.kubernetes.say(object, event).await;
    let said = AICoreRegistrySecretStatus { left_behind: None, ..status.clone() };
    ctx.write_status(object, Arc::new(said)).await;
}

/// Writes the status if it changed, records the report, and hands the events in.
async fn finish<K: Kubernetes, A: AiCore>(
    ctx: &Context<K, A>,
    snapshot: &Snapshot<ServiceKeyHeld<A::Connection>>,
    report: Report,
) -> Done {
    let object = &snapshot.object;
    let Report { status, events, leaving, memory, requeue_after, source_answered, outcome } = report;
    let answered = snapshot.source_changed.filter(|_| source_answered.is_some());
    let rotated =
        answered.filter(|_| source_answered == Some(Answer::Accepted)).map(|changed| changed.elapsed());
    // In between, a push may have been announced; where there is nothing new to say, that is taken back.
    let before = ctx.index.status(&object.key).filter(|(current, _)| current.uid == object.uid);
    let before = before.map_or_else(|| Arc::clone(&snapshot.status), |(_, status)| status);
    // Or the watch has shown only now what another process told last.
    if ctx.index.has_heard_since(object, snapshot.heard) {
        return decide_again(ctx, object, outcome, &memory);
    }
    let status = status.map_or_else(|| Arc::clone(&snapshot.status), Arc::new);
    let written = if status == before {
        Written::Now
    } else if may_be_told_later(object, &before, &status) && ctx.index.has_no_rival(object) {
        ctx.statuses.write_later(object, &status).await
    } else {
        ctx.statuses.write(object, &status).await
    };
    if written != Written::Now && ctx.index.has_heard_since(object, snapshot.heard) {
        return decide_again(ctx, object, outcome, &memory);
    }
    if let Some(took) = rotated {
        ctx.metrics.rotated(took);
    }
    ctx.index.record(object, Some(Arc::clone(&status)), memory, answered);
    if let Some(leaving) = leaving {
        leave(ctx, object, leaving, &status).await;
    }
    // Those of a resource that was released were said before.
    for event in events.into_iter().filter(|_| outcome != PassOutcome::Released) {
        ctx.kubernetes.publish(object, event);
    }
    match written {
        Written::Now | Written::Later | Written::Outdated => Done { outcome, requeue_after },
        Written::Gone => Done { outcome: PassOutcome::Gone, requeue_after: None },
    }
}

/// What was decided without another process's last word is decided again. What was sent was sent, and no status tells of it.
fn decide_again<K, A: AiCore>(
    ctx: &Context<K, A>,
    object: &Object,
    outcome: PassOutcome,
    memory: &Memory,
) -> Done {
    if matches!(outcome, PassOutcome::Created | PassOutcome::Updated) || memory.sent == Sent::Unknown {
        ctx.index.update_memory(object, |memory| (Memory { sent: Sent::Unknown, ..memory.clone() }, ()));
    }
    Done { outcome: PassOutcome::Withdrawn, requeue_after: Some(Duration::ZERO) }
}

/// One line for each pass that did something or found something new, with what a person would ask for.
fn log(step: &Step, result: &Outcome, report: &Report) {
    let outcome = report.outcome.as_str();
    match (result, step) {
        (Outcome::Pushed { .. }, Step::Push(Push { cause, creation })) => {
            let create = creation.is_allowed();
            info!(outcome, cause = cause.as_str(), create, "AI Core accepted the credential");
        }
        (Outcome::Failed(Failure { reason, message, .. }), _) => {
            // In JSON `message` is the line's own text.
            let (reason, error) = (reason.as_str(), message);
            if matches!(step, Step::DeleteRemote { .. }) {
                warn!(outcome, reason, error, "deletion failed");
            } else {
                warn!(outcome, reason, error, "push failed");
            }
        }
        (Outcome::RemoteDeleted, _) => info!(outcome, "AI Core no longer holds the secret"),
        (Outcome::Postponed(wait), _) => {
            debug!(
                outcome,
                wait_ms = wait.as_secs_f64() * 1e3,
                "delayed by the tenant's limits (--concurrency, --tenant-rps)"
            );
        }
        (Outcome::Withdrawn | Outcome::FoundAbsent, _) => {
            debug!(outcome, "the resource changed meanwhile: nothing more is sent");
        }
        (Outcome::LetGo, _) if report.events.is_empty() => {
            info!(outcome, cause = step.cause(), "the resource was released without a request to AI Core");
        }
        (Outcome::LetGo | Outcome::NothingSent | Outcome::Pushed { .. }, _) => {
            debug!(outcome, cause = step.cause(), "nothing to send");
            // Notes name no resource of another namespace; here its name helps whoever looks after all of them.
            let rival = step.rival().map(tracing::field::display);
            for Event { warning, reason, note } in &report.events {
                if *warning {
                    warn!(outcome, reason, rival, "{note}");
                } else {
                    info!(outcome, reason, rival, "{note}");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
