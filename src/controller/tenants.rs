//! One pass over one AICoreTenant: whether its service key works, how much of the quota is used, and how many resources name it.
//! It goes through the same queue, the same admission and the same rate as the passes over resources.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, info, info_span, warn};

use super::{
    Context, ServiceKeyHeld,
    act::{hear, heard},
    adapters::{AiCore, Kubernetes, Reach},
    admission::{Request, Wait, lane::Lane},
    errand::KeyFound,
    gather::{Key, SHARED_KEY, WantedKey, find_key},
    index::{Index, TenantSnapshot, stands_in, tenants::place_of},
    queue::{Priority, Queue},
    reconcile::PASS_LIMIT,
};
use crate::{
    aicore::{
        Insistence,
        error::Error as AiCoreError,
        mandate::{Mandate, over},
        session::Unfinished,
    },
    api::{
        AICoreTenantStatus,
        condition::{self, READY},
    },
    domain::{
        decide::{
            backoff,
            credit::Credit,
            failure::Failure,
            key_place::KeyPlace,
            observed::Found,
            reason::Reason,
            tenant::{Answer, KeyFacts, TenantKey, TenantMemory, TenantReport},
            warm_up::opening::Opening,
        },
        parse::tenant::{self, SharedTenant},
    },
    jitter,
    k8s::error::Error,
};

/// How often the Secret of an AICoreTenant is read while Secrets are not watched.
const UNWATCHED_INTERVAL: Duration = Duration::from_mins(5);

/// Looks at an AICoreTenant, and returns when to look again without being woken.
pub(super) async fn reconcile<K: Kubernetes, A: AiCore>(
    ctx: &Context<K, A>,
    name: &Arc<str>,
) -> Option<Duration> {
    let key = tenant::key(name);
    let Some(snapshot) = ctx.index.tenant_snapshot(name) else {
        ctx.admission.remove(&key);
        return None;
    };
    if let Some(unseen) = snapshot.unseen {
        let opening = Opening::of_tenant(snapshot.known(true, ctx.clock.now()), unseen);
        if ctx.index.wait_for_secrets(&key, opening == Opening::WaitForList) {
            ctx.admission.pass_ended(&key, true);
            return None;
        }
    }
    let span = info_span!("reconcile", tenant = &**name);
    let pass = pass(ctx, &snapshot).instrument(span.clone());
    let (concluded, requeue_after) = match tokio::time::timeout(PASS_LIMIT, pass).await {
        Ok(Ok(after)) => (true, Some(after)),
        Ok(Err(error)) => {
            let mut failures = 0;
            ctx.index.record_tenant(&snapshot.tenant, None, |memory| {
                memory.api_failures = memory.api_failures.saturating_add(1);
                failures = memory.api_failures;
            });
            // The watch shows the same soon, or it is not so: an API server that does not serve the kind yet answers in the same way.
            let is_expected = matches!(error, Error::NotFound | Error::Outdated);
            if failures.is_power_of_two() && !(is_expected && failures == 1) {
                warn!(parent: &span, %error, failures, "a request to the API server failed; the pass is retried");
            }
            if is_expected {
                (true, ctx.index.tenant_snapshot(name).map(|_| backoff::LONGEST_API_DELAY))
            } else {
                (false, Some(backoff::api_delay(failures.max(1), jitter::fraction())))
            }
        }
        Err(_) => {
            warn!(parent: &span, limit_s = PASS_LIMIT.as_secs(), "the pass took too long; it is retried");
            (false, Some(backoff::LONGEST_API_DELAY))
        }
    };
    ctx.admission.pass_ended(&key, concluded);
    requeue_after
}

