//! What holds after any pass over anything.

use proptest::prelude::*;

use super::*;
use crate::{
    api::DeletionPolicy,
    domain::decide::{conflict::proven_tenant, reason::Class},
};

/// What a pass may find and what may come of its step.
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each of them as likely as not")]
#[derive(Clone, Debug)]
pub(super) struct Turn {
    pub(super) seconds: u32,
    pub(super) password: &'static str,
    pub(super) source: Option<Reason>,
    pub(super) service_key: Option<Reason>,
    pub(super) tenant: &'static str,
    pub(super) ownership: u8,
    pub(super) suspend: bool,
    pub(super) request: Option<u8>,
    pub(super) generation: bool,
    pub(super) deleting: bool,
    pub(super) terminating: bool,
    pub(super) restart: bool,
    pub(super) outcome: Happens,
}

#[derive(Clone, Debug)]
pub(super) enum Happens {
    Accepted,
    Postponed,
    Fails { reason: Reason, absent: bool, retry_after: Option<u64> },
}

fn happens() -> impl Strategy<Value = Happens> {
    let reasons = [
        Reason::AuthenticationFailed,
        Reason::Forbidden,
        Reason::QuotaExceeded,
        Reason::RemoteRejected,
        Reason::RemoteMissing,
        Reason::RateLimited,
        Reason::RemoteUnavailable,
    ];
    prop_oneof![
        3 => Just(Happens::Accepted),
        1 => Just(Happens::Postponed),
        3 => (
            prop::sample::select(reasons.to_vec()),
            any::<bool>(),
            prop::option::weighted(0.2, 0_u64..10_000),
        )
            .prop_map(|(reason, absent, retry_after)| Happens::Fails { reason, absent, retry_after }),
    ]
}

pub(super) fn turns() -> impl Strategy<Value = Turn> {
    let trouble =
        |missing, invalid| prop_oneof![4 => Just(None), 1 => Just(Some(missing)), 1 => Just(Some(invalid))];
    let waits = prop_oneof![Just(0_u32), Just(1), Just(70), Just(1000), Just(4000)];
    (
        (waits, prop::sample::select(vec!["a", "b"])),
        trouble(Reason::SecretNotFound, Reason::SecretInvalid),
        trouble(Reason::ServiceKeyNotFound, Reason::ServiceKeyInvalid),
        prop_oneof![5 => Just("one"), 1 => Just("two")],
        prop_oneof![5 => Just(0_u8), 1 => Just(1), 1 => Just(2)],
        (any::<bool>(), prop::bool::weighted(0.2), prop::bool::weighted(0.05)),
        prop::option::weighted(0.3, 0_u8..3),
        (prop::bool::weighted(0.15), any::<bool>()),
        happens(),
    )
        .prop_map(
            |(
                (seconds, password),
                source,
                service_key,
                tenant,
                ownership,
                (generation, suspend, deleting),
                request,
                (restart, terminating),
                outcome,
            )| Turn {
                seconds,
                password,
                source,
                service_key,
                tenant,
                ownership,
                suspend,
                request,
                generation,
                deleting,
                terminating,
                restart,
                outcome,
            },
        )
}

impl Turn {
    pub(super) fn see(&self, observed: &mut Observed<'_>) {
        observed.ownership = match self.ownership {
            0 => Ownership::Owner { successor: None },
            1 => Ownership::OwnedBy(key("older")),
            _ => Ownership::Pending,
        };
        observed.digest = Some(digest_of(self.password));
        let version = if self.password == "a" { "10" } else { "11" };
        observed.source = usable(version, vec!["ghcr.io".to_owned()]);
        observed.service_key = usable("21", tenant(self.tenant));
        observed.service_key_identity = Some(format!("aicore-key/@{}", self.tenant));
        if self.terminating {
            observed.namespace = NamespaceState::Terminating;
        }
        if let Some(reason) = self.source {
            observed.source = unusable(reason);
            observed.digest = None;
        }
        if let Some(reason) = self.service_key {
            observed.service_key = unusable(reason);
            observed.digest = None;
        }
    }

    pub(super) fn outcome(&self, step: &Step, at: Timestamp) -> Outcome {
        match (step, &self.outcome) {
            (Step::NoPush(_), _) => Outcome::NothingSent,
            (Step::LetGo(_), _) => Outcome::LetGo,
            (Step::DeleteRemote { .. }, Happens::Accepted) => Outcome::RemoteDeleted,
            (Step::Push(_), Happens::Accepted) => Outcome::Pushed { at, created: false },
            (_, Happens::Postponed) if at.as_second() % 2 == 0 => Outcome::Postponed(seconds(2)),
            (_, Happens::Postponed) => Outcome::Postponed(NOTEWORTHY_WAIT),
            (_, Happens::Fails { reason, absent, retry_after }) => Outcome::Failed(Failure {
                retry_after: retry_after.map(seconds),
                remote_absent: *absent,
                may_have_arrived: *reason == Reason::RemoteUnavailable,
                ..failure(*reason)
            }),
        }
    }

