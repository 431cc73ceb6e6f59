use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use rstest::rstest;

use super::*;
use crate::{
    api::condition::{self, READY, RECONCILING, STALLED},
    domain::{
        decide::{
            backoff::LONGEST_WHILE_DELETING,
            hold,
            observed::{NamespaceState, Ownership, Takeover},
            plan::{LetGo, plan},
        },
        parse::object::{Now, Object, ObjectKey},
        testing::*,
    },
};

mod arrival;
mod deletion;
mod events;
mod given_up;
mod holds;
mod lives;
mod next_state;
mod properties;
mod readiness;
mod reasons;
mod rivals;
mod service_key;
mod simulation;
mod suspension;

const JITTER: Jitter = Jitter { retry: 0.5, resync: 0.5 };

/// A resource over several passes: what a pass reports is what the next one starts from.
struct Life {
    object: Object,
    status: AICoreRegistrySecretStatus,
    memory: Memory,
    now: Now,
}

impl Life {
    fn of(object: Object, status: AICoreRegistrySecretStatus) -> Self {
        Self { object, status, memory: Memory::default(), now: a_minute_later() }
    }

    fn new() -> Self {
        Self::of(an_object(), a_new_status())
    }

    fn in_sync() -> Self {
        Self::of(an_object(), a_status_in_sync())
    }

    /// One pass: `see` changes what is found, `outcome` is what comes of the planned step.
    fn pass(
        &mut self,
        see: impl FnOnce(&mut Observed<'_>),
        outcome: impl FnOnce(&Step) -> Outcome,
    ) -> (Step, Report) {
        let mut observed = an_observation(&self.object, &self.status);
        observed.backoff = self.memory.retry.backoff.as_deref();
        observed.checked = self.memory.checked.as_ref();
        observed.synced = self.memory.synced;
        observed.handing_over = self.memory.handing_over;
        observed.sent = self.memory.sent;
        observed.now = self.now;
        see(&mut observed);
        let restored = hold::restored(&observed);
        observed.backoff = observed.backoff.or(restored.as_ref());
        let step = plan(&observed).step;
        let report = report(&observed, &step, outcome(&step), self.now.uptime, JITTER);
        if let Some(status) = &report.status {
            self.status = status.clone();
        }
        if report.leaving.is_some() {
            assert!(self.status.left_behind.take().is_some(), "it is remembered until it is said");
        }
        self.memory.clone_from(&report.memory);
        (step, report)
    }

    /// A pass whose step, a push, fails.
    fn push_fails(&mut self, see: impl FnOnce(&mut Observed<'_>), failure: Failure) -> Report {
        self.pass(see, |step| {
            assert!(matches!(step, Step::Push(_)), "{step:?}");
            Outcome::Failed(failure)
        })
        .1
    }

    /// A pass whose step, a push, is accepted.
    fn push_succeeds(&mut self, see: impl FnOnce(&mut Observed<'_>)) -> Report {
        let at = self.now.wall;
        self.pass(see, |step| {
            assert!(matches!(step, Step::Push(_)), "{step:?}");
            Outcome::Pushed { at, created: false }
        })
        .1
    }

    /// A pass in which nothing is sent.
    fn rests(&mut self, see: impl FnOnce(&mut Observed<'_>)) -> Report {
        self.pass(see, |step| {
            assert!(matches!(step, Step::NoPush(_)), "{step:?}");
            Outcome::NothingSent
        })
        .1
    }

    fn later(&mut self, by: Duration) {
        self.now.wall = self.now.wall.checked_add(by).unwrap();
        self.now.uptime += by;
        self.now.leading += by;
    }

    /// The process ends and another one begins.
    fn restart(&mut self) {
        self.memory = Memory::default();
        (self.now.uptime, self.now.leading) = (Duration::ZERO, Duration::ZERO);
    }

    fn spec(&mut self, change: impl FnOnce(&mut crate::api::AICoreRegistrySecretSpec)) {
        self.object = self.object.clone().with_spec(change);
        self.object.generation += 1;
    }

    /// The conditions as `type=status/reason`.
    fn conditions(&self) -> Vec<String> {
        self.status
            .conditions
            .iter()
            .map(|condition| format!("{}={}/{}", condition.type_, condition.status, condition.reason))
            .collect()
    }

    fn ready(&self) -> String {
        condition::find(&self.status.conditions, READY)
            .map(|ready| format!("{}/{}", ready.status, ready.reason))
            .unwrap_or_default()
    }

    fn message(&self, type_: &str) -> &str {
        condition::find(&self.status.conditions, type_).map_or("", |condition| &condition.message)
    }
}

fn as_found(_: &mut Observed<'_>) {}

fn rotated(observed: &mut Observed<'_>) {
    observed.source = usable("11", vec!["ghcr.io".to_owned()]);
    observed.digest = Some(digest_of("b"));
}

fn owned_by(owner: &ObjectKey) -> impl FnOnce(&mut Observed<'_>) {
    let owner = owner.clone();
    move |observed| observed.ownership = Ownership::OwnedBy(owner)
}

fn without_source(observed: &mut Observed<'_>) {
    observed.source = unusable(Reason::SecretNotFound);
    observed.digest = None;
}

/// The failure of an attempt that has shown that AI Core has no secret of the name.
fn absent(reason: Reason) -> Failure {
    Failure { remote_absent: true, ..failure(reason) }
}
