//! The recording in the README is of the demo as it is.

use std::process::Command;

use regex::Regex;
use testbed::recording::{Cast, cast_path, draw, picture_path};

fn cast() -> Cast {
    Cast::parse(&std::fs::read_to_string(cast_path()).unwrap()).unwrap()
}

#[test]
fn the_picture_is_drawn_from_the_recording() {
    let picture = std::fs::read_to_string(picture_path()).unwrap();
    assert!(picture == draw(&cast()), "run `make recording`");
    assert!(picture.len() < 100_000, "{}", picture.len());
}

/// Nothing of the machine on which it was recorded.
#[test]
fn the_recording_names_no_place_outside_of_the_repository() {
    for line in cast().lines() {
        let mut words = line.split_whitespace();
        assert!(
            !words
                .any(|word| word.starts_with('/') && !word.starts_with("/v2/") && !word.starts_with("/uaa/")),
            "{line}"
        );
    }
}

/// A line without what differs between two runs: numbers, digests, and how far columns are apart.
fn shape(line: &str) -> String {
    let digest = Regex::new(r"payload=[0-9a-f]+").unwrap();
    let number = Regex::new(r"[0-9]+(\.[0-9]+)*").unwrap();
    let text = digest.replace_all(line, "payload=…");
    let text = number.replace_all(&text, "0");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_demo_prints_what_is_recorded() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_testbed")).arg("demo").env_remove("KUBECONFIG").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed: Vec<String> = String::from_utf8(output.stdout).unwrap().lines().map(shape).collect();
    // The first line is what a reader types.
    let recorded: Vec<String> = cast().lines().skip(1).map(shape).collect();
    assert!(recorded.len() > 40, "{recorded:#?}");
    assert_eq!(printed, recorded, "the demo prints something else than is recorded: run `make recording`");
}

#[test]
fn shapes_tell_texts_apart_and_not_times() {
    let of = |line| shape(line);
    assert_eq!(
        of("  2026-11-24T10:05:31.072Z demo PATCH /v2/a 202 1.0 ms payload=79fca6b88ea0"),
        of("2026-11-25T11:06:32.999Z demo PATCH /v2/a 202 12.5 ms  payload=0123")
    );
    assert_ne!(of("READY True"), of("READY False"));
}
