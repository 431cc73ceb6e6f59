//! What is asked for an AICoreTenant, and what its status says. Pure, as what is decided about resources.

mod conditions;

use std::{sync::Arc, time::Duration};

use self::conditions::Conditions;
use crate::{
    api::{
        AICoreTenantStatus, TenantQuota,
        condition::{self, STALLED},
    },
    domain::{
        decide::{
            backoff::{self, Attempt, Backoff, Circumstances, STALLED_INTERVAL},
            failure::Failure,
            life::{self, Life},
            observed::Found,
            reason::{Class, Reason},
            report::Event,
        },
        parse::{api_url::Tenant, certificate::Validity, object::Now, tenant::SharedTenant},
        tools::time::whole_seconds,
    },
};

/// How old what AI Core said of the quota may be.
pub(crate) const QUOTA_INTERVAL: Duration = Duration::from_hours(1);
/// Between two questions, however many secrets are created; and between two statuses of which nothing but the number of resources
/// is new.
pub(crate) const PAUSE: Duration = Duration::from_secs(10);

/// What is remembered of an AICoreTenant from one pass to the next.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TenantMemory {
    /// The failed question that delays the next one.
    pub backoff: Option<Backoff>,
    /// Passes in a row that failed because of the API server, or found that the Secret may not be read.
    pub(crate) api_failures: u32,
    /// Whether a secret was created or deleted, or refused for the quota, since AI Core was asked.
    pub(crate) quota_changed: bool,
    /// When AI Core was asked last, as uptime, and with which service key.
    pub(crate) asked: Option<(Duration, Option<String>)>,
    /// When the status was written last, as uptime.
    pub(crate) written: Option<Duration>,
    /// Whether the API server has not taken it.
    pub(crate) unwritten: bool,
}

/// What is known of an AICoreTenant without reading its Secret.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TenantKnown<'a> {
    /// The AICoreTenant.
    pub tenant: &'a SharedTenant,
    /// Its status, as last written or seen.
    pub status: &'a AICoreTenantStatus,
    /// What the process remembers of it.
    pub memory: &'a TenantMemory,
    /// resourceVersion of the Secret with the service key, if it was seen.
    pub key_version: Option<&'a str>,
    /// Whether the service key was given a token last, or was refused; `None`: nobody has tried it in this process.
    pub granted: Option<bool>,
    /// How many resources name it.
    pub(crate) resources: usize,
    /// The time.
    pub now: Now,
}

/// The service key of an AICoreTenant, as it was found.
#[derive(Clone, Debug)]
pub(crate) struct TenantKey {
    /// What it says, or why it cannot be used.
    pub found: Found<KeyFacts>,
    /// What tells it from another, for the purpose of trying again.
    pub(crate) identity: Option<String>,
}

/// What is to be known of a service key that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyFacts {
    /// The tenant that it is for.
    pub tenant: Tenant,
    /// When it is valid, if it is one with a certificate.
    pub(crate) validity: Option<Validity>,
}

/// What AI Core has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It was not asked.
    NotAsked,
    /// The service key was given a token, and this is what the tenant has and may have, if AI Core has said it.
    Quota(Option<(u64, u64)>),
    /// It refused, or did not answer.
    Failed(Failure),
}

/// What came of a pass.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TenantReport {
    /// The whole status as it should stand.
    pub status: AICoreTenantStatus,
    /// What to remember.
    pub memory: TenantMemory,
    /// What to say of it, once.
    pub events: Vec<Event>,
    /// When to look again without being woken.
    pub(crate) requeue_after: Duration,
}