    pub(super) fn prepare(&self, life: &mut Life) {
        life.later(seconds(self.seconds.into()));
        if self.restart {
            life.restart();
        }
        if life.object.spec.suspended() != self.suspend {
            life.spec(|spec| spec.suspend = Some(self.suspend));
        }
        if self.generation {
            life.object.generation += 1;
        }
        if let Some(request) = self.request {
            life.object.requested_at = Some(request.to_string().into());
        }
        if self.deleting && !life.object.deleting {
            life.object.deleting = true;
            life.object.finalizer = true;
            life.spec(|spec| spec.deletion_policy = Some(DeletionPolicy::Delete));
        }
    }
}

fn status_of<'a>(status: &'a AICoreRegistrySecretStatus, type_: &str) -> Option<&'a str> {
    condition::find(&status.conditions, type_).map(|condition| condition.status.as_str())
}

fn headline(status: &AICoreRegistrySecretStatus) -> Option<&str> {
    [STALLED, RECONCILING, READY]
        .into_iter()
        .find_map(|type_| condition::find(&status.conditions, type_))
        .map(|condition| condition.reason.as_str())
}

fn is_outcome(step: &Step, outcome: &Outcome) -> bool {
    !matches!(outcome, Outcome::Postponed(_)) && !matches!(step, Step::NoPush(Why::Pending))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn invariants(
        turns in prop::collection::vec(turns(), 1..12),
        synced in any::<bool>(),
    ) {
        let mut life = if synced { Life::in_sync() } else { Life::new() };
        for turn in turns {
            turn.prepare(&mut life);
            let before = life.status.clone();
            let now = life.now.wall;
            let mut outcome = Outcome::NothingSent;
            let (step, report) = life.pass(|observed| turn.see(observed), |step| {
                outcome = turn.outcome(step, now);
                outcome.clone()
            });
            let Some(status) = report.status.clone() else {
                // Nothing is to be written: the resource goes, or a short wait is not worth a word.
                if report.requeue_after.is_none() {
                    prop_assert!(life.object.deleting);
                    break;
                }
                prop_assert!(!is_outcome(&step, &outcome));
                prop_assert_eq!(&report.events, &Vec::new());
                continue;
            };
            let generation = life.object.generation;

            // kstatus.
            prop_assert!(status_of(&status, READY).is_some());
            prop_assert!(status_of(&status, RECONCILING).is_none_or(|status| status == "True"));
            prop_assert!(status_of(&status, STALLED).is_none_or(|status| status == "True"));
            prop_assert!(status_of(&status, RECONCILING).is_none() || status_of(&status, STALLED).is_none());
            for condition in &status.conditions {
                let reason = Reason::ALL.into_iter().find(|reason| reason.as_str() == condition.reason);
                prop_assert!(reason.is_some(), "{}", condition.reason);
                let class = reason.map(Reason::class);
                prop_assert!(!condition.message.is_empty());
                match condition.type_.as_str() {
                    READY => prop_assert!(
                        condition.status != "True" || class == Some(Class::Done),
                        "{:?}", condition
                    ),
                    STALLED => prop_assert_eq!(class, Some(Class::Stalled)),
                    _ => prop_assert!(matches!(class, Some(Class::Waiting | Class::Transient))),
                }
            }
            let types: Vec<_> = status.conditions.iter().map(|condition| &condition.type_).collect();
            prop_assert_eq!(types.len(), types.iter().collect::<std::collections::HashSet<_>>().len());

            // The outcome is answered as a whole, or not at all.
            let requested = life.object.requested_at.as_deref();
            if is_outcome(&step, &outcome) {
                prop_assert_eq!(status.observed_generation, Some(generation));
                if requested.is_some() {
                    prop_assert_eq!(status.last_handled_reconcile_at.as_deref(), requested);
                }
            } else {
                prop_assert_eq!(status.observed_generation, before.observed_generation);
                prop_assert_eq!(&status.last_handled_reconcile_at, &before.last_handled_reconcile_at);
                prop_assert_eq!(&report.events, &Vec::new());
                prop_assert!(report.requeue_after.is_some());
            }

            // Times of transition.
            for condition in &status.conditions {
                let old = condition::find(&before.conditions, &condition.type_);
                let since = condition.last_transition_time.0;
                match old.filter(|old| old.status == condition.status) {
                    Some(old) => prop_assert_eq!(since, old.last_transition_time.0),
                    None => prop_assert_eq!(since, now),
                }
            }

            // The fields of the last accepted push.
            let arrived =
                matches!(&outcome, Outcome::Failed(failure) if failure.may_have_arrived) && !life.object.deleting;
            let sent_to = tenant(turn.tenant);
            let is_news = before.api_url.as_ref() != Some(&sent_to.api_url);
            if arrived && is_news {
                prop_assert_eq!(&status.api_url, &Some(sent_to.api_url), "where it may be is not forgotten");
                let left = report.leaving.as_ref().map(|leaving| &leaving.event.note);
                prop_assert_eq!(left.is_some(), before.api_url.is_some());
                let names = |note: &String| note.contains(before.api_url.as_deref().unwrap_or_default());
                prop_assert!(left.is_none_or(names), "{:?}", left);
            } else if !matches!(outcome, Outcome::Pushed { .. }) {
                let pushed = |status: &AICoreRegistrySecretStatus| AICoreRegistrySecretStatus {
                    conditions: Vec::new(),
                    observed_generation: None,
                    next_resync_time: None,
                    last_handled_reconcile_at: None,
                    remote_name: None,
                    failed_attempt: None,
                    credentials_digest: None,
                    ..status.clone()
                };
                prop_assert_eq!(pushed(&status), pushed(&before));
                // Of a claim that was given up, and of nothing else, the digest goes.
                let given_up = proven_tenant(&before).is_none() && status.credentials_digest.is_none();
                prop_assert!(given_up || status.credentials_digest == before.credentials_digest);
            }

            // Events.
            let headlines: Vec<_> = report.events.iter().filter(|event| event.reason != "TenantChanged").collect();
            if is_outcome(&step, &outcome) && headline(&before) != headline(&status) {
                prop_assert_eq!(headlines.len(), 1);
                prop_assert_eq!(Some(headlines[0].reason), headline(&status));
            } else {
                prop_assert_eq!(headlines.len(), 0);
            }

            // Whoever waits for nothing is done; and nobody waits longer than the long interval, an hour, or the resync.
            if report.requeue_after.is_none() {
                prop_assert!(matches!(step, Step::NoPush(Why::Suspended)), "{:?}", step);
            }
            if life.object.deleting {
                prop_assert!(report.requeue_after.is_some_and(|requeue_after| requeue_after <= LONGEST_WHILE_DELETING));
            }

            // The same again changes nothing and says nothing.
            let repeated = {
                let mut observed = an_observation(&life.object, &life.status);
                observed.backoff = life.memory.retry.backoff.as_deref();
                observed.now = life.now;
                turn.see(&mut observed);
                let step = plan(&observed).step;
                if let Step::Push(_) | Step::DeleteRemote { .. } = step {
                    None
                } else {
                    let outcome = turn.outcome(&step, now);
                    Some(super::report(&observed, &step, outcome, observed.now.uptime, JITTER))
                }
            };
            if let Some(repeated) = repeated.filter(|repeated| repeated.status.is_some()) {
                prop_assert_eq!(repeated.status.as_ref(), Some(&life.status));
                prop_assert_eq!(&repeated.events, &Vec::new());
            }
        }
    }

    /// However often it fails in the same way, that is said and written once.
    #[test]
    fn the_same_failure_again_gives_the_same_status(turn in turns(), synced in any::<bool>()) {
        let Happens::Fails { .. } = turn.outcome else {
            return Ok(());
        };
        let mut life = if synced { Life::in_sync() } else { Life::new() };
        turn.prepare(&mut life);
        let now = life.now.wall;
        let first = life.pass(|observed| turn.see(observed), |step| turn.outcome(step, now)).1;
        life.later(seconds(4000));
        let second = life.pass(|observed| turn.see(observed), |step| turn.outcome(step, now)).1;
        let (Some(first), Some(status)) = (first.status, second.status) else {
            return Ok(());
        };
        // A resync that became due meanwhile is another failure.
        if status.conditions.len() != first.conditions.len() {
            prop_assert_eq!(headline(&first), Some("Synced"));
            return Ok(());
        }
        // What stayed behind was said in between.
        prop_assert_eq!(&status, &AICoreRegistrySecretStatus { left_behind: None, ..first });
        prop_assert_eq!(&second.events, &Vec::new());
    }
}
