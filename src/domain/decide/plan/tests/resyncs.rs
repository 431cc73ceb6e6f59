use super::*;

fn every(interval: &str) -> Object {
    an_object().with_spec(|spec| spec.resync_interval = Some(interval.to_owned()))
}

#[rstest]
#[case::as_announced(every("1h"), 60, in_sync(3540))]
#[case::due_when_announced(every("1h"), 3600, push(Cause::Resync))]
#[case::long_overdue(every("1h"), 1_000_000, push(Cause::Resync))]
#[case::never(every("0s"), 1_000_000, in_sync(None))]
#[case::shortened(every("10m"), 60, in_sync(600))]
#[case::shortened_and_due(every("10m"), 660, push(Cause::Resync))]
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

#[test]
fn a_clock_that_is_set_back_delays_but_does_not_fail() {
    let (object, status) = (an_object(), a_status_in_sync());
    let mut observed = an_observation(&object, &status);
    observed.now.wall = at(LAST_SYNC - 100);
    assert_eq!(step(&observed), in_sync(3700));
}
