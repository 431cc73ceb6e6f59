//! What a pass does between its points of waiting, up to what comes of it.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::{
    fingerprint::only,
    pass::{Begun, Facts, INTERVAL, Pass, Stage, held, key_version, observed, source_version},
    replica::{AtWork, News, purpose},
    world::{Content, LATEST, Late, LateWrite, Remote, Reply, Who, Written, key_of, who_is},
};
use crate::{
    controller::{
        errand::{Errand, KeyFound, Purpose},
        queue::Queue,
    },
    domain::{
        decide::{
            backoff::LONGEST_API_DELAY,
            conflict::{Claim, pushed_claim},
            failure::Failure,
            hold, left_behind,
            observed::{Ownership, Takeover},
            pass_outcome::PassOutcome,
            plan::{FinalizerStep, LetGo, Plan, Step},
            reason::Reason,
            report::Outcome,
            warm_up::opening::Opening,
        },
        parse::object::ObjectKey,
    },
};

impl AtWork<'_> {
    /// A watch shows what it has not shown yet.
    pub(super) fn hear(&mut self, who: Who, news: News) {
        self.replica.behind[who][news as usize] = false;
        let key = key_of(who);
        let index = &self.replica.index;
        let woken = match (news, &self.world.objects[who]) {
            (News::Resource, Some(stored)) => {
                let mut woken = index.apply_resource((*stored.object).clone(), (*stored.status).clone());
                woken.extend(index.is_shown_at(&key, stored.version()).then(|| key.clone()));
                woken
            }
            (News::Resource, None) => index.remove_resource(&key),
            (News::Source, _) => {
                index.apply_secret(&key.sibling("registry"), &source_version(self.world.sources[who]))
            }
            (News::Key, _) => {
                index.apply_secret(&key.sibling("aicore-key"), &key_version(self.world.keys[who]))
            }
        };
        // What a watch shows of a resource itself always wakes it.
        self.replica.queue.extend(woken.iter().filter(|woken| **woken == key).map(who_is));
        self.enqueue(woken.into_iter().filter(|woken| *woken != key).collect());
        if self.world.objects[who].is_none() && news == News::Resource {
            self.replica.timers[who] = None;
        }
    }

    /// A pass begins.
    pub(super) fn begin(&mut self, who: Who) {
        self.replica.queue.remove(&who);
        self.replica.timers[who] = None;
        let key = key_of(who);
        let Some(mut snapshot) = self.replica.index.snapshot(&key) else {
            self.replica.late_writes.remove(&key);
            return;
        };
        let now = self.replica.now(self.world);
        if let Some(kept) = &snapshot.status.unanswered_write
            && let Some(pushed) = pushed_claim(&snapshot.object, &snapshot.status)
        {
            self.replica.late_writes.recall_confirmation(&key, &pushed, kept, now);
        }
        snapshot.confirmation_due = self.replica.late_writes.is_due(&key, now.uptime);
        let known = snapshot.known(INTERVAL, now);
        if let Some(unseen) = snapshot.unseen {
            let waits = (self.decisions.opening)(&known, unseen) == Opening::WaitForList;
            if self.replica.index.wait_for_secrets(&key, waits) {
                return;
            }
        }
        let rests = (self.decisions.unchanged)(&known);
        let begun = Begun {
            object: Arc::clone(&snapshot.object),
            status: Arc::clone(&snapshot.status),
            memory: snapshot.memory.clone(),
            heard: snapshot.heard,
            overwritten: snapshot.overwritten,
            confirmation_due: snapshot.confirmation_due,
            key_watched: snapshot.service_key_version.clone(),
            source_seen: snapshot.source_version.clone(),
            key_held: snapshot.service_key.clone(),
            lists: snapshot.unseen.is_some(),
            key_place: snapshot.place.clone().ok(),
        };
        if let Some(rests) = rests {
            let memory = known.remembering();
            self.replica.index.record(&snapshot.object, None, memory, None);
            self.end(who, &begun, PassOutcome::Unchanged, rests.requeue_after);
            return;
        }
        self.replica.passes[who] = Some(Pass::new(Arc::new(begun), None, Stage::Reading));
    }

    /// What a pass waits for has come to this.
    ///
    /// # Errors
    /// The law that what it does then breaks.
    pub(super) fn go_on(&mut self, who: Who, reply: Reply) -> Result<(), String> {
        let Some(pass) = self.replica.passes[who].take() else { return Ok(()) };
        let Pass { begun, found, stage, mark: _ } = pass;
        match (stage, found) {
            (Stage::Reading, _) if reply == Reply::Done => self.found(who, begun),
            (Stage::Finalizer, Some(found)) => self.finalizer(who, begun, found, reply),
            (Stage::Token, Some(found)) => {
                if reply == Reply::Done {
                    self.replica.tokens.insert(held(who, found.0.tenant).id);
                    self.with_token(who, begun, found)
                } else {
                    let outcome = Outcome::Failed(unavailable(false));
                    self.report(who, begun, &found, outcome);
                    Ok(())
                }
            }
            (Stage::Order, Some(found)) => self.in_order(who, begun, found),
            (Stage::Announcing(status), Some(found)) => {
                let written = self.write(who, &begun, &status, reply);
                let has_heard = self.replica.index.has_heard_since(&begun.object, begun.heard);
                if written == Written::Outdated || has_heard && reply != Reply::Done {
                    self.report(who, begun, &found, Outcome::Postponed(LONGEST_API_DELAY));
                    return Ok(());
                }
                self.replica.index.record_status(&begun.object, Arc::clone(&status));
                self.send(who, begun, found)
            }
            (Stage::Sending, Some(found)) => {
                self.sent(who, begun, found, reply);
                Ok(())
            }
            (Stage::LettingGo(outcome), Some(found)) => {
                if self.set_finalizer(who, &begun, false, reply).is_some() {
                    self.report(who, begun, &found, outcome);
                } else {
                    self.without_finalizer(who, &begun, reply);
                }
                Ok(())
            }
            (Stage::Writing(status, report), _) => {
                let written = self.write(who, &begun, &status, reply);
                let is_there = written == Written::Taken && reply == Reply::Done;
                if !is_there && self.replica.index.has_heard_since(&begun.object, begun.heard) {
                    self.end(who, &begun, PassOutcome::Withdrawn, Some(Duration::ZERO));
                    return Ok(());
                }
                self.finish(who, begun, Some(status), *report, written);
                Ok(())
            }
            (Stage::Leaving(status, outcome, requeue), _) => {
                self.write(who, &begun, &status, reply);
                self.replica.index.record_status(&begun.object, Arc::clone(&status));
                self.end(who, &begun, outcome, requeue);
                Ok(())
            }
            _ => {
                self.cut_short(who, &begun);
                Ok(())
            }
        }
    }

    fn wait(&mut self, who: Who, begun: Arc<Begun>, found: Arc<(Facts, Plan)>, stage: Stage) {
        self.replica.passes[who] = Some(Pass::new(begun, Some(found), stage));
    }

    /// What a read finds counts while the Secrets are listed.
    fn stand_in(&mut self, who: Who, secret: &ObjectKey, known: Option<&str>, found: &str) {
        let woken = self.replica.index.read_secret(secret, known, found);
        self.enqueue(woken.into_iter().filter(|woken| *woken != key_of(who)).collect());
    }

    /// The first list of Secrets is over, or is not waited for any longer.
    pub(super) fn end_list(&mut self) {
        self.replica.lists = false;
        let waited = self.replica.index.secrets_are_awaited_no_more(&None);
        self.replica.queue.extend(waited.iter().map(who_is));
    }

    /// As `gather`, and what follows up to the first request of `act`.
    fn found(&mut self, who: Who, begun: Arc<Begun>) -> Result<(), String> {
        let object = &begun.object;
        if begun.lists && !object.deleting {
            let version = source_version(self.world.sources[who]);
            self.stand_in(who, &object.source(), begun.source_seen.as_deref(), &version);
        }
        if let (true, None, Some(place)) = (begun.lists, &begun.key_held, &begun.key_place) {
            let version = key_version(self.world.keys[who]);
            self.stand_in(who, &place.secret, begun.key_watched.as_deref(), &version);
        }
        let key = begun.key_held.clone().unwrap_or_else(|| {
            let key = held(who, self.world.keys[who]);
            if let Some(place) = &begun.key_place {
                self.replica.index.cache_service_key(place, &key.version, Arc::clone(&key));
            }
            key
        });
        let tenant = usize::from(key.tenant != held(who, 0).tenant);
        let remote_name = object.remote_name.clone().map_err(|invalid| invalid.to_string())?;
        let claim = Claim { tenant: Arc::clone(&key.tenant), remote_name };
        let wakes = self.replica.index.claim(object, Some(claim.clone()), Some(key.id));
        let ownership = self.replica.index.ownership(object, Some(&claim));
        let takeover = match &ownership {
            Ownership::Owner { successor: Some(successor) } => self.replica.index.takeover(successor, &claim),
            _ => Takeover::Done,
        };
        self.enqueue(wakes);
        if !self.replica.index.holds(object) {
            self.end(who, &begun, PassOutcome::Withdrawn, Some(Duration::ZERO));
            return Ok(());
        }
        let source = (!object.deleting).then(|| Content { by: who, version: self.world.sources[who] });
        let used = Some(Arc::clone(&key.version));
        let mut facts = Facts {
            source,
            tenant,
            claim,
            ownership,
            takeover,
            key: KeyFound { place: begun.key_place.clone(), watched: begun.key_watched.clone(), used },
            restored: None,
            now: self.replica.now(self.world),
        };
        facts.restored = hold::restored(&observed(&begun, &facts));
        if left_behind::unsaid(&observed(&begun, &facts)).is_some() {
            let status = Arc::clone(&begun.status);
            self.leave(who, begun, &status, PassOutcome::Postponed, Some(Duration::ZERO));
            return Ok(());
        }
        let plan = (self.decisions.plan)(&observed(&begun, &facts));
        if let (Step::Push(_), Some(kept)) = (&plan.step, &begun.status.unanswered_write) {
            self.replica.late_writes.recall_unanswered(&facts.claim, kept, facts.now);
        }
        let found = Arc::new((facts, plan));
        match found.1.finalizer {
            FinalizerStep::Keep => self.act(who, begun, found),
            FinalizerStep::Add | FinalizerStep::Remove => {
                self.wait(who, begun, found, Stage::Finalizer);
                Ok(())
            }
        }
    }

    pub(super) fn act(
        &mut self,
        who: Who,
        begun: Arc<Begun>,
        found: Arc<(Facts, Plan)>,
    ) -> Result<(), String> {
        match &found.1.step {
            Step::NoPush(_) => self.report(who, begun, &found, Outcome::NothingSent),
            Step::LetGo(why) => {
                if let LetGo::HandedOver(heir) = why {
                    self.hand_over(&begun, &found.0.claim, heir);
                }
                self.wait(who, begun, found, Stage::LettingGo(Outcome::LetGo));
            }
            Step::Push(_) | Step::DeleteRemote { .. } => {
                if !self.stands(&begun, &found) {
                    self.report(who, begun, &found, Outcome::Withdrawn);
                } else if self.replica.tokens.contains(&held(who, found.0.tenant).id) {
                    return self.with_token(who, begun, found);
                } else {
                    self.wait(who, begun, found, Stage::Token);
                }
            }
        }
        Ok(())
    }

    fn hand_over(&mut self, begun: &Begun, claim: &Claim, heir: &ObjectKey) {
        if self.replica.index.may_hold(&begun.object.key) {
            self.replica.index.may_have_written(&begun.object, claim);
            self.replica.queue.insert(who_is(heir));
        }
    }

    fn stands(&self, begun: &Begun, found: &(Facts, Plan)) -> bool {
        static ENDING: LazyLock<CancellationToken> = LazyLock::new(CancellationToken::new);
        // Nobody waits here for what the errand would wait for there.
        static QUEUE: LazyLock<Queue> = LazyLock::new(|| Queue::idle(1));
        let purpose = purpose(&found.1);
        (self.decisions.stands)(&Errand {
            index: &self.replica.index,
            queue: &QUEUE,
            object: &begun.object,
            claim: &found.0.claim,
            key: &found.0.key,
            purpose,
            passed_over: found.0.ownership.successor().filter(|_| purpose == Purpose::Delete),
            ending: &ENDING,
        })
    }

    fn with_token(&mut self, who: Who, begun: Arc<Begun>, found: Arc<(Facts, Plan)>) -> Result<(), String> {
        let woken = self.replica.index.proven(&begun.object, &found.0.claim);
        self.enqueue(woken);
        if !self.stands(&begun, &found) {
            self.report(who, begun, &found, Outcome::Withdrawn);
            return Ok(());
        }
        if self.replica.is_taken(&found.0.claim, who) {
            self.wait(who, begun, found, Stage::Order);
            return Ok(());
        }
        self.in_order(who, begun, found)
    }

    fn in_order(&mut self, who: Who, begun: Arc<Begun>, found: Arc<(Facts, Plan)>) -> Result<(), String> {
        let current = self.replica.index.status(&begun.object.key);
        let current = current.filter(|(current, _)| current.uid == begun.object.uid);
        if purpose(&found.1) == Purpose::Push
            && let Some((current, status)) = current
            && let Some(announced) = (self.decisions.announced)(&current, &status, &found.0.claim.tenant)
        {
            let announced = only(announced);
            if self.is_outdated(who, &begun) {
                self.report(who, begun, &found, Outcome::Postponed(LONGEST_API_DELAY));
                return Ok(());
            }
            if self.is_clear(who, &begun) {
                self.tells(who, &begun.object, &announced);
                self.wait(who, begun, found, Stage::Announcing(announced));
                return Ok(());
            }
            self.replica.index.record_status(&begun.object, Arc::clone(&announced));
        }
        self.send(who, begun, found)
    }

    fn send(&mut self, who: Who, begun: Arc<Begun>, found: Arc<(Facts, Plan)>) -> Result<(), String> {
        if !self.stands(&begun, &found) {
            self.report(who, begun, &found, Outcome::Withdrawn);
            return Ok(());
        }
        self.judge(who, &begun, &found)?;
        (self.decisions.writes)(&self.replica.index, &begun.object, &found.0.claim);
        let remote = Remote { tenant: found.0.tenant, name: self.world.setup.names[who] };
        self.replica.pushed_over.insert((1 - who, remote));
        self.wait(who, begun, found, Stage::Sending);
        Ok(())
    }

    fn sent(&mut self, who: Who, begun: Arc<Begun>, found: Arc<(Facts, Plan)>, reply: Reply) {
        let remote = Remote { tenant: found.0.tenant, name: self.world.setup.names[who] };
        // A request that deletes has nothing to bring.
        let content = if purpose(&found.1) == Purpose::Push { found.0.source } else { None };
        let created = self.world.remote(remote).is_none();
        match reply {
            Reply::Done | Reply::Lost => {
                if content.is_none() {
                    self.world.late.retain(
                        |late| !matches!(&late.what, LateWrite::Remote(other, _) if *other == remote),
                    );
                }
                self.world.set_remote(remote, content);
            }
            Reply::Late => {
                let until = self.world.now + LATEST;
                self.world.late.push(Late { until, what: LateWrite::Remote(remote, content) });
            }
            Reply::Refused => {}
        }
        let uptime = self.uptime();
        if matches!(reply, Reply::Lost | Reply::Late) {
            (self.decisions.unanswered)(&mut self.replica.late_writes, &found.0.claim, uptime);
        }
        match (reply, content) {
            (Reply::Done, None) => self.wait(who, begun, found, Stage::LettingGo(Outcome::RemoteDeleted)),
            (Reply::Done, Some(_)) => {
                let woken = self.replica.index.accepted(&begun.object, &found.0.claim);
                self.enqueue(woken.into_iter().collect());
                self.replica.pushed.insert((who, remote));
                self.replica.pushed_over.remove(&(who, remote));
                self.replica.late_writes.accepted(&begun.object.key, &found.0.claim, uptime);
                let at = self.world.wall();
                self.report(who, begun, &found, Outcome::Pushed { at, created });
            }
            (Reply::Refused, _) => self.report(who, begun, &found, Outcome::Failed(unavailable(false))),
            (Reply::Lost | Reply::Late, _) => {
                self.report(who, begun, &found, Outcome::Failed(unavailable(true)));
            }
        }
    }
}

fn unavailable(may_have_arrived: bool) -> Failure {
    Failure { may_have_arrived, ..Failure::new(Reason::RemoteUnavailable, "no answer") }
}
