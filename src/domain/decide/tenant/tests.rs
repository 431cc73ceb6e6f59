mod keys;
mod lives;
mod requests;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::api::{Moment, condition::READY};
use crate::domain::testing::{
    LAST_SYNC, LONG_UPTIME, a_minute_later, a_shared_tenant, at, condition, failure, seconds, tenant,
};

const HOUR: Duration = QUOTA_INTERVAL;

/// An AICoreTenant from one pass to the next.
struct Life {
    tenant: SharedTenant,
    status: AICoreTenantStatus,
    memory: TenantMemory,
    version: String,
    granted: Option<bool>,
    resources: usize,
    now: Now,
    writes: usize,
    validity: Option<Validity>,
    /// Reasons of what was said.
    events: Vec<&'static str>,
}

impl Life {
    fn new() -> Self {
        Self {
            tenant: a_shared_tenant(&["*"], None),
            status: AICoreTenantStatus { observed_generation: Some(-1), ..AICoreTenantStatus::default() },
            memory: TenantMemory::default(),
            version: "20".to_owned(),
            granted: None,
            resources: 0,
            now: a_minute_later(),
            writes: 0,
            validity: Some(Validity { not_before: at(LAST_SYNC), not_after: at(LAST_SYNC + 1_000_000) }),
            events: Vec::new(),
        }
    }

    /// After a pass in which all was well.
    fn valid() -> Self {
        let mut life = Self::new();
        life.asked(Answer::Quota(Some((7, 50))));
        life
    }

    fn known(&self) -> TenantKnown<'_> {
        TenantKnown {
            tenant: &self.tenant,
            status: &self.status,
            memory: &self.memory,
            key_version: Some(&self.version),
            granted: self.granted,
            resources: self.resources,
            now: self.now,
        }
    }

    fn key(&self) -> TenantKey {
        let content = KeyFacts { tenant: tenant("one"), validity: self.validity };
        TenantKey {
            found: Found::Usable { version: self.version.clone(), content },
            identity: Some("aicore-key/#1".to_owned()),
        }
    }

    fn asks(&self) -> bool {
        self.known().asks(&self.version, self.key().identity.as_deref())
    }

    fn takes(&mut self, report: TenantReport) -> Duration {
        let written = report.status != self.status;
        self.writes += usize::from(written);
        self.events.extend(report.events.iter().map(|event| event.reason));
        self.status = report.status;
        self.memory = report.memory;
        if written {
            self.memory.written = Some(self.now.uptime);
        }
        report.requeue_after
    }

    fn asked(&mut self, answer: Answer) -> Duration {
        assert!(self.asks(), "AI Core is not to be asked");
        if !matches!(answer, Answer::NotAsked) {
            // As the pass does before it asks.
            self.memory.quota_changed = false;
            self.granted = Some(
                !matches!(&answer, Answer::Failed(failed) if failed.reason == Reason::AuthenticationFailed),
            );
        }
        let report = self.known().report(&self.key(), answer, self.now.uptime, 1.0);
        self.takes(report)
    }

    fn found(&mut self, key: &TenantKey) -> Duration {
        let report = self.known().report(key, Answer::NotAsked, self.now.uptime, 1.0);
        self.takes(report)
    }

    fn rests(&mut self) -> Duration {
        assert!(self.known().at_rest(), "there is something to look at");
        let report = self.known().rests();
        self.takes(report)
    }

    fn later(&mut self, time: Duration) {
        self.now.uptime += time;
        self.now.leading += time;
        self.now.wall += time;
    }

    /// Another process goes on, right after its start.
    fn restart(&mut self) {
        self.memory = TenantMemory::default();
        self.granted = None;
        self.now.uptime = Duration::ZERO;
        self.now.leading = Duration::ZERO;
    }

    fn conditions(&self) -> Vec<String> {
        let conditions = self.status.conditions.iter();
        conditions.map(|one| format!("{}={}/{}", one.type_, one.status, one.reason)).collect()
    }
}

#[test]
fn a_new_one_is_asked_about_once() {
    let mut life = Life::new();
    assert!(!life.known().at_rest());
    life.resources = 3;
    assert_eq!(life.asked(Answer::Quota(Some((7, 50)))), HOUR);
    assert_eq!(life.conditions(), ["Ready=True/Valid"]);
    let quota = TenantQuota { used: 7, limit: 50, observed_time: Time(life.now.wall) };
    let expected = AICoreTenantStatus {
        observed_generation: Some(1),
        conditions: life.status.conditions.clone(),
        api_url: Some(tenant("one").api_url),
        authorization_server: Some(tenant("one").authorization_server),
        resources: Some(3),
        quota: Some(quota),
        service_key_expires_at: Moment::of(at(LAST_SYNC + 1_000_000)),
        service_key_expiring_from: Moment::of(at(LAST_SYNC + 800_000)),
        secret_resource_version: Some("20".to_owned()),
        last_handled_reconcile_at: None,
    };
    assert_eq!(life.status, expected);
    life.later(seconds(60));
    assert_eq!(life.rests(), seconds(3540));
    assert_eq!(life.writes, 1);
}

#[test]
fn a_restart_asks_nothing_and_writes_nothing() {
    let mut life = Life::valid();
    life.later(seconds(600));
    life.restart();
    assert_eq!(life.rests(), seconds(3000));
    assert_eq!(life.writes, 1);
    life.later(seconds(3000));
    assert!(!life.known().at_rest());
    life.asked(Answer::Quota(Some((8, 50))));
    assert_eq!(life.status.quota.as_ref().map(|quota| quota.used), Some(8));
}

