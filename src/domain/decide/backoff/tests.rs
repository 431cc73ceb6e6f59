use rstest::rstest;

use super::*;
use crate::domain::decide::reason::Reason;

fn failure(reason: Reason) -> Failure {
    Failure::new(reason, "no")
}

/// An attempt that is answered at once.
fn at(uptime: Duration) -> Attempt {
    Attempt { began: uptime, ended: uptime }
}

/// How long the next attempt waits after one that is answered at once.
fn delay(failure: &Failure, attempts: u32, jitter: f64) -> Duration {
    at(Duration::ZERO).not_before(Delay::after(failure, attempts, jitter))
}

fn circumstances(key: &str, generation: i64) -> Circumstances {
    Circumstances { service_key: Some(key.to_owned()), digest: None, generation, deleting: false, read: None }
}

#[rstest]
#[case(1, 1.0, 1_000)]
#[case(2, 1.0, 2_000)]
#[case(2, 0.5, 1_000)]
#[case(1, 0.0, 100)]
#[case(9, 1.0, 256_000)]
#[case(10, 1.0, 300_000)]
#[case(u32::MAX, 1.0, 300_000)]
fn transient_failures_back_off_exponentially(
    #[case] attempts: u32,
    #[case] jitter: f64,
    #[case] millis: u64,
) {
    let limited = delay(&failure(Reason::RateLimited), attempts, jitter);
    assert_eq!(limited, Duration::from_millis(millis));
    let unavailable = delay(&failure(Reason::RemoteUnavailable), attempts, jitter);
    assert_eq!(unavailable, Duration::from_millis(millis.min(10_000)));
}

/// Else what has failed for minutes would wait for minutes after AI Core is there again. Its own wish counts as before.
#[test]
fn nobody_waits_for_long_after_an_outage() {
    let start = Duration::from_secs(100);
    let mut last = None;
    for attempt in 0..40 {
        let now = start + Duration::from_secs(attempt * 10);
        let after = Backoff::after(
            last.as_ref(),
            failure(Reason::RemoteUnavailable),
            circumstances("a", 1),
            at(now),
            1.0,
        );
        assert!(after.not_before <= now + LONGEST_WHILE_UNAVAILABLE);
        last = Some(after);
    }
    let asked = Failure { retry_after: Some(Duration::from_mins(20)), ..failure(Reason::RemoteUnavailable) };
    assert_eq!(delay(&asked, 40, 1.0), Duration::from_mins(20));
}

/// An attempt from second 100 that took so many: one without an answer has waited already, but what a server asks for begins with
/// its answer.
#[rstest]
#[case::answered_at_once(0, 4, None, 108)]
#[case::shorter_than_the_delay(5, 4, None, 108)]
#[case::as_long(8, 4, None, 109)]
#[case::longer(15, 4, None, 116)]
#[case::asked_for_little(5, 4, Some(2), 108)]
#[case::asked_for_more(5, 4, Some(30), 135)]
#[case::asked_for_a_moment_after_long(15, 4, Some(0), 116)]
fn a_delay_counts_from_the_beginning_of_the_attempt(
    #[case] took: u64,
    #[case] attempts: u32,
    #[case] asked: Option<u64>,
    #[case] next: u64,
) {
    let [began, ended] = [100, 100 + took].map(Duration::from_secs);
    let retry_after = asked.map(Duration::from_secs);
    let failure = Failure { retry_after, ..failure(Reason::RemoteUnavailable) };
    let not_before = Attempt { began, ended }.not_before(Delay::after(&failure, attempts, 1.0));
    assert_eq!(not_before, Duration::from_secs(next));
}

#[test]
fn retry_after_wins_up_to_an_hour() {
    let asked =
        |seconds| Failure { retry_after: Some(Duration::from_secs(seconds)), ..failure(Reason::RateLimited) };
    assert_eq!(delay(&asked(7), 3, 0.3), Duration::from_secs(7));
    assert_eq!(delay(&asked(7200), 1, 0.3), Duration::from_hours(1));
    assert_eq!(delay(&asked(u64::MAX), 20, 1.0), Duration::from_hours(1));
}

