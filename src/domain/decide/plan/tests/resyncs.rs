use super::*;

fn every(interval: &str) -> Object {
    an_object().with_spec(|spec| spec.resync_interval = Some(interval.to_owned()))
}

/// The same, and the status was written before the interval was changed.
fn now_every(interval: &str) -> Object {
    Object { generation: 2, ..every(interval) }
}

#[rstest]
#[case::as_announced(every("1h"), 60, in_sync(3540))]
#[case::due_when_announced(every("1h"), 3600, push(Cause::Resync))]
#[case::long_overdue(every("1h"), 1_000_000, push(Cause::Resync))]
#[case::never(every("0s"), 1_000_000, in_sync(None))]
#[case::shortened(now_every("10m"), 60, in_sync(600))]
#[case::shortened_and_due(now_every("10m"), 660, push(Cause::Resync))]
#[case::lengthened_counts_from_the_next_one(every("10h"), 3600, push(Cause::Resync))]
#[case::default(an_object(), 3600, push(Cause::Resync))]
#[case::what_admission_refuses_counts_as_absent(every("soon"), 3599, in_sync(1))]
fn interval(#[case] object: Object, #[case] later: i64, #[case] expected: Step) {
    let status = a_status_in_sync();
    let mut observed = an_observation(&object, &status);
    observed.now.wall = at(LAST_SYNC + later);
    assert_eq!(step(&observed), expected);
}

#[test]
fn the_default_may_be_never() {
    let (object, status) = (an_object(), a_status_in_sync());
    let mut observed = an_observation(&object, &status);
    observed.default_resync_interval = ResyncInterval::Never;
    observed.now.wall = at(LAST_SYNC + 1_000_000);
    assert_eq!(step(&observed), in_sync(None));
}

/// From never to an interval: the status announces no time, so the interval counts from the last push.
#[test]
fn an_interval_without_an_announced_time() {
    let object = every("1h");
    let status = AICoreRegistrySecretStatus { next_resync_time: None, ..a_status_in_sync() };
    let mut observed = an_observation(&object, &status);
    assert_eq!(step(&observed), in_sync(3900));
    observed.now.wall = at(LAST_SYNC + 3960);
    assert_eq!(step(&observed), push(Cause::Resync));
}

/// What the status says of times may be the work of a clock that was wrong. Nothing is put off for longer than an interval and its
/// spread, and what cannot be is due.
#[rstest]
#[case::a_little_behind(-100, in_sync(3700))]
#[case::as_far_as_the_spread_goes(-360, in_sync(3960))]
#[case::further(-361, push(Cause::Resync))]
#[case::a_day(-86_400, push(Cause::Resync))]
#[case::years(-1_000_000_000, push(Cause::Resync))]
fn a_push_in_the_future(#[case] now: i64, #[case] expected: Step) {
    let (object, status) = (an_object(), a_status_in_sync());
    let mut observed = an_observation(&object, &status);
    observed.now.wall = at(LAST_SYNC + now);
    assert_eq!(step(&observed), expected);
}

#[rstest]
#[case::far_in_the_future(Some(1_000_000), 60, push(Cause::Resync))]
#[case::as_late_as_the_spread(Some(3960), 60, in_sync(3900))]
#[case::later_than_the_spread(Some(3961), 60, push(Cause::Resync))]
#[case::before_the_push(Some(-1_000_000), 60, push(Cause::Resync))]
#[case::none_announced(None, 60, in_sync(3900))]
fn a_next_resync_that_cannot_be(#[case] announced: Option<i64>, #[case] later: i64, #[case] expected: Step) {
    let object = an_object();
    let status = AICoreRegistrySecretStatus {
        next_resync_time: announced
            .map(|after| k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at(LAST_SYNC + after))),
        ..a_status_in_sync()
    };
    let mut observed = an_observation(&object, &status);
    observed.now.wall = at(LAST_SYNC + later);
    assert_eq!(step(&observed), expected);
}

/// Only the time of the push is wrong; without resyncs too.
#[rstest]
#[case::hourly(every("1h"), 360, 361)]
#[case::never(every("0s"), 60, 61)]
fn a_push_alone_that_cannot_be(#[case] object: Object, #[case] admitted: i64, #[case] too_far: i64) {
    for (ahead, due) in [(admitted, false), (too_far, true), (150_000_000, true)] {
        let mut status = a_status_in_sync();
        status.last_sync_time =
            Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at(LAST_SYNC + 60 + ahead)));
        let observed = an_observation(&object, &status);
        assert_eq!(step(&observed) == push(Cause::Resync), due, "{ahead}");
    }
}

/// Whoever sets the wall clock, this process knows how long ago the push was.
#[rstest]
fn a_wall_clock_that_is_set_changes_nothing(#[values(-1_000_000, -1800, 0, 1800, 1_000_000)] jump: i64) {
    let (object, status) = (an_object(), a_status_in_sync());
    let mut observed = an_observation(&object, &status);
    observed.synced = Some(Synced::new(at(LAST_SYNC), SignedDuration::from_secs(60), observed.now));
    observed.now.wall = at(LAST_SYNC + 60 + jump);
    assert_eq!(step(&observed), in_sync(3540));
    observed.now.uptime += seconds(3540);
    assert_eq!(step(&observed), push(Cause::Resync));
    // Of another push it knows nothing.
    observed.synced = Some(Synced::new(at(LAST_SYNC - 5), SignedDuration::from_secs(60), observed.now));
    observed.now.wall = at(LAST_SYNC + 60);
    assert_eq!(step(&observed), in_sync(3540));
}
