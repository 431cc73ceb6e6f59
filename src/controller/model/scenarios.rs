//! What is explored: in `cargo test` with few faults, in `make model` with more.

use rstest::rstest;

use super::{
    decisions::Decisions,
    explorer::explore,
    operation::Operation,
    world::{Setup, UserStep},
};
use crate::api::DeletionPolicy::{self, Delete, Retain};
use UserStep::{Create, Delete as Deletes, MoveKey, Resume, Retain as Retains, Rotate, Suspend};

/// The most states of one world.
pub(super) const MOST: usize = 20_000_000;

pub(super) const fn setup(names: [usize; 2], policies: [DeletionPolicy; 2], exist: [bool; 2]) -> Setup {
    Setup { names, policies, exist }
}

/// Both want the same remote name.
const RIVALS: [usize; 2] = [0, 0];
/// They have nothing to do with each other.
const STRANGERS: [usize; 2] = [0, 1];
const BOTH: [bool; 2] = [true, true];

pub(super) const fn world(setup: Setup, users: &'static [&'static [UserStep]]) -> Operation {
    Operation {
        setup,
        users,
        faults: 0,
        requests_fail: true,
        standbys: 0,
        caches_lag: true,
        lists: false,
        decisions: Decisions::REAL,
        writes_outlive: false,
    }
}

/// The worlds, by name: what users do there, and below how many states something of the exploration is lost, with few faults.
pub(super) const WORLDS: [(&str, Operation, usize); 13] = [
    ("one rotates beside another", world(setup(STRANGERS, [Retain, Retain], BOTH), &[&[Rotate(0)]]), 10_000),
    (
        "one rotates twice",
        world(setup(STRANGERS, [Retain, Delete], [false, true]), &[&[Rotate(1), Rotate(1)]]),
        9_000,
    ),
    ("the owner of two rotates", world(setup(RIVALS, [Retain, Retain], BOTH), &[&[Rotate(0)]]), 7_500),
    (
        "an older one comes later",
        world(setup(RIVALS, [Retain, Retain], [false, true]), &[&[Create(0)]]),
        4_000,
    ),
    ("the owner goes, and deletes", world(setup(RIVALS, [Delete, Delete], BOTH), &[&[Deletes(0)]]), 5_000),
    (
        "an older one comes and goes",
        world(setup(RIVALS, [Delete, Retain], [false, true]), &[&[Create(0), Deletes(0)]]),
        2_000,
    ),
    (
        "an older one comes, goes, and retains",
        world(setup(RIVALS, [Retain, Retain], [false, true]), &[&[Create(0), Deletes(0)]]),
        600,
    ),
    (
        "the policy changes before the end",
        world(setup(STRANGERS, [Delete, Retain], [true, false]), &[&[Retains(0), Deletes(0)]]),
        6_000,
    ),
    (
        "one is made and deleted",
        world(setup(STRANGERS, [Delete, Retain], [false, false]), &[&[Create(0), Deletes(0)]]),
        1_400,
    ),
    (
        "one is deleted and retained",
        world(setup(STRANGERS, [Retain, Retain], [true, false]), &[&[Rotate(0), Deletes(0)]]),
        2_000,
    ),
    ("one is suspended", world(setup(RIVALS, [Delete, Retain], BOTH), &[&[Suspend(0), Resume(0)]]), 2_500),
    ("a key moves to another tenant", world(setup(RIVALS, [Delete, Retain], BOTH), &[&[MoveKey(0)]]), 2_000),
    ("both go", world(setup(RIVALS, [Delete, Delete], BOTH), &[&[Deletes(0)], &[Deletes(1)]]), 18_000),
];

/// Larger ones, for `make model`.
const LARGER: [(&str, Operation, usize); 5] = [
    ("both rotate", world(setup(STRANGERS, [Retain, Retain], BOTH), &[&[Rotate(0)], &[Rotate(1)]]), 50_000),
    ("rivals rotate", world(setup(RIVALS, [Retain, Retain], BOTH), &[&[Rotate(0)], &[Rotate(1)]]), 20_000),
    (
        "the younger one rotates while an older one comes and goes",
        world(setup(RIVALS, [Delete, Delete], [false, true]), &[&[Create(0), Deletes(0)], &[Rotate(1)]]),
        20_000,
    ),
    (
        "one is suspended while it rotates",
        world(setup(RIVALS, [Delete, Retain], BOTH), &[&[Suspend(0), Resume(0)], &[Rotate(0)]]),
        20_000,
    ),
    (
        "a key moves while the heir rotates",
        world(setup(RIVALS, [Delete, Retain], BOTH), &[&[MoveKey(0)], &[Rotate(1)]]),
        20_000,
    ),
];

fn go_through((name, operation, least): (&str, Operation, usize), faults: u8) {
    go_through_as(name, &Operation { faults, standbys: 1, ..operation }, least);
}

