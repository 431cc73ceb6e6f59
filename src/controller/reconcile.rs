//! One pass over one resource: gather → plan → act → report.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use tracing::{Instrument, debug, field::Empty, info, info_span, warn};

use super::{
    Context, ServiceKeyHeld,
    act::{self, CROWDED_WAIT, act},
    gather::gather,
    index::{Memory, Snapshot},
    queue::Priority,
    rooms::{Room, Stay},
};
use crate::{
    api::AICoreRegistrySecretStatus,
    chance,
    domain::{
        backoff,
        failure::Failure,
        object::ObjectKey,
        observed::Standing,
        plan::{Rest, Step, Versions, at_rest, plan},
        reason::Reason,
        report::{Event, NOTEWORTHY_WAIT, Outcome, Report, report},
    },
    k8s, telemetry,
};

/// Limit on a whole pass: the requests in it have their own limits, and this is more than they can add up to.
const PASS_LIMIT: Duration = Duration::from_mins(3);

/// Looks at a resource, does what is to be done, and returns when to look again without being woken.
pub(super) async fn reconcile(ctx: &Context, key: &ObjectKey) -> Option<Duration> {
    let snapshot = ctx.index.snapshot(key)?;
    let span = info_span!("reconcile", namespace = &*key.namespace, resource = &*key.name, trace_id = Empty);
    telemetry::show_trace_id(&span);
    let started = Instant::now();
    let (outcome, again) = match tokio::time::timeout(
        PASS_LIMIT,
        pass(ctx, &snapshot).instrument(span.clone()),
    )
    .await
    {
        Ok(Ok(done)) => done,
        Ok(Err(k8s::error::Error::NotFound)) => {
            debug!(parent: &span, "the resource is gone");
            ("gone", None)
        }
        Ok(Err(error)) => {
            let again = api_failed(ctx, &snapshot);
            warn!(parent: &span, %error, again_s = again.as_secs_f64(), "the API server did not do its part");
            ("api_error", Some(again))
        }
        Err(_) => {
            let again = api_failed(ctx, &snapshot);
            warn!(parent: &span, limit_s = PASS_LIMIT.as_secs(), "pass given up");
            ("timeout", Some(again))
        }
    };
    let took = started.elapsed();
    debug!(parent: &span, outcome, took_ms = took.as_secs_f64() * 1e3, "pass ended");
    telemetry::set_outcome(&span, outcome);
    ctx.metrics.reconciled(outcome, took);
    again
}