/// An AI Core that does not say its quota is not asked at each start.
#[test]
fn a_quota_that_is_not_told_is_asked_for_as_seldom() {
    let mut life = Life::new();
    life.asked(Answer::Quota(None));
    assert_eq!((life.conditions(), &life.status.quota), (vec!["Ready=True/Valid".to_owned()], &None));
    assert_eq!(life.rests(), HOUR);
    life.restart();
    assert_eq!(life.rests(), HOUR);
}

/// A clock that was wrong has written what lies in the future.
#[test]
fn a_time_in_the_future_does_not_count() {
    let mut life = Life::valid();
    life.restart();
    life.now.wall -= 86_400 * 2 * seconds(1);
    assert!(!life.known().at_rest() && life.asks());
}

#[test]
fn what_was_created_is_counted_soon_and_together() {
    let mut life = Life::valid();
    life.memory.quota_changed = true;
    assert_eq!(life.rests(), PAUSE, "it was asked just now");
    life.later(PAUSE);
    assert!(!life.known().at_rest());
    assert_eq!(life.asked(Answer::Quota(Some((8, 50)))), HOUR);
    life.later(seconds(60));
    life.memory.quota_changed = true;
    assert_eq!(life.asked(Answer::Quota(Some((9, 50)))), HOUR);
    life.restart();
    life.memory.quota_changed = true;
    life.asked(Answer::Quota(Some((10, 50))));
}

#[test]
fn the_number_of_resources_is_written_now_and_then() {
    let mut life = Life::valid();
    for resources in 1..=100 {
        life.resources = resources;
        life.later(Duration::from_millis(10));
        assert!(life.rests() <= PAUSE);
    }
    assert_eq!((life.writes, life.status.resources), (1, Some(0)));
    life.later(PAUSE);
    life.rests();
    assert_eq!((life.writes, life.status.resources), (2, Some(100)));
    // After a start nothing was written for long.
    life.resources = 101;
    life.restart();
    life.rests();
    assert_eq!((life.writes, life.status.resources), (3, Some(101)));
}

#[test]
fn a_status_that_was_not_taken_is_written_with_what_is_new() {
    let mut life = Life::valid();
    life.memory.unwritten = true;
    life.resources = 4;
    life.rests();
    assert_eq!(life.status.resources, Some(4));
}

proptest! {
    /// Whatever the status says, and whoever has written it: a pass ends with a status that says what it found, and comes back.
    #[test]
    fn a_pass_says_what_it_has_found(
        ready in prop::sample::select(vec!["True", "False", "Unknown"]),
        other in prop::option::of(prop::sample::select(vec!["Stalled", "Reconciling"])),
        generation in -1..3_i64,
        observed in prop::option::of(-100_000..100_000_i64),
        uptime in 0..100_000_u64,
        granted in prop::option::of(any::<bool>()),
        changed in any::<bool>(),
        requested in prop::option::of(prop::sample::select(vec!["1", "2"])),
        resources in 0..5_usize,
        answer in 0..4_usize,
    ) {
        let mut life = Life::new();
        life.status.conditions.push(condition(READY, ready, "Valid"));
        life.status.conditions.extend(other.map(|type_| condition(type_, "True", "Forbidden")));
        life.status.observed_generation = Some(generation);
        life.status.secret_resource_version = Some("20".to_owned());
        life.status.quota = observed.map(|second| TenantQuota { used: 1, limit: 2, observed_time: Time(at(LAST_SYNC + second)) });
        life.now.uptime = Duration::from_secs(uptime);
        life.now.leading = life.now.uptime;
        life.granted = granted;
        life.memory.quota_changed = changed;
        life.tenant.requested_at = requested.map(Into::into);
        life.status.last_handled_reconcile_at = Some("1".to_owned());
        life.resources = resources;
        if life.known().at_rest() {
            prop_assert!(!life.asks(), "at rest, and to be asked");
            prop_assert!(life.rests() <= HOUR);
            return Ok(());
        }
        if !life.asks() {
            let again = life.found(&life.key());
            prop_assert!(again > Duration::ZERO && again <= HOUR);
            return Ok(());
        }
        let answers = [
            Answer::Quota(Some((7, 50))),
            Answer::Quota(None),
            Answer::Failed(failure(Reason::AuthenticationFailed)),
            Answer::Failed(failure(Reason::RemoteUnavailable)),
        ];
        let again = life.asked(answers[answer].clone());
        prop_assert!(again > Duration::ZERO && again <= HOUR);
        prop_assert!(!life.asks(), "not at once");
        let types: Vec<&str> = life.status.conditions.iter().map(|one| one.type_.as_str()).collect();
        prop_assert!(!(types.contains(&"Stalled") && types.contains(&"Reconciling")));
        prop_assert_eq!(life.conditions()[0].starts_with("Ready="), true);
        if answer < 2 {
            prop_assert_eq!(life.conditions(), ["Ready=True/Valid"]);
        }
        prop_assert_eq!(life.status.observed_generation, Some(1));
        prop_assert_eq!(life.status.last_handled_reconcile_at.as_deref(), requested.or(Some("1")));
        prop_assert_eq!(life.status.resources, i64::try_from(resources).ok());
    }
}