/// Whatever a server asks for, the attempts of half a minute are those that the backoff allows.
#[rstest]
#[case(None)]
#[case(Some(0.0))]
#[case(Some(0.001))]
#[case(Some(1.0))]
fn retry_after_never_makes_it_faster(#[case] seconds: Option<f64>) {
    let refused =
        Failure { retry_after: seconds.map(Duration::from_secs_f64), ..failure(Reason::RemoteUnavailable) };
    let mut uptime = Duration::ZERO;
    let mut pace = None;
    let mut attempts = 0;
    while uptime < Duration::from_secs(30) {
        attempts += 1;
        let after = Backoff::after(pace.as_ref(), refused.clone(), circumstances("a", 1), at(uptime), 0.0);
        uptime = after.not_before;
        pace = Some(after);
    }
    // 0.1 s, 0.2 s, 0.4 s, …: the ninth comes after 25.5 s.
    assert!(attempts <= 9, "{attempts} attempts");
}

#[test]
fn a_failure_that_repeats_keeps_its_words() {
    let with_id = |id: &str| Failure {
        request_id: Some(id.to_owned()),
        retry_after: Some(Duration::from_secs(9)),
        ..Failure::new(Reason::RemoteUnavailable, format!("busy (request id {id})"))
    };
    let after = |previous: Option<&Backoff>, failure| {
        Backoff::after(previous, failure, circumstances("a", 1), at(Duration::ZERO), 1.0)
    };
    let first = after(None, Failure { retry_after: None, ..with_id("r-1") });
    let second = after(Some(&first), with_id("r-2"));
    assert_eq!(second.failure.message, "busy (request id r-1)");
    assert_eq!(second.not_before, Duration::from_secs(9), "its own wait counts");
    let other = after(Some(&second), Failure::new(Reason::RemoteUnavailable, "down"));
    assert_eq!(other.failure.message, "down");
}

#[test]
fn stalled_failures_wait_the_long_interval_whatever_the_server_says() {
    let refused =
        Failure { retry_after: Some(Duration::from_secs(1)), ..failure(Reason::AuthenticationFailed) };
    assert_eq!(delay(&refused, 1, 0.5), Duration::from_mins(15));
    assert_eq!(delay(&refused, 1, 0.0), Duration::from_secs(810));
    assert_eq!(delay(&refused, 1, 1.0), Duration::from_secs(990));
}

#[test]
fn attempts_add_up_and_time_runs_out() {
    let first = Backoff::after(
        None,
        failure(Reason::RemoteUnavailable),
        circumstances("a", 1),
        at(Duration::ZERO),
        1.0,
    );
    assert_eq!((first.attempts, first.not_before), (1, Duration::from_secs(1)));
    let second = Backoff::after(
        Some(&first),
        failure(Reason::RemoteUnavailable),
        circumstances("a", 1),
        at(Duration::from_secs(10)),
        1.0,
    );
    assert_eq!((second.attempts, second.not_before), (2, Duration::from_secs(12)));
    let same = circumstances("a", 1);
    assert_eq!(second.remaining(&same, Duration::from_secs(11)), Some(Duration::from_secs(1)));
    assert_eq!(second.remaining(&same, Duration::from_secs(12)), None);
}

#[test]
fn a_resource_that_is_being_deleted_is_not_held_longer_than_a_minute() {
    let alive = circumstances("a", 1);
    let dying = Circumstances { deleting: true, ..alive.clone() };
    let before = Backoff::after(None, failure(Reason::Forbidden), alive, at(Duration::ZERO), 1.0);
    assert_eq!(before.remaining(&dying, Duration::ZERO), None);
    let during = Backoff::after(None, failure(Reason::Forbidden), dying.clone(), at(Duration::ZERO), 1.0);
    assert_eq!(during.remaining(&dying, Duration::ZERO), Some(Duration::from_mins(1)));
}

#[rstest]
#[case(Reason::AuthenticationFailed, "b", 1, false)]
#[case(Reason::AuthenticationFailed, "a", 2, true)]
#[case(Reason::RemoteUnavailable, "b", 1, false)]
#[case(Reason::RemoteUnavailable, "a", 2, true)]
#[case(Reason::RemoteRejected, "a", 2, false)]
#[case(Reason::QuotaExceeded, "a", 2, false)]
#[case(Reason::RemoteMissing, "a", 2, false)]
#[case(Reason::RemoteMissing, "a", 1, true)]
fn only_changed_circumstances_end_a_hold(
    #[case] reason: Reason,
    #[case] key: &str,
    #[case] generation: i64,
    #[case] stands: bool,
) {
    let backoff = Backoff::after(None, failure(reason), circumstances("a", 1), at(Duration::ZERO), 1.0);
    assert_eq!(backoff.applies_to(&circumstances(key, generation)), stands);
    assert_eq!(backoff.remaining(&circumstances(key, generation), Duration::ZERO).is_some(), stands);
}