fn go_through_as(name: &str, operation: &Operation, least: usize) {
    let explored = match explore(operation, MOST) {
        Ok(explored) => explored,
        Err(broken) => panic!("{name}: {broken:?}"),
    };
    println!("{name}, {} faults: {explored:?}", operation.faults);
    assert!(explored.states >= least, "{name}: {explored:?}");
}

/// Once the newest is there in the end, and nothing is sent that must not be, whatever goes wrong once.
#[rstest]
#[tokio::test(start_paused = true)]
async fn one_fault_anywhere(#[values(0, 1, 2, 3, 7, 8, 9)] number: usize) {
    go_through(WORLDS[number], 1);
}

/// The same where one gives way to another, as long as nothing goes wrong. With a fault, one of these worlds is beyond what is
/// promised: who has pushed last is known to one process alone. When that ends while the push of an older one is under way that needs
/// no finalizer, and the older one is gone, only the next resync corrects what AI Core holds.
#[rstest]
#[tokio::test(start_paused = true)]
async fn no_fault_where_one_gives_way(#[values(4, 5, 6, 10, 11, 12)] number: usize) {
    go_through(WORLDS[number], 0);
}

/// One resource, whose Secret is rotated while processes that list the Secrets come and go.
pub(super) const ALONE: Operation = Operation {
    faults: 1,
    requests_fail: false,
    standbys: 1,
    lists: true,
    ..world(setup(STRANGERS, [Retain, Retain], [true, false]), &[&[Rotate(0)]])
};

/// Each process begins to work while it lists the Secrets, and may end before it has.
#[rstest]
#[case::rotated(ALONE)]
#[case::deleted(Operation { users: &[&[Deletes(0)]], ..ALONE })]
#[case::created(Operation { setup: setup(STRANGERS, [Delete, Retain], [false, false]), users: &[&[Create(0)]], ..ALONE })]
#[tokio::test(start_paused = true)]
async fn a_process_ends_while_secrets_are_listed(#[case] operation: Operation) {
    go_through_as("one alone", &operation, 200);
}

/// `make model`.
#[rstest]
#[tokio::test(start_paused = true)]
#[ignore = "takes minutes"]
async fn a_process_ends_while_the_secrets_of_two_are_listed(#[values(0, 2, 3, 8, 9)] number: usize) {
    let (name, operation, least) = WORLDS[number];
    let lists = Operation { faults: 1, requests_fail: false, standbys: 1, lists: true, ..operation };
    go_through_as(name, &lists, least);
}

/// In that world nothing else that goes wrong does harm: without a standby no process ends.
#[rstest]
#[tokio::test(start_paused = true)]
async fn one_request_fails_where_an_older_one_goes(#[values(5, 6)] number: usize) {
    let (name, operation, least) = WORLDS[number];
    go_through_as(name, &Operation { faults: 1, ..operation }, least);
}

/// An older one with a finalizer stays until what it has pushed over another one's is pushed over again, whichever process does it. What
/// this process does not hear of is that another one has written `RemoteConflict` last, as long as its own cache shows what was there
/// before: the status is as it should be only where caches do not lag.
fn a_process_that_ends(requests_fail: bool) {
    let (name, operation, least) = WORLDS[5];
    let ends = Operation { faults: 1, requests_fail, standbys: 1, caches_lag: false, ..operation };
    go_through_as(name, &ends, least);
}

#[tokio::test(start_paused = true)]
async fn a_process_ends_where_an_older_one_goes() {
    a_process_that_ends(false);
}

/// `make model`.
#[tokio::test(start_paused = true)]
#[ignore = "takes minutes"]
async fn one_fault_where_an_older_one_goes() {
    a_process_that_ends(true);
}

/// `make model`.
#[rstest]
#[tokio::test(start_paused = true)]
#[ignore = "takes minutes"]
async fn one_fault_where_one_gives_way(#[values(4, 10, 11)] number: usize) {
    go_through(WORLDS[number], 1);
}

/// The same for two: `make model`.
#[rstest]
#[tokio::test(start_paused = true)]
#[ignore = "takes minutes"]
async fn two_faults_anywhere(#[values(0, 1, 2, 3, 7, 8, 9, 10, 11)] number: usize) {
    go_through(WORLDS[number], 2);
}

/// `make model`.
#[rstest]
#[tokio::test(start_paused = true)]
#[ignore = "takes minutes"]
async fn one_fault_anywhere_in_a_larger_world(#[values(0, 1, 3, 4)] number: usize) {
    go_through(LARGER[number], 1);
}

/// `make model`. As [`no_fault_where_one_gives_way`].
#[tokio::test(start_paused = true)]
#[ignore = "takes minutes"]
async fn no_fault_in_a_larger_world_where_an_older_one_goes() {
    go_through(LARGER[2], 0);
}

#[test]
fn all_worlds_are_gone_through() {
    assert_eq!(WORLDS.len(), 13, "as many as the tests above have");
}
