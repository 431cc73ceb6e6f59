//! One pass over one resource: gather → plan → act → report.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use tracing::{Instrument, debug, field::Empty, info, info_span, warn};

use super::{
    Context, ServiceKeyHeld,
    act::{Means, act},
    adapters::{AiCore, Kubernetes, Reach},
    admission::{Limit, Permit, Request, Wait},
    gather::gather,
    index::Snapshot,
    queue::Priority,
};
use crate::{
    domain::{
        decide::{
            backoff::FIRST_DELAY,
            failure::Failure,
            known::{Known, Unchanged},
            pass_outcome::PassOutcome,
            plan::{Push, Step, plan},
            report::{Answer, Event, Outcome, Report, report},
        },
        parse::object::{ObjectKey, pushed_tenant},
    },
    jitter,
    k8s::error::Error,
    telemetry,
};

/// Limit on a whole pass: the requests in it have their own limits, and this is more than they can add up to.
const PASS_LIMIT: Duration = Duration::from_mins(3);

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
    let Some(snapshot) = ctx.index.snapshot(key) else {
        ctx.admission.remove(key);
        return None;
    };
    let span = info_span!("reconcile", namespace = &*key.namespace, resource = &*key.name, trace_id = Empty);
    telemetry::show_trace_id(&span);
    let started = Instant::now();
    let pass = pass(ctx, &snapshot).instrument(span.clone());
    let Done { outcome, requeue_after } = match tokio::time::timeout(PASS_LIMIT, pass).await {
        Ok(Ok(done)) => done,
        Ok(Err(Error::NotFound)) => {
            debug!(parent: &span, "the resource is gone");
            Done { outcome: PassOutcome::Gone, requeue_after: None }
        }
        Ok(Err(error)) => {
            let done = cut_short(ctx, &snapshot, PassOutcome::ApiServerError);
            let retry_s = done.requeue_after.unwrap_or_default().as_secs_f64();
            warn!(parent: &span, %error, retry_s, "a request to the API server failed; trying again");
            done
        }
        Err(_) => {
            warn!(parent: &span, limit_s = PASS_LIMIT.as_secs(), "the pass took too long; trying again");
            cut_short(ctx, &snapshot, PassOutcome::Timeout)
        }
    };
    ctx.admission.pass_ended(key, outcome.is_conclusive());
    let (took, outcome) = (started.elapsed(), outcome.as_str());
    debug!(parent: &span, outcome, took_ms = took.as_secs_f64() * 1e3, "pass ended");
    telemetry::set_outcome(&span, outcome);
    ctx.metrics.reconciled(outcome, took);
    requeue_after
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
    if known.owes_status() {
        ctx.kubernetes.write_status(&snapshot.object, &snapshot.status).await?;
        ctx.index.record(&snapshot.object, None, snapshot.memory.with_saved_status(), None);
    } else if let Some(Unchanged { requeue_after }) = known.unchanged() {
        if snapshot.source_changed.is_some() {
            ctx.index.record(&snapshot.object, None, snapshot.memory.clone(), snapshot.source_changed);
        }
        return Ok(Done { outcome: PassOutcome::Unchanged, requeue_after });
    }
    let priority = if snapshot.source_changed.is_some() { Priority::Urgent } else { Priority::Routine };
    let Permits { service_key, tenant } = match permits(ctx, snapshot, &known, priority) {
        Ok(permits) => permits,
        Err(Wait { requeue_after }) => {
            return Ok(Done { outcome: PassOutcome::Queued, requeue_after: Some(requeue_after) });
        }
    };
    let gathered = gather(ctx, snapshot).await?;
    drop(service_key);
    for key in &gathered.wakes {
        ctx.queue.enqueue(key, Priority::Urgent);
    }
    let observed = gathered.observed(snapshot, interval, ctx.clock.now());
    let plan = plan(&observed);
    debug!(step = plan.step.as_str(), "planned");
    let reached = gathered.connection.as_ref().map(|connection| Arc::clone(connection.tenant()));
    if let Some(tenant) = &reached
        && pushed_tenant(&snapshot.status).as_ref() == Some(tenant)
    {
        ctx.admission.vouch(tenant);
    }
    let means = Means { gathered, permit: tenant, priority };
    let outcome = act(ctx, &snapshot.object, &plan, means).await?;
    if let Some((tenant, available)) = reached.as_ref().zip(outcome.found_available()) {
        ctx.admission.attempt_ended(tenant, &snapshot.object.key, available);
    }
    let mut report = report(&observed, &plan.step, outcome.clone(), jitter::jitter());
    if matches!(outcome, Outcome::Failed(_)) {
        // A backoff counts from the beginning of the attempt: one that had no answer has waited already.
        let took = ctx.clock.now().uptime.saturating_sub(observed.now.uptime);
        report.requeue_after =
            report.requeue_after.map(|after| after.saturating_sub(took).max(after.min(FIRST_DELAY)));
    }
    log(&plan.step, &outcome, &report);
    finish(ctx, snapshot, report).await
}

