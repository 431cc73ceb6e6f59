//! What comes of a pass, and the statuses that are written again.

use std::{sync::Arc, time::Duration};

use super::{
    fingerprint::only,
    pass::{Begun, Facts, Pass, Stage, TOO_LATE, observed},
    replica::AtWork,
    world::{LATEST, Late, LateWrite, Reply, Who, Written, key_of},
};
use crate::{
    api::AICoreRegistrySecretStatus,
    domain::{
        decide::{
            memory::Memory,
            pass_outcome::PassOutcome,
            plan::{Plan, Step},
            report::{Jitter, Outcome, Report},
            unwritten::Unwritten,
        },
        parse::object::Object,
    },
};

/// Chance is not explored: the longest delays.
const JITTER: Jitter = Jitter { retry: 1.0, resync: 1.0 };

impl AtWork<'_> {
    /// As `finish`, up to the request.
    pub(super) fn report(
        &mut self,
        who: Who,
        begun: Arc<Begun>,
        found: &Arc<(Facts, Plan)>,
        outcome: Outcome,
    ) {
        let observed = observed(&begun, &found.0);
        let mut report = (self.decisions.report)(&observed, &found.1.step, outcome, self.uptime(), JITTER);
        let before = self.replica.index.status(&begun.object.key);
        let before = before.filter(|(current, _)| current.uid == begun.object.uid);
        let before = before.map_or_else(|| Arc::clone(&begun.status), |(_, status)| status);
        if matches!(found.1.step, Step::Push(_))
            && let Some(status) = &mut report.status
        {
            let (late_writes, now) = (&self.replica.late_writes, self.replica.now(self.world));
            let kept = status.unanswered_write.as_deref();
            status.unanswered_write = late_writes.to_keep(&begun.object.key, &found.0.claim, kept, now);
        }
        if self.replica.index.has_heard_since(&begun.object, begun.heard) {
            self.end(who, &begun, PassOutcome::Withdrawn, Some(Duration::ZERO));
            return;
        }
        let status = report.status.take().map_or_else(|| Arc::clone(&begun.status), only);
        let status = Some(status).filter(|status| *status != before);
        match status {
            Some(status) if self.is_clear(who, &begun) => {
                self.tells(who, &begun.object, &status);
                let stage = Stage::Writing(status, Box::new(report));
                self.replica.passes[who] = Some(Pass::new(begun, Some(Arc::clone(found)), stage));
            }
            status => self.finish(who, begun, status, report, Written::Taken),
        }
    }

    pub(super) fn finish(
        &mut self,
        who: Who,
        begun: Arc<Begun>,
        status: Option<Arc<AICoreRegistrySecretStatus>>,
        report: Report,
        answer: Written,
    ) {
        let written = status.clone().unwrap_or_else(|| Arc::clone(&begun.status));
        self.replica.index.record(&begun.object, status, report.memory, None);
        let (outcome, requeue) = if answer == Written::Gone {
            (PassOutcome::Gone, None)
        } else {
            (report.outcome, report.requeue_after)
        };
        match report.leaving {
            Some(_) => self.leave(who, begun, &written, outcome, requeue),
            None => self.end(who, &begun, outcome, requeue),
        }
    }

    /// What stays behind has been said: the status need not remember it.
    pub(super) fn leave(
        &mut self,
        who: Who,
        begun: Arc<Begun>,
        status: &AICoreRegistrySecretStatus,
        outcome: PassOutcome,
        requeue: Option<Duration>,
    ) {
        let said = only(AICoreRegistrySecretStatus { left_behind: None, ..status.clone() });
        if self.is_clear(who, &begun) {
            self.tells(who, &begun.object, &said);
            self.replica.passes[who] = Some(Pass::new(begun, None, Stage::Leaving(said, outcome, requeue)));
        } else {
            self.replica.index.record_status(&begun.object, Arc::clone(&said));
            self.end(who, &begun, outcome, requeue);
        }
    }

    pub(super) fn cut_short(&mut self, who: Who, begun: &Begun) {
        let failed =
            self.replica.index.update_memory(&begun.object, |memory| memory.after_api_failure(JITTER.retry));
        let requeue = failed.unwrap_or_else(|| begun.memory.after_api_failure(JITTER.retry).1);
        self.end(who, begun, PassOutcome::ApiServerError, Some(requeue));
    }

    pub(super) fn end(&mut self, who: Who, begun: &Begun, outcome: PassOutcome, requeue: Option<Duration>) {
        self.replica.passes[who] = None;
        let woken = self.replica.index.pass_ended(&begun.object, outcome);
        self.enqueue(woken);
        let uptime = self.uptime();
        let confirmation = self.replica.late_writes.confirmation(&begun.object.key);
        let confirmation =
            confirmation.filter(|_| !begun.confirmation_due).map(|at| at.saturating_sub(uptime));
        let again = requeue.into_iter().chain(confirmation).min();
        match again {
            Some(Duration::ZERO) => {
                self.replica.queue.insert(who);
            }
            again => {
                self.replica.timers[who] =
                    again.filter(|after| *after < TOO_LATE).map(|after| self.world.now + after);
            }
        }
    }

    /// Whether a pass writes a status itself.
    pub(super) fn is_clear(&self, who: Who, begun: &Begun) -> bool {
        match self.replica.outdated[who] {
            Some(refused) => refused != (self.decisions.basis)(&self.replica.index, &begun.object),
            None => !self.replica.unwritten[who].is_some_and(Unwritten::is_owed),
        }
    }

    /// Whether it is known that the resource has another generation than the one that the pass is for.
    pub(super) fn is_outdated(&self, who: Who, begun: &Begun) -> bool {
        self.replica.outdated[who] == Some((self.decisions.basis)(&self.replica.index, &begun.object))
    }

    /// The write of a status begins.
    pub(super) fn tells(&mut self, who: Who, object: &Object, status: &AICoreRegistrySecretStatus) {
        self.replica.basis[who] = (self.decisions.basis)(&self.replica.index, object);
        self.replica.index.tells(object, status);
    }

    /// One write of a status; returns what became of it, as far as the answer tells.
    pub(super) fn write(
        &mut self,
        who: Who,
        begun: &Begun,
        status: &Arc<AICoreRegistrySecretStatus>,
        reply: Reply,
    ) -> Written {
        let (object, basis) = (&begun.object, self.replica.basis[who]);
        let carried_out = match reply {
            Reply::Done | Reply::Lost => self.world.write_status(object, basis, status),
            Reply::Late => {
                let what = LateWrite::Status(Arc::clone(object), basis, Arc::clone(status));
                self.world.late.push(Late { until: self.world.now + LATEST, what });
                Written::Taken
            }
            Reply::Refused => Written::Taken,
        };
        let answer =
            if reply == Reply::Done || carried_out == Written::Gone { carried_out } else { Written::Taken };
        let (before, uptime) = (self.replica.unwritten[who], self.uptime());
        let failed =
            |answered| Some(Unwritten::after_failure(before, answered, Duration::ZERO, uptime, JITTER.retry));
        self.replica.outdated[who] = None;
        self.replica.unwritten[who] = match (answer, reply) {
            (Written::Gone, _) => None,
            (Written::Outdated, _) => {
                if self.replica.index.was_outdated(object, basis) {
                    self.replica.queue.insert(who);
                }
                self.replica.outdated[who] = Some(basis);
                failed(true)
            }
            (Written::Taken, Reply::Done) => {
                self.replica.index.may_have_told(object);
                Unwritten::after_success(before, uptime)
            }
            (Written::Taken, Reply::Refused) => {
                self.replica.index.has_not_told(object);
                failed(true)
            }
            (Written::Taken, _) => {
                self.replica.index.may_have_told(object);
                failed(false)
            }
        };
        if reply == Reply::Done { carried_out } else { Written::Taken }
    }

    /// The newest status is written again.
    pub(super) fn write_again(&mut self, who: Who, reply: Reply) {
        let Some((object, status)) = self.replica.index.status(&key_of(who)) else {
            self.replica.unwritten[who] = None;
            return;
        };
        self.tells(who, &object, &status);
        let begun = Begun {
            object,
            status: Arc::clone(&status),
            memory: Memory::default(),
            heard: 0,
            overwritten: false,
            confirmation_due: false,
            key_watched: None,
            source_seen: None,
            key_held: None,
            key_place: None,
            lists: false,
        };
        self.write(who, &begun, &status, reply);
    }
}