impl TenantKnown<'_> {
    /// Whether Secret and AI Core can be left alone: the status says that the service key works, and nothing speaks against it.
    #[must_use]
    pub(crate) fn at_rest(&self) -> bool {
        self.unanswered_request().is_none()
            && self.works()
            && self.speaks_of(self.key_version)
            && !self.until_quota().is_zero()
    }

    /// The value of `requestedAt` if it has not been answered yet.
    fn unanswered_request(&self) -> Option<&Arc<str>> {
        let answered = self.status.last_handled_reconcile_at.as_deref();
        self.tenant.requested_at.as_ref().filter(|requested| answered != Some(requested))
    }

    /// How much a question insists on an answer of the authorization server's own.
    #[must_use]
    pub(crate) fn is_asked_for(&self) -> bool {
        self.unanswered_request().is_some()
    }

    /// Time until a person who asks is answered; `None`: nobody asks. However often that is, there is a pause between two
    /// questions, and what a server has asked for is kept.
    fn until_answer(&self) -> Option<Duration> {
        self.unanswered_request()?;
        let asked = self.memory.asked.as_ref();
        let pause = asked.map_or(Duration::ZERO, |(asked, _)| {
            PAUSE.saturating_sub(self.now.uptime.saturating_sub(*asked))
        });
        let wanted = self.memory.backoff.as_ref().filter(|backoff| backoff.failure.retry_after.is_some());
        let wanted =
            wanted.map_or(Duration::ZERO, |backoff| backoff.not_before.saturating_sub(self.now.uptime));
        Some(pause.max(wanted))
    }

    /// Whether AI Core is to be asked with the service key of this version and identity.
    #[must_use]
    pub(crate) fn asks(&self, version: &str, identity: Option<&str>) -> bool {
        if let Some(wait) = self.until_answer() {
            return wait.is_zero();
        }
        let same_key = self.speaks_of(Some(version)) || self.asked_with(identity);
        if self.works() && same_key && !self.until_quota().is_zero() {
            return false;
        }
        self.until_attempt(version, identity).is_zero()
    }

    /// Whether the service key works, by status and memory.
    fn works(&self) -> bool {
        self.says_ready() && self.granted != Some(false) && self.memory.backoff.is_none()
    }

    fn says_ready(&self) -> bool {
        condition::is_ready(&self.status.conditions)
    }

    /// Whether the status speaks of this spec, and of the service key at this version.
    fn speaks_of(&self, version: Option<&str>) -> bool {
        version.is_some()
            && self.status.secret_resource_version.as_deref() == version
            && self.status.observed_generation == Some(self.tenant.generation)
    }

    /// Whether this is the service key that AI Core was asked with last.
    fn asked_with(&self, identity: Option<&str>) -> bool {
        let asked = self.memory.asked.as_ref().and_then(|(_, identity)| identity.as_deref());
        asked.is_some() && asked == identity
    }

    /// How much longer a failed question delays the next one.
    fn until_attempt(&self, version: &str, identity: Option<&str>) -> Duration {
        if let Some(backoff) = &self.memory.backoff {
            return backoff.remaining(&self.circumstances(identity), self.now.uptime).unwrap_or_default();
        }
        // What another process has left: a key that was refused must not be tried at each start of one that crashes again and
        // again.
        let stalled = condition::find(&self.status.conditions, STALLED).is_some();
        if stalled && self.granted.is_none() && self.speaks_of(Some(version)) {
            return STALLED_INTERVAL.saturating_sub(self.now.leading);
        }
        Duration::ZERO
    }

    fn circumstances(&self, identity: Option<&str>) -> Circumstances {
        Circumstances {
            service_key: identity.map(str::to_owned),
            digest: None,
            generation: self.tenant.generation,
            deleting: false,
            read: None,
        }
    }

    /// Time until AI Core is to be asked for the quota; zero when it is.
    fn until_quota(&self) -> Duration {
        let since_asked = self.memory.asked.as_ref().map(|(asked, _)| self.now.uptime.saturating_sub(*asked));
        if self.memory.quota_changed {
            return since_asked.map_or(Duration::ZERO, |since| PAUSE.saturating_sub(since));
        }
        let age = match (since_asked, &self.status.quota) {
            (Some(since), _) => since,
            // A time that lies in the future was written by a clock that was wrong.
            (None, Some(quota)) => Duration::try_from(self.now.wall.duration_since(quota.observed_time.0))
                .unwrap_or(QUOTA_INTERVAL),
            (None, None) => self.now.leading,
        };
        QUOTA_INTERVAL.saturating_sub(age)
    }

    /// What to write when there was nothing to look at but the number of resources, and how long the service key still lives.
    #[must_use]
    pub(crate) fn rests(&self) -> TenantReport {
        let memory = TenantMemory { api_failures: 0, ..self.memory.clone() };
        let mut conditions = Conditions::of(self.status, self.tenant, self.now.wall);
        conditions.life(self.life_of(self.status));
        self.concluded(self.status.clone(), conditions, memory, self.until_quota())
    }

    /// How long the service key lives that the status speaks of.
    fn life_of(&self, status: &AICoreTenantStatus) -> Option<Life> {
        Life::of(status.service_key_expires_at, status.service_key_expiring_from, &self.tenant.uid)
    }

    /// What to write after a look at the service key, and at AI Core if it was to be asked. `ended`: the uptime when that had
    /// answered.
    #[must_use]
    pub(crate) fn report(
        &self,
        key: &TenantKey,
        answer: Answer,
        ended: Duration,
        jitter: f64,
    ) -> TenantReport {
        let mut status = self.status.clone();
        let mut memory = TenantMemory { api_failures: 0, ..self.memory.clone() };
        let mut conditions = Conditions::of(self.status, self.tenant, self.now.wall);
        status.observed_generation = Some(self.tenant.generation);
        status.secret_resource_version = key.found.version().map(str::to_owned);
        let next = match &key.found {
            Found::Unusable(failure) => {
                conditions.failed(failure);
                self.answers_request(&mut status);
                (status.service_key_expires_at, status.service_key_expiring_from) = (None, None);
                memory.backoff = None;
                self.after_unusable(failure.reason, &mut memory, jitter)
            }
            Found::Usable { version, content } => {
                self.describe(content, &mut status);
                if answer != Answer::NotAsked {
                    self.answers_request(&mut status);
                }
                self.after_answer(key, answer, (&mut status, &mut memory, &mut conditions), ended, jitter);
                let now = Now { uptime: ended, ..self.now };
                let after = TenantKnown { status: &status, memory: &memory, now, ..*self };
                let next = match &memory.backoff {
                    Some(backoff) => backoff.not_before.saturating_sub(ended),
                    None if conditions.are_ready() => {
                        after.until_quota().max(self.until_attempt(version, key.identity.as_deref()))
                    }
                    None => self.until_attempt(version, key.identity.as_deref()),
                };
                after.until_answer().map_or(next, |wait| next.min(wait))
            }
        };
        conditions.life(self.life_of(&status));
        self.concluded(status, conditions, memory, next)
    }

    fn answers_request(&self, status: &mut AICoreTenantStatus) {
        if let Some(requested) = &self.tenant.requested_at {
            status.last_handled_reconcile_at = Some(requested.to_string());
        }
    }

    /// When to look again at a service key that cannot be used, without being woken by its Secret.
    fn after_unusable(&self, reason: Reason, memory: &mut TenantMemory, jitter: f64) -> Duration {
        if reason != Reason::AccessDenied {
            return STALLED_INTERVAL;
        }
        memory.api_failures = self.memory.api_failures.saturating_add(1);
        backoff::api_delay(memory.api_failures, jitter)
    }

    /// What the service key says by itself.
    fn describe(&self, facts: &KeyFacts, status: &mut AICoreTenantStatus) {
        let Tenant { api_url, authorization_server } = facts.tenant.clone();
        status.api_url = Some(api_url);
        status.authorization_server = Some(authorization_server);
        (status.service_key_expires_at, status.service_key_expiring_from) =
            life::of_certificate(facts.validity, self.now.wall);
        let same = status.api_url == self.status.api_url
            && status.authorization_server == self.status.authorization_server;
        status.quota.take_if(|_| !same);
    }

    fn after_answer(
        &self,
        key: &TenantKey,
        answer: Answer,
        (status, memory, conditions): (&mut AICoreTenantStatus, &mut TenantMemory, &mut Conditions),
        ended: Duration,
        jitter: f64,
    ) {
        match answer {
            Answer::NotAsked => {}
            Answer::Quota(counts) => {
                memory.backoff = None;
                memory.quota_changed = false;
                memory.asked = Some((ended, key.identity.clone()));
                status.quota = counts.and_then(|(used, limit)| self.quota(used, limit));
                conditions.ready();
            }
            Answer::Failed(failure) => {
                memory.asked = Some((ended, key.identity.clone()));
                // A tenant that does not answer says nothing about the service key.
                if self.says_ready() && self.asked_before(key) && failure.reason.class() == Class::Transient {
                    conditions.waiting(&failure);
                } else {
                    conditions.failed(&failure);
                }
                let circumstances = self.circumstances(key.identity.as_deref());
                let before = self.memory.backoff.as_ref().filter(|before| before.applies_to(&circumstances));
                let attempt = Attempt { began: self.now.uptime, ended };
                memory.backoff = Some(Backoff::after(before, failure, circumstances, attempt, jitter));
            }
        }
    }

    /// Whether what the status says is about this service key.
    fn asked_before(&self, key: &TenantKey) -> bool {
        self.speaks_of(key.found.version()) || self.asked_with(key.identity.as_deref())
    }

    fn quota(&self, used: u64, limit: u64) -> Option<TenantQuota> {
        let (used, limit) = (i64::try_from(used).ok()?, i64::try_from(limit).ok()?);
        Some(TenantQuota { used, limit, observed_time: whole_seconds(self.now.wall) })
    }

    /// Adds the conditions, and the number of resources: at once if the status changes anyway, else not more often than each
    /// [`PAUSE`].
    fn concluded(
        &self,
        mut status: AICoreTenantStatus,
        conditions: Conditions,
        memory: TenantMemory,
        next: Duration,
    ) -> TenantReport {
        let turn = self.life_of(&status).and_then(|life| life.next_turn(self.now.wall));
        let mut requeue_after = next.min(turn.unwrap_or(next));
        let events;
        (status.conditions, events) = conditions.finish();
        let resources = i64::try_from(self.resources).ok();
        let left = self
            .memory
            .written
            .map_or(Duration::ZERO, |written| PAUSE.saturating_sub(self.now.uptime.saturating_sub(written)));
        if status != *self.status || self.memory.unwritten || left.is_zero() {
            status.resources = resources;
        } else if status.resources != resources {
            requeue_after = requeue_after.min(left);
        }
        TenantReport { status, memory, events, requeue_after }
    }
}

#[cfg(test)]
mod tests;