async fn pass<K: Kubernetes, A: AiCore>(
    ctx: &Context<K, A>,
    snapshot: &TenantSnapshot<ServiceKeyHeld<A::Connection>>,
) -> Result<Duration, Error> {
    let tenant = &snapshot.tenant;
    // Tenants are served where all namespaces are watched by one watch.
    let watched = snapshot.unseen.is_some() || ctx.scopes.hears_of_secrets("");
    let known = snapshot.known(watched, ctx.clock.now());
    if known.at_rest() {
        return finish(ctx, snapshot, known.rests(), true).await;
    }
    let (place, key) = service_key(ctx, snapshot, watched).await?;
    let credential = key.held.as_ref().map(|held| held.connection.id());
    ctx.index.tenant_uses(tenant, credential);
    // What is known of this service key.
    let Some(now) = ctx.index.tenant_snapshot(&tenant.name).filter(|now| now.tenant == *tenant) else {
        return Ok(Duration::ZERO);
    };
    let known = now.known(watched, ctx.clock.now());
    let identity = key.identity.as_deref();
    let answer = match (&place, &key.held) {
        (Some(place), Some(held)) if known.asks(&held.version, identity) => {
            let granted = known.granted == Some(true);
            let credit = Credit::of(granted, granted, known.memory.backoff.as_ref());
            let found = KeyFound {
                place: Some(Arc::clone(place)),
                watched: snapshot.key_version.clone(),
                used: Some(held.version.as_str().into()),
            };
            let insistence = if known.is_asked_for() { Insistence::Forced } else { Insistence::Patient };
            match ask(ctx, tenant, &found, held, (insistence, credit)).await {
                Ok(answer) => answer,
                Err(Wait { requeue_after, .. }) => return Ok(requeue_after),
            }
        }
        _ => Answer::NotAsked,
    };
    let key = TenantKey { found: facts(&key), identity: key.identity };
    let report = known.report(&key, answer, ctx.clock.now().uptime, jitter::fraction());
    finish(ctx, &now, report, watched).await
}

/// Where the service key is, and what is there.
async fn service_key<K: Kubernetes, A: AiCore>(
    ctx: &Context<K, A>,
    snapshot: &TenantSnapshot<ServiceKeyHeld<A::Connection>>,
    watched: bool,
) -> Result<(Option<Arc<KeyPlace>>, Key<A::Connection>), Error> {
    let Some(place) = place_of(&snapshot.tenant) else {
        let why = snapshot.tenant.terms.as_ref().err().map(ToString::to_string).unwrap_or_default();
        let failure = Failure::new(Reason::ServiceKeyInvalid, why.trim_end_matches('.'));
        return Ok((None, Key { found: Found::Unusable(failure), held: None, identity: None }));
    };
    let wanted = WantedKey {
        who: &snapshot.tenant.key(),
        place: &place,
        role: &SHARED_KEY,
        version: snapshot.key_version.as_deref(),
        held: snapshot.service_key.as_ref().filter(|_| watched),
        unusable: snapshot.unusable_key.as_deref().filter(|_| watched),
        stands_in: stands_in(snapshot.unseen.is_some(), watched),
    };
    let key = find_key(ctx, wanted).await?;
    Ok((Some(Arc::new(place)), key))
}

fn facts<C: Reach>(key: &Key<C>) -> Found<KeyFacts> {
    match (&key.found, &key.held) {
        (Found::Usable { version, content }, held) => Found::Usable {
            version: version.clone(),
            content: KeyFacts {
                tenant: content.clone(),
                validity: held.as_ref().and_then(|held| held.key.certificate_validity()),
            },
        },
        (Found::Unusable(failure), _) => Found::Unusable(failure.clone()),
    }
}

/// Asks for a token, if none is kept, and for the quota. The places and turns are those of pushes.
async fn ask<K: Kubernetes, A: AiCore>(
    ctx: &Context<K, A>,
    tenant: &SharedTenant,
    key: &KeyFound,
    held: &ServiceKeyHeld<A::Connection>,
    (insistence, credit): (Insistence, Credit),
) -> Result<Answer, Wait> {
    let who = tenant.key();
    let request = Request { who: &who, priority: Priority::Routine };
    let ServiceKeyHeld { version, connection, .. } = held;
    let lane = Lane::of(connection.tenant(), connection.id(), credit);
    let permit = ctx.admission.enter(&lane, None, request)?;
    let question = Question { index: &ctx.index, queue: &ctx.queue, tenant, key, ending: &ctx.ending };
    let withdrawn = || Wait::until(Duration::ZERO);
    let authorization = tokio::select! {
        biased;
        authorization = ctx.ai_core.authorize(connection, insistence) => authorization,
        () = over(&question) => return Err(withdrawn()),
    };
    let failed = |error: &AiCoreError| {
        if error.reason() == Reason::AuthenticationFailed {
            ctx.wake(ctx.index.tenant_judged(tenant, false));
        }
        if matches!(error.reason(), Reason::AuthenticationFailed | Reason::Forbidden)
            && let Some(place) = &key.place
        {
            // The next pass reads it anew, in case the watch has missed that it changed.
            ctx.index.forget_service_key(place, version);
        }
        let holder = key.place.as_deref().map(holder).unwrap_or_default();
        Answer::Failed(error.failure(&holder, false))
    };
    if let Err(error) = heard(&permit, authorization) {
        return Ok(failed(&error));
    }
    ctx.wake(ctx.index.tenant_judged(tenant, true));
    ctx.admission.turn(&permit, connection.rate_limiter())?;
    // What changes from now on is asked for again.
    ctx.index.record_tenant(tenant, None, |memory| memory.quota_changed = false);
    match ctx.ai_core.quota(connection, &question).await {
        Ok(counts) => {
            permit.answered();
            permit.attempted(true);
            Ok(Answer::Quota(counts))
        }
        Err(Unfinished::Withdrawn { .. }) => {
            permit.unused();
            Err(withdrawn())
        }
        Err(Unfinished::Failed { error, .. }) => {
            hear(&permit, &error);
            Ok(failed(&error))
        }
    }
}