/// Places that a pass has before it reads anything.
#[derive(Default)]
struct Permits {
    service_key: Option<Permit>,
    tenant: Option<Permit>,
}

/// Places for a pass that will push, by all that is known.
fn permits<K, A: AiCore>(
    ctx: &Context<K, A>,
    snapshot: &Snapshot<ServiceKeyHeld<A::Connection>>,
    known: &Known<'_>,
    priority: Priority,
) -> Result<Permits, Wait> {
    if !known.expects_push() {
        return Ok(Permits::default());
    }
    let object = &snapshot.object;
    let request = Request { who: &object.key, priority };
    match &snapshot.service_key {
        Some(held) => {
            let limit = Limit::Tenant(Arc::clone(held.connection.tenant()));
            let tenant = ctx.admission.try_admit(limit, request)?;
            Ok(Permits { service_key: None, tenant })
        }
        // Nobody has read the key at this version yet.
        None if snapshot.service_key_version.is_some() => {
            let service_key = ctx.admission.try_admit(Limit::ServiceKey(object.service_key()), request)?;
            Ok(Permits { service_key, tenant: None })
        }
        None => Ok(Permits::default()),
    }
}

/// Writes the status if it changed, records the report, and hands the events in.
async fn finish<K: Kubernetes, A: AiCore>(
    ctx: &Context<K, A>,
    snapshot: &Snapshot<ServiceKeyHeld<A::Connection>>,
    report: Report,
) -> Result<Done, Error> {
    let object = &snapshot.object;
    let Report { status, events, memory, requeue_after, source_answered, outcome } = report;
    let answered = snapshot.source_changed.filter(|_| source_answered.is_some());
    if let (Some(changed), Some(Answer::Accepted)) = (answered, source_answered) {
        ctx.metrics.rotated(changed.elapsed());
    }
    let status = status.filter(|status| *status != *snapshot.status).map(Arc::new);
    let written = match &status {
        Some(status) => ctx.kubernetes.write_status(object, status).await,
        None => Ok(()),
    };
    let memory = match &written {
        Ok(()) | Err(Error::NotFound) => memory,
        Err(_) => memory.with_unsaved_status(snapshot.memory.retry.api_failures),
    };
    ctx.index.record(object, status, memory, answered);
    for event in events {
        ctx.kubernetes.publish(object, event);
    }
    written.map(|()| Done { outcome, requeue_after })
}

/// One line for each pass that did something or found something new, with what a person would ask for.
fn log(step: &Step, result: &Outcome, report: &Report) {
    let outcome = report.outcome.as_str();
    match (result, step) {
        (Outcome::Pushed { .. }, Step::Push(Push { cause, create })) => {
            info!(outcome, cause = cause.as_str(), create, "AI Core accepted the credential");
        }
        (Outcome::Failed(Failure { reason, message, .. }), _) => {
            // In JSON `message` is the line's own text.
            let (reason, error) = (reason.as_str(), message);
            if matches!(step, Step::DeleteRemote) {
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
                "waits for its turn in the tenant's request rate"
            );
        }
        (Outcome::LetGo, _) if report.events.is_empty() => {
            info!(outcome, cause = step.cause(), "the resource was released without a request to AI Core");
        }
        (Outcome::LetGo | Outcome::NothingSent | Outcome::Pushed { .. }, _) => {
            debug!(outcome, cause = step.cause(), "nothing to send");
            for Event { warning, reason, note } in &report.events {
                if *warning {
                    warn!(outcome, reason, "{note}");
                } else {
                    info!(outcome, reason, "{note}");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
