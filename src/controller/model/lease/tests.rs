//! The elections as they are, and with rules that are broken on purpose.

use rstest::rstest;

use super::{
    super::explorer::{Counterexample, Explored, explore},
    *,
};

fn explored(faults: u8, end: u64, rules: Rules) -> Result<Explored, Counterexample> {
    explore(&Elections { faults, end, rules }, 30_000_000)
}

#[test]
fn never_do_two_lead_and_somebody_always_comes_to() {
    let explored = explored(1, QUIET + 2, REAL).unwrap();
    println!("lease, one fault: {explored:?}");
    assert!(explored.states > 100_000, "{explored:?}");
}

/// `make model`.
#[test]
#[ignore = "takes minutes"]
fn never_do_two_lead_in_a_larger_world() {
    let explored = explored(2, QUIET + 6, REAL).unwrap();
    println!("lease, two faults: {explored:?}");
    assert!(explored.states > 100_000, "{explored:?}");
}

/// Rules that are broken on purpose, and how many faults it takes to see that.
#[rstest]
#[case::a_lease_is_free_at_once(
    1,
    Rules {
        decide: |view, me, now| match view.decide(me, now) {
            Decision::Wait(_) => view.decide(me, Now { uptime: now.uptime + seconds(2 * DURATION), ..now }),
            decision => decision,
        },
        ..REAL
    }
)]
#[case::a_lease_that_is_deleted_is_free(
    1,
    Rules {
        see: |view, record, uptime| match record {
            None => *view = View::default(),
            record => view.see(record, Duration::ZERO, uptime),
        },
        ..REAL
    }
)]
#[case::the_fence_counts_from_the_answer(1, Rules { fence: |_, ended| ended + RENEW_DEADLINE, ..REAL })]
#[case::the_fence_lasts_as_long_as_the_lease(2, Rules { fence: |began, _| began + DURATION + 1, ..REAL })]
fn two_would_lead(#[case] faults: u8, #[case] rules: Rules) {
    let broken = explored(faults, QUIET + 3, rules).unwrap_err();
    println!("{broken:?}");
    assert_eq!(broken.why, "two processes may write at the same time");
}

/// A holder that nobody ever takes for gone.
#[test]
fn nobody_would_lead() {
    let rules = Rules {
        decide: |view, me, now| match view.decide(me, now) {
            Decision::Acquire(_) if !view.holder().is_empty() => Decision::Wait(seconds(1)),
            decision => decision,
        },
        ..REAL
    };
    let broken = explored(1, QUIET + 3, rules).unwrap_err();
    println!("{broken:?}");
    assert_eq!(broken.why, "nobody leads, although nothing has gone wrong for long");
}
