//! What processes are told by their system.

use std::process::Command;

use jiff::SignedDuration;
use testbed::system::{Names, System};

fn said(system: &System, program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).envs(system.variables()).output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

fn seconds_ahead(system: &System) -> i64 {
    let told: i64 = said(system, "date", &["+%s"]).unwrap().trim().parse().unwrap();
    told - said_by_nobody()
}

#[expect(clippy::disallowed_methods, reason = "the clock that the processes are told wrongly")]
fn said_by_nobody() -> i64 {
    jiff::Timestamp::now().as_second()
}

#[test]
fn the_clock_is_as_far_ahead_or_behind_as_it_is_set() {
    let system = System::new().unwrap();
    for ahead in [0, 3_600, -86_400] {
        system.set_clock(SignedDuration::from_secs(ahead));
        assert!((seconds_ahead(&system) - ahead).abs() < 60, "{ahead}");
    }
}

#[test]
fn names_are_this_machine_or_not_found() {
    let system = System::new().unwrap();
    let looked_up = || said(&system, "getent", &["ahostsv4", "api.example.invalid"]);
    assert!(looked_up().unwrap().starts_with("127.0.0.1"));
    system.set_names(Names::Failing);
    assert_eq!(looked_up(), None);
    system.set_names(Names::Working);
    assert!(looked_up().is_some());
}
