//! Decisions that are broken on purpose: the model that does not notice would say nothing of those that are not.

use rstest::rstest;

use super::{
    decisions::Decisions,
    explorer::explore,
    operation::Operation,
    scenarios::{ALONE, MOST, WORLDS},
};
use crate::{
    aicore::mandate::Mandate,
    controller::errand::Purpose,
    domain::{
        decide::{
            memory::SecretVersions,
            observed::{Observed, Ownership, Takeover},
            plan::{FinalizerStep, LetGo, Plan, Step, plan},
            report::{Outcome, report},
            warm_up::opening::{Opening, Unseen},
        },
        parse::resource_version::Basis,
    },
};

/// Why something does not hold in that world.
fn broken(world: &str, faults: u8, decisions: Decisions) -> String {
    let (name, operation, _) = WORLDS.into_iter().find(|(name, ..)| *name == world).expect(world);
    let broken = explore(&Operation { faults, standbys: 1, decisions, ..operation }, MOST).expect_err(name);
    println!("{name}: {broken:?}");
    broken.why
}

#[rstest]
#[case::a_loser_pushes(
    "the owner of two rotates",
    0,
    Decisions {
        plan: |observed| plan(&Observed { ownership: Ownership::Owner { successor: None }, ..observed.clone() }),
        stands: |_| true,
        ..Decisions::REAL
    },
    "which an older one owns"
)]
#[case::nobody_asks_before_a_request(
    "one is suspended",
    0,
    Decisions { stands: |_| true, ..Decisions::REAL },
    "which an older one owns"
)]
#[case::a_change_of_the_secret_is_overlooked(
    "one rotates beside another",
    0,
    Decisions {
        unchanged: |known| {
            let mut known = known.clone();
            known.versions.source = known.status.secret_resource_version.as_deref();
            known.unchanged()
        },
        ..Decisions::REAL
    },
    "and not the newest of"
)]
#[case::a_failed_push_counts_as_checked(
    "one rotates beside another",
    1,
    Decisions {
        report: |observed, step, outcome, ended, jitter| {
            let failed = matches!(outcome, Outcome::Failed(_));
            let mut told = report(observed, step, outcome, ended, jitter);
            if failed && let (Some(source), Some(key)) = (observed.source.version(), observed.service_key.version()) {
                told.memory.checked = Some(SecretVersions { source: source.into(), service_key: key.into() });
                told.memory.retry.backoff = None;
                told.status = None;
                told.requeue_after = None;
            }
            told
        },
        ..Decisions::REAL
    },
    "and not the newest of"
)]
#[case::retain_deletes(
    "the policy changes before the end",
    0,
    Decisions {
        plan: |observed| match plan(observed) {
            Plan { step: Step::LetGo(LetGo::Retained), finalizer } => {
                Plan { finalizer, step: Step::DeleteRemote { forced: false } }
            }
            plan => plan,
        },
        ..Decisions::REAL
    },
    "whose policy is Retain"
)]
#[case::the_heir_is_not_asked(
    "an older one comes and goes",
    0,
    Decisions {
        plan: |observed| match plan(observed) {
            Plan { step: Step::LetGo(LetGo::HandedOver(_)), finalizer } => {
                Plan { finalizer, step: Step::DeleteRemote { forced: false } }
            }
            plan => plan,
        },
        stands: |errand| errand.purpose == Purpose::Delete || errand.stands(),
        ..Decisions::REAL
    },
    "of what another one claims with proof"
)]
#[case::nobody_remembers_who_wrote_last(
    "an older one comes, goes, and retains",
    0,
    Decisions { writes: |_, _, _| {}, ..Decisions::REAL },
    "and not the newest of"
)]
#[case::a_successor_is_taken_for_one_that_has_pushed(
    "both go",
    0,
    Decisions {
        plan: |observed| plan(&Observed { takeover: Takeover::Done, ..observed.clone() }),
        ..Decisions::REAL
    },
    "AI Core still holds what it was to delete"
)]
#[case::late_writes_are_forgotten(
    "one rotates beside another",
    1,
    Decisions { unanswered: |_, _, _| {}, ..Decisions::REAL },
    "and not the newest of"
)]
#[case::nothing_is_announced(
    "one is made and deleted",
    2,
    Decisions { announced: |_, _, _| None, ..Decisions::REAL },
    "AI Core still holds what it was to delete"
)]
#[case::a_first_word_is_for_any_version(
    "one rotates twice",
    2,
    Decisions { basis: |_, object| Basis::any_of(object.generation), ..Decisions::REAL },
    "has gone back to an older generation"
)]
#[case::the_finalizer_comes_later(
    "one is made and deleted",
    0,
    Decisions { plan: |observed| Plan { finalizer: FinalizerStep::Keep, ..plan(observed) }, ..Decisions::REAL },
    "which has no finalizer yet"
)]
#[case::nobody_hears_that_the_owner_went(
    "the owner goes, and deletes",
    0,
    Decisions { woken: |_| Vec::new(), ..Decisions::REAL },
    ""
)]
#[tokio::test(start_paused = true)]
async fn a_broken_decision_is_noticed(
    #[case] world: &str,
    #[case] faults: u8,
    #[case] decisions: Decisions,
    #[case] why: &str,
) {
    let broken = broken(world, faults, decisions);
    assert!(broken.contains(why), "{broken}");
}

/// One that only a change of its own would wake waits for ever: a rotation that was missed is never sent.
#[tokio::test(start_paused = true)]
async fn who_rests_on_what_the_list_shows_is_noticed() {
    let decisions = Decisions {
        opening: |known, _| Opening::of_resource(known, Unseen { source: true, service_key: true }),
        unchanged: |known| {
            let mut known = known.clone();
            known.versions.source = known.status.secret_resource_version.as_deref();
            known.unchanged()
        },
        ..Decisions::REAL
    };
    let broken = explore(&Operation { decisions, ..ALONE }, MOST).unwrap_err();
    println!("{broken:?}");
    assert!(broken.why.contains("and not the newest of"), "{broken:?}");
}

/// What it has pushed is pushed over, and only this process knows of that.
#[tokio::test(start_paused = true)]
async fn one_that_goes_before_its_heir_has_pushed_again_is_noticed() {
    let (_, operation, _) = WORLDS[5];
    let decisions = Decisions {
        plan: |observed| plan(&Observed { takeover: Takeover::Done, ..observed.clone() }),
        ..Decisions::REAL
    };
    let ends =
        Operation { faults: 1, requests_fail: false, standbys: 1, caches_lag: false, decisions, ..operation };
    let broken = explore(&ends, MOST).unwrap_err();
    println!("{broken:?}");
    assert!(broken.why.contains("AI Core still holds what it was to delete"), "{broken:?}");
}

/// What the program does not promise: here is a way to it.
#[tokio::test(start_paused = true)]
async fn a_write_that_outlives_its_process_is_beyond_what_is_promised() {
    let (_, operation, _) = WORLDS[1];
    let outlived = Operation { faults: 2, standbys: 1, writes_outlive: true, ..operation };
    let broken = explore(&outlived, MOST).unwrap_err();
    println!("{broken:?}");
    assert!(broken.why.contains("and not the newest of"), "{broken:?}");
}
