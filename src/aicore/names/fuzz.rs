//! What servers answer to the question for the names.

use std::collections::HashSet;

use zeroize::Zeroizing;

use super::answer::names;
use crate::{
    aicore::exchange::Answer,
    fuzz::{Outcome, Syntax, Target, fuzz},
};

fn attempt(input: &[u8]) -> Outcome {
    let answer = Answer { body: Zeroizing::new(input.to_vec()), cut: input.len() > 64 * 1024 };
    let value = serde_json::from_slice::<serde_json::Value>(input).ok();
    let entries = value.as_ref().and_then(|value| value.get("resources")?.as_array());
    match names(&answer) {
        Ok(names) => {
            assert!(!answer.cut && names.len() <= 1_000);
            // None is left out, and none is made up.
            let told = entries.into_iter().flatten().map(|entry| entry.get("name")?.as_str());
            if let Some(told) = told.collect::<Option<HashSet<&str>>>().filter(|_| entries.is_some()) {
                assert_eq!(told, names.iter().map(|name| &**name).collect());
            }
            Outcome::of(("names", names.len().checked_ilog2()))
        }
        Err(unusable) => Outcome::of((unusable, entries.map(|entries| entries.len().checked_ilog2()))),
    }
}

#[test]
fn names_of_a_tenant() {
    let dictionary = &[
        "count",
        "resources",
        "name",
        "ghcr-pull",
        "0",
        "1",
        "18446744073709551616",
        "-1",
        "null",
        "[]",
        "{}",
        "\\u0000",
        "\u{feff}",
    ];
    fuzz(&Target { name: "names_of_a_tenant", short: 4_000, syntax: Syntax::Json, dictionary, attempt });
}
