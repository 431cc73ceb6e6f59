//! What is known of a resource without a request, and what that is enough to decide: that nothing is to be done, or that a push
//! is to be expected.

use std::time::Duration;

use crate::{
    api::{
        AICoreRegistrySecretStatus,
        condition::{self, READY, RECONCILING, STALLED},
    },
    domain::{
        decide::{
            digest,
            life::{self, Lives},
            memory::{Memory, SecretVersions, Synced},
            observed::Ownership,
            plan::{FinalizerStep, finalizer_step},
            reason::Reason,
            report::{self, Event},
            resync,
        },
        parse::{
            duration::ResyncInterval,
            object::{Now, Object},
        },
    },
};

/// What is known of the two Secrets without reading them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Versions<'a> {
    /// resourceVersion of the Secret with the registry credential.
    pub source: Option<&'a str>,
    /// resourceVersion of the Secret with the service key.
    pub service_key: Option<&'a str>,
}

/// The known facts.
#[derive(Clone, Debug)]
pub(crate) struct Known<'a> {
    /// The resource.
    pub object: &'a Object,
    /// Its status, as last written or seen.
    pub status: &'a AICoreRegistrySecretStatus,
    /// What the process remembers of it.
    pub memory: &'a Memory,
    /// The Secrets' versions, as far as they were seen.
    pub versions: Versions<'a>,
    /// Whether it owns the remote secret that it claimed last.
    pub ownership: &'a Ownership,
    /// Whether the watch shows that there is no Secret with the registry credential.
    pub(crate) lacks_source: bool,
    /// Whether something was sent since for another resource that claims the same.
    pub(crate) overwritten: bool,
    /// Whether it is time to push once more because an earlier write had no answer.
    pub(crate) confirmation_due: bool,
    /// Interval for resources that do not set their own.
    pub(crate) default_resync_interval: ResyncInterval,
    /// The time.
    pub now: Now,
}

/// What there is to say of a resource that has waited for its turn for long.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Waiting {
    /// Nothing: what its status says is true.
    Nothing,
    /// That it waits.
    Says(Box<AICoreRegistrySecretStatus>),
    /// Its Secrets have changed since the status was written: what is true of it depends on what is in them.
    NeedsLook,
}

/// Nothing is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unchanged {
    /// Time to the next resync, or to when the life of a credential turns; `None`: there is neither.
    pub(crate) requeue_after: Option<Duration>,
}