type Done = (&'static str, Option<Duration>);

async fn pass(ctx: &Context, snapshot: &Snapshot<ServiceKeyHeld>) -> Result<Done, k8s::error::Error> {
    // Nobody reads the status of what goes; where it cannot be written any more, it must not keep the resource.
    if snapshot.memory.unsaved && !snapshot.object.deleting {
        save_late(ctx, snapshot).await?;
    } else if let Some(again) = nothing_changed(ctx, snapshot) {
        return Ok(("unchanged", again));
    }
    let Some(Places { service_key, tenant }) = places(ctx, snapshot) else {
        return Ok(("queued", Some(CROWDED_WAIT)));
    };
    let mut memory =
        Memory { unsaved: false, api_failures: 0, awaited_key: false, ..snapshot.memory.clone() };
    let gathered = gather(ctx, snapshot).await?;
    drop(service_key);
    for key in &gathered.wakes {
        ctx.queue.wake(key, Priority::Urgent);
    }
    let observed = gathered.observed(ctx, snapshot);
    let plan = plan(&observed);
    debug!(?plan, "planned");
    let outcome = act(ctx, &snapshot.object, &plan, &gathered, tenant, &mut memory).await?;
    let report = report(&observed, &plan.step, outcome.clone(), chance::dice());
    log(&plan.step, &outcome, &report);

    let in_sync =
        matches!(outcome, Outcome::Pushed { .. }) || matches!(plan.step, Step::Rest(Rest::InSync { .. }));
    if in_sync && let (Some(source), Some(key)) = (observed.source.version(), observed.service_key.version())
    {
        memory.checked = Some((source.into(), key.into()));
    }
    // What is not to be pushed, or cannot be, is no rotation under way either.
    let no_rotation = matches!(plan.step, Step::Rest(Rest::Suspended | Rest::LostTo(_) | Rest::Unusable(_)));
    let answered = snapshot.source_changed.filter(|_| in_sync || no_rotation);
    if matches!(outcome, Outcome::Pushed { .. })
        && let Some(changed) = answered
    {
        ctx.metrics.rotated(changed.elapsed());
    }
    memory.pace.clone_from(&report.pace);
    finish(ctx, snapshot, report, memory, answered).await
}

/// Places that a pass has before it reads anything.
#[derive(Default)]
struct Places {
    service_key: Option<Stay>,
    tenant: Option<Stay>,
}

/// Places for a pass that will push, by all that is known; `None`: it stands in line. What it would read now would be old, or
/// read by another pass, when it gets there.
fn places(ctx: &Context, snapshot: &Snapshot<ServiceKeyHeld>) -> Option<Places> {
    let Snapshot { object, memory, .. } = snapshot;
    let idle = object.deleting || object.spec.suspended() || memory.pace.is_some();
    if idle || matches!(ctx.index.standing(object, None), Standing::LostTo(_)) {
        return Some(Places::default());
    }
    let uptime = ctx.clock.now().uptime;
    let priority = if snapshot.source_changed.is_some() { Priority::Urgent } else { Priority::Routine };
    match &snapshot.key {
        Some(held) => {
            let since = memory.crowded_since.unwrap_or(uptime);
            let tenant = act::enter(ctx, &object.key, &held.connection, priority);
            // After a long wait, the status has to say so.
            if tenant.is_none() && uptime.saturating_sub(since) < NOTEWORTHY_WAIT {
                let memory = Memory { crowded_since: Some(since), ..memory.clone() };
                ctx.index.record(object, None, memory, None);
                return None;
            }
            Some(Places { service_key: None, tenant })
        }
        // Nobody has read the key at this version yet. Waiting once is enough: it may be one that cannot be used.
        None if snapshot.key_version.is_some() && !memory.awaited_key => {
            let room = Room::ServiceKey(object.service_key());
            let Some(service_key) = ctx.rooms.enter(room, 1, &object.key, priority) else {
                ctx.index.record(object, None, Memory { awaited_key: true, ..memory.clone() }, None);
                return None;
            };
            Some(Places { service_key: Some(service_key), tenant: None })
        }
        None => Some(Places::default()),
    }
}

#[expect(clippy::option_option, reason = "at rest or not, and if so, when to look again, if at all")]
/// Whether what is known without a request shows that nothing is to be done; if so, when to look again.
fn nothing_changed(ctx: &Context, snapshot: &Snapshot<ServiceKeyHeld>) -> Option<Option<Duration>> {
    if snapshot.memory.pace.is_some() {
        return None;
    }
    let versions =
        Versions { source: snapshot.source_version.as_deref(), service_key: snapshot.key_version.as_deref() };
    let checked = match &snapshot.memory.checked {
        Some((source, key)) => Versions { source: Some(source), service_key: Some(key) },
        None => Versions::default(),
    };
    let interval = ctx.settings.default_resync_interval;
    let again = at_rest(&snapshot.object, &snapshot.status, versions, checked, interval, ctx.clock.now())?;
    if ctx.index.standing(&snapshot.object, None) != (Standing::Owner { heir: None }) {
        return None;
    }
    if snapshot.source_changed.is_some() {
        ctx.index.record(&snapshot.object, None, snapshot.memory.clone(), snapshot.source_changed);
    }
    Some(again)
}

/// Records the report, writes the status if it changed, and hands the events in.
async fn finish(
    ctx: &Context,
    snapshot: &Snapshot<ServiceKeyHeld>,
    report: Report,
    mut memory: Memory,
    answered: Option<Instant>,
) -> Result<Done, k8s::error::Error> {
    let object = &snapshot.object;
    let Report { status, events, again, outcome, .. } = report;
    let mut result = Ok((outcome, again));
    let status = status.filter(|status| *status != *snapshot.status).map(Arc::new);
    if let Some(status) = &status
        && let Err(error) = write(ctx, snapshot, status).await
    {
        // The push is not repeated for it: the status is kept, and only the write is.
        memory.unsaved = !matches!(error, k8s::error::Error::NotFound);
        memory.api_failures = snapshot.memory.api_failures;
        result = Err(error);
    }
    ctx.index.record(object, status, memory, answered);
    for event in events {
        ctx.events.publish(object, event);
    }
    result
}

async fn write(
    ctx: &Context,
    snapshot: &Snapshot<ServiceKeyHeld>,
    status: &AICoreRegistrySecretStatus,
) -> Result<(), k8s::error::Error> {
    k8s::resources::write_status(&ctx.client, &snapshot.object, status).await
}

/// Writes a status that could not be written in an earlier pass.
async fn save_late(ctx: &Context, snapshot: &Snapshot<ServiceKeyHeld>) -> Result<(), k8s::error::Error> {
    write(ctx, snapshot, &snapshot.status).await?;
    let memory = Memory { unsaved: false, ..snapshot.memory.clone() };
    ctx.index.record(&snapshot.object, None, memory, None);
    Ok(())
}

/// Counts a pass that the API server made fail, and returns when to repeat it.
fn api_failed(ctx: &Context, snapshot: &Snapshot<ServiceKeyHeld>) -> Duration {
    // What the pass itself recorded (an unsaved status) stays.
    let mut memory = ctx.index.snapshot(&snapshot.object.key).map_or_else(Memory::default, |now| now.memory);
    memory.api_failures = memory.api_failures.saturating_add(1);
    let failure = Failure::new(Reason::RemoteUnavailable, "");
    let again = backoff::delay(&failure, memory.api_failures, chance::fraction());
    ctx.index.record(&snapshot.object, None, memory, None);
    again
}

/// One line for each pass that did something or found something new, with what a person would ask for.
fn log(step: &Step, result: &Outcome, report: &Report) {
    let outcome = report.outcome;
    match result {
        Outcome::Pushed { created, .. } => info!(outcome, created, ?step, "AI Core accepted the credential"),
        Outcome::Failed(Failure { reason, message, .. }) => {
            warn!(outcome, reason = reason.as_str(), message, "push failed");
        }
        Outcome::RemoteDeleted => info!(outcome, "AI Core no longer holds the secret"),
        Outcome::Postponed(wait) => {
            debug!(outcome, wait_ms = wait.as_millis(), "waits for its turn in the tenant's request rate");
        }
        Outcome::LetGo if report.events.is_empty() => {
            info!(outcome, ?step, "let go without touching AI Core");
        }
        Outcome::LetGo | Outcome::Rested => {
            debug!(outcome, ?step, "nothing to send");
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
