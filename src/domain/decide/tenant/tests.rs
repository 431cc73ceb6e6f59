mod lives;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::api::Moment;
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

#[rstest]
#[case(Reason::AuthenticationFailed, &["Ready=False/AuthenticationFailed", "Stalled=True/AuthenticationFailed"])]
#[case(Reason::Forbidden, &["Ready=False/Forbidden", "Stalled=True/Forbidden"])]
#[case(Reason::RemoteUnavailable, &["Ready=False/RemoteUnavailable", "Reconciling=True/RemoteUnavailable"])]
#[case(Reason::RateLimited, &["Ready=False/RateLimited", "Reconciling=True/RateLimited"])]
fn a_key_that_was_given_no_token_is_not_ready(#[case] reason: Reason, #[case] expected: &[&str]) {
    let mut life = Life::new();
    let again = life.asked(Answer::Failed(failure(reason)));
    assert_eq!(life.conditions(), expected);
    assert!(!life.asks(), "not before its time");
    assert_eq!(life.status.api_url, Some(tenant("one").api_url), "where the key leads is known");
    life.later(again);
    life.asked(Answer::Quota(Some((7, 50))));
    assert_eq!(life.conditions(), ["Ready=True/Valid"]);
    assert_eq!(life.memory.backoff, None);
}

/// That AI Core does not answer says nothing about the key.
#[rstest]
#[case(Reason::RemoteUnavailable, "True", "Reconciling")]
#[case(Reason::AuthenticationFailed, "False", "Stalled")]
fn what_worked_once(#[case] reason: Reason, #[case] ready: &str, #[case] other: &str) {
    let mut life = Life::valid();
    life.later(HOUR);
    life.asked(Answer::Failed(failure(reason)));
    assert_eq!(condition::find(&life.status.conditions, READY).unwrap().status, ready);
    assert_eq!(condition::find(&life.status.conditions, other).unwrap().reason, reason.as_str());
    assert_eq!(life.status.quota.as_ref().map(|quota| quota.used), Some(7), "what is known stays");
}

#[test]
fn a_key_that_resources_were_refused_with_is_tried() {
    let mut life = Life::valid();
    life.granted = Some(false);
    assert!(!life.known().at_rest() && life.asks());
    life.asked(Answer::Failed(failure(Reason::AuthenticationFailed)));
    assert_eq!(life.conditions(), ["Ready=False/AuthenticationFailed", "Stalled=True/AuthenticationFailed"]);
}

/// A crash loop must not lock an account.
#[test]
fn a_key_that_was_refused_is_not_tried_at_each_start() {
    let mut life = Life::new();
    life.asked(Answer::Failed(failure(Reason::AuthenticationFailed)));
    for _ in 0..5 {
        life.restart();
        assert!(!life.known().at_rest() && !life.asks());
        assert_eq!(life.found(&life.key()), STALLED_INTERVAL);
        life.later(seconds(60));
    }
    assert_eq!(life.writes, 1);
    life.later(STALLED_INTERVAL);
    assert!(life.asks());
    // Another key is tried at once, and so is one that somebody else was given a token with.
    for change in
        [|life: &mut Life| life.version = "21".to_owned(), |life: &mut Life| life.granted = Some(true)]
    {
        life.restart();
        change(&mut life);
        assert!(life.asks());
    }
}

#[rstest]
#[case(Reason::ServiceKeyNotFound, "Reconciling", STALLED_INTERVAL)]
#[case(Reason::ServiceKeyInvalid, "Stalled", STALLED_INTERVAL)]
#[case(Reason::AccessDenied, "Reconciling", seconds(1))]
fn a_key_that_cannot_be_used_is_waited_for(
    #[case] reason: Reason,
    #[case] other: &str,
    #[case] again: Duration,
) {
    let mut life = Life::valid();
    let key = TenantKey { found: Found::Unusable(failure(reason)), identity: None };
    assert_eq!(life.found(&key), again);
    let expected = [format!("Ready=False/{}", reason.as_str()), format!("{other}=True/{}", reason.as_str())];
    assert_eq!(life.conditions(), expected);
    assert_eq!((&life.status.secret_resource_version, &life.status.service_key_expires_at), (&None, &None));
    assert_eq!(life.status.api_url, Some(tenant("one").api_url), "where it was is still of use");
    life.found(&key);
    assert_eq!(life.writes, 2, "and nothing new");
    life.asked(Answer::Quota(Some((7, 50))));
    assert_eq!(life.conditions(), ["Ready=True/Valid"]);
}

/// A change of labels raises the version, and of the allow-list the generation.
#[test]
fn the_same_key_is_not_asked_about_again() {
    let mut life = Life::valid();
    life.version = "21".to_owned();
    life.tenant.generation = 2;
    assert!(!life.known().at_rest() && !life.asks());
    life.found(&life.key());
    assert_eq!(life.status.observed_generation, Some(2));
    assert_eq!(life.status.conditions[0].observed_generation, Some(2));
    assert_eq!(life.status.secret_resource_version.as_deref(), Some("21"));
    assert!(life.known().at_rest());
    // Of another one nothing is known.
    life.version = "22".to_owned();
    assert!(life.known().asks("22", Some("aicore-key/#2")));
}

#[test]
fn the_quota_of_another_tenant_is_not_shown() {
    let mut life = Life::valid();
    life.version = "21".to_owned();
    let content = KeyFacts { tenant: tenant("two"), validity: None };
    let key = TenantKey {
        found: Found::Usable { version: "21".to_owned(), content },
        identity: Some("aicore-key/#2".to_owned()),
    };
    let report =
        life.known().report(&key, Answer::Failed(failure(Reason::RemoteUnavailable)), LONG_UPTIME, 1.0);
    life.takes(report);
    assert_eq!((life.status.quota.is_none(), &life.status.api_url), (true, &Some(tenant("two").api_url)));
    assert_eq!(life.conditions(), ["Ready=False/RemoteUnavailable", "Reconciling=True/RemoteUnavailable"]);
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
        prop_assert_eq!(life.status.resources, i64::try_from(resources).ok());
    }
}