/// What holds the service key, in a sentence for those who may see AICoreTenants.
fn holder(place: &KeyPlace) -> String {
    format!("Secret {:?} of namespace {:?}", place.secret.name, place.secret.namespace)
}

/// Keeps what came of the pass, and writes the status if it changed. What the API server does not take is written by the next pass,
/// without a question to AI Core.
async fn finish<K: Kubernetes, A: AiCore>(
    ctx: &Context<K, A>,
    before: &TenantSnapshot<ServiceKeyHeld<A::Connection>>,
    report: TenantReport,
    watched: bool,
) -> Result<Duration, Error> {
    let TenantReport { status, memory, events, requeue_after } = report;
    let tenant = &before.tenant;
    let write = status != *before.status() || memory.unwritten;
    let uptime = ctx.clock.now().uptime;
    let failures = memory.api_failures;
    ctx.index.record_tenant(tenant, Some(status.clone()), |kept| {
        *kept = TenantMemory {
            // It may have changed during the pass.
            quota_changed: kept.quota_changed,
            // Until the status is written.
            api_failures: kept.api_failures.max(failures),
            unwritten: write,
            written: if write { Some(uptime) } else { memory.written },
            ..memory
        };
    });
    if write {
        log(before.status(), &status);
        events.into_iter().for_each(|event| ctx.kubernetes.publish_of_tenant(tenant, event));
        ctx.kubernetes.write_tenant_status(tenant, &status).await?;
    }
    ctx.index.record_tenant(tenant, None, |memory| {
        memory.unwritten = false;
        memory.api_failures = failures;
    });
    Ok(if watched { requeue_after } else { requeue_after.min(UNWATCHED_INTERVAL) })
}

/// A line when it is news whether the service key works.
fn log(before: &AICoreTenantStatus, now: &AICoreTenantStatus) {
    let ready = |status: &AICoreTenantStatus| {
        condition::find(&status.conditions, READY).map(|ready| (ready.status.clone(), ready.reason.clone()))
    };
    let Some(found) = condition::find(&now.conditions, READY).filter(|_| ready(before) != ready(now)) else {
        debug!(resources = now.resources, "the status has news");
        return;
    };
    let (reason, error) = (&found.reason, &found.message);
    if found.status == "True" {
        info!(api_url = now.api_url, "the service key of an AICoreTenant was given a token");
    } else {
        warn!(reason, error, "the service key of an AICoreTenant does not work");
    }
}

/// The mandate of a question to AI Core.
struct Question<'a, K> {
    index: &'a Index<K>,
    queue: &'a Queue,
    tenant: &'a SharedTenant,
    key: &'a KeyFound,
    ending: &'a CancellationToken,
}

impl<K: Send + Sync> Mandate for Question<'_, K> {
    fn stands(&self) -> bool {
        self.index.tenant_stands(self.tenant, self.key)
    }

    fn withdrawn(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let key = self.tenant.key();
            let listener = self.queue.listen(&key);
            while self.stands() {
                listener.enqueued().await;
            }
        })
    }

    fn namespace(&self) -> &'static str {
        // It is in none.
        ""
    }

    fn ending(&self) -> &CancellationToken {
        self.ending
    }
}

#[cfg(test)]
mod tests;