impl Known<'_> {
    /// Whether all this shows that nothing is to be done, so that the Secrets need not be read.
    #[must_use]
    pub(crate) fn unchanged(&self) -> Option<Unchanged> {
        if self.overwritten
            || self.confirmation_due
            || self.memory.retry.backoff.is_some()
            || *self.ownership != (Ownership::Owner { successor: None })
        {
            return None;
        }
        at_rest(
            self.object,
            self.status,
            self.versions,
            self.checked(),
            self.memory.synced,
            self.default_resync_interval,
            self.now,
        )
        .map(|requeue_after| {
            let turn = Lives::of(self.object, self.status).next_turn(self.now.wall);
            Unchanged { requeue_after: life::sooner(requeue_after, turn) }
        })
    }

    /// What has to be written although nothing is to be done: the life of a credential has turned. The status, and what changed.
    #[must_use]
    pub(crate) fn turned(&self) -> Option<(AICoreRegistrySecretStatus, Vec<Event>)> {
        life::turned(self.object, self.status, self.now)
    }

    /// What to remember when nothing is to be done: how long ago the last push was, before anybody sets the wall clock.
    #[must_use]
    pub(crate) fn remembering(&self) -> Memory {
        let last = self.status.last_sync_time.as_ref().map(|last| last.0);
        let synced =
            last.map(|last| Synced::new(last, Synced::age(self.memory.synced, last, self.now), self.now));
        Memory { synced, ..self.memory.clone() }
    }

    /// What to say when a wait for a turn has become a person's business.
    #[must_use]
    pub(crate) fn waiting(&self) -> Waiting {
        match condition::find(&self.status.conditions, READY) {
            None => report::waiting(self.object, self.status, self.now.wall)
                .map_or(Waiting::Nothing, |status| Waiting::Says(Box::new(status))),
            Some(ready) if ready.status == "True" && !self.object.deleting => {
                let same_spec = ready.observed_generation == Some(self.object.generation);
                let same = same_spec && same_versions(self.status, self.versions, self.checked());
                let is_troubled = condition::find(&self.status.conditions, STALLED).is_some();
                let stands = !is_troubled || self.backoff_stands();
                if same && stands { Waiting::Nothing } else { Waiting::NeedsLook }
            }
            Some(_) if self.object.deleting || self.backoff_stands() => Waiting::Nothing,
            Some(ready) if ready.reason == Reason::Progressing.as_str() => Waiting::Nothing,
            // What was wrong may have been mended.
            Some(_) => Waiting::NeedsLook,
        }
    }

    /// Whether the last attempt has failed, and nothing that is seen speaks for another one: what it has left in the status is true.
    fn backoff_stands(&self) -> bool {
        let backoff = self.memory.retry.backoff.as_deref();
        backoff.is_some_and(|backoff| !backoff.may_end_with(self.versions, self.object.generation))
    }

    /// Versions that were read since the last push and held the same content.
    fn checked(&self) -> Versions<'_> {
        self.memory.checked.as_ref().map(SecretVersions::as_seen).unwrap_or_default()
    }

    /// Whether this pass will push, as far as can be said: then it needs a place before it reads anything, because what it
    /// reads while others are in front of it would be old when its turn comes.
    #[must_use]
    pub(crate) fn expects_push(&self) -> bool {
        let backoff = self.memory.retry.backoff.as_deref();
        let is_early = backoff.is_some_and(|backoff| backoff.not_before > self.now.uptime);
        let is_asked_for = self.object.unanswered_request(self.status).is_some();
        let backs_off = is_early && self.backoff_stands() && !is_asked_for;
        let idle = self.object.deleting || self.object.spec.suspended() || backs_off || self.lacks_source;
        !idle && !matches!(self.ownership, Ownership::OwnedBy(_))
    }
}

/// Whether both Secrets are at versions that hold what AI Core accepted.
fn same_versions(
    status: &AICoreRegistrySecretStatus,
    now_versions: Versions<'_>,
    checked: Versions<'_>,
) -> bool {
    let same = |now: Option<&str>, pushed: Option<&str>, checked: Option<&str>| {
        now.is_some() && (now == pushed || now == checked)
    };
    let key = status.ai_core_secret_resource_version.as_deref();
    same(now_versions.source, status.secret_resource_version.as_deref(), checked.source)
        && same(now_versions.service_key, key, checked.service_key)
}

/// Whether the status alone, together with the Secrets' versions, shows that nothing is to be done; if so, the time to the
/// next resync. `checked` are versions that were read since the last push and held the same content.
#[expect(clippy::option_option, reason = "at rest or not, and if so, when to look again, if at all")]
fn at_rest(
    object: &Object,
    status: &AICoreRegistrySecretStatus,
    now_versions: Versions<'_>,
    checked: Versions<'_>,
    synced: Option<Synced>,
    default_resync_interval: ResyncInterval,
    now: Now,
) -> Option<Option<Duration>> {
    let says_so = condition::find(&status.conditions, READY)
        .is_some_and(|ready| ready.status == "True" && ready.reason == Reason::Synced.as_str());
    let quiet = !object.deleting
        && object.inadmissible.is_none()
        && !object.spec.suspended()
        && finalizer_step(object) == FinalizerStep::Keep
        && object.unanswered_request(status).is_none()
        && status.observed_generation == Some(object.generation)
        && says_so
        && status.left_behind.is_none()
        && condition::find(&status.conditions, RECONCILING).is_none()
        && condition::find(&status.conditions, STALLED).is_none()
        && status.credentials_digest.as_deref().is_some_and(digest::is_known_version);
    if !quiet {
        return None;
    }
    if !same_versions(status, now_versions, checked) {
        return None;
    }
    let interval = object.resync_interval(default_resync_interval);
    let left = resync::due_in(object, status, interval, synced, now);
    let there_is_one = matches!(interval, ResyncInterval::Every(_));
    let is_due = left.map_or(there_is_one, |left| left.is_zero());
    let is_announced = status.next_resync_time.is_some();
    (is_announced == there_is_one && !is_due).then_some(left)
}

#[cfg(test)]
mod tests;
