//! Fuzzing on the stable toolchain, as unit tests: what is fuzzed need not be public for it.
//!
//! A [`Target`] is a function that takes any bytes, and panics when something does not hold. Its inputs are those of its corpus
//! (`tests/fuzz/corpus/<name>`) and mutations of them: bytes, words of a dictionary, and trees of JSON with what is encoded in
//! them. Instead of instrumenting the code, the target says which kind of outcome an input had; inputs with a new kind are mutated
//! further.
//!
//! `cargo test` tries each corpus and some thousand mutations; `make fuzz TARGET=docker_config EXECUTIONS=10000000` goes on in an
//! optimised build. An input that is found lands, as short as it can be made, in `target/fuzz`: mended, it goes to the corpus.

mod bytes;
mod json;
mod runner;
mod secrets;

use std::hash::{DefaultHasher, Hash, Hasher};

pub(crate) use self::{
    runner::fuzz,
    secrets::{Secrets, assert_hidden},
};

/// What is fuzzed.
pub(crate) struct Target {
    /// Folder of its corpus.
    pub(crate) name: &'static str,
    /// What inputs are.
    pub(crate) syntax: Syntax,
    /// Words that inputs are made of.
    pub(crate) dictionary: &'static [&'static str],
    /// How many mutations are tried where nobody asks for more: as many as an unoptimised build has time for.
    pub(crate) short: u64,
    /// Tries one input. Panics when something does not hold.
    pub(crate) attempt: fn(&[u8]) -> Outcome,
}

/// What inputs are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Syntax {
    /// Any bytes.
    Bytes,
    /// JSON that may be broken.
    Json,
    /// JSON that is never broken, as when it is the envelope of several inputs.
    Envelope,
}

/// A kind of outcome. Inputs with the same one are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Outcome(u64);

impl Outcome {
    /// By what tells kinds apart.
    pub(crate) fn of(kind: impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        kind.hash(&mut hasher);
        Self(hasher.finish())
    }

    /// By the words of a sentence: neither what it quotes nor its numbers make a new kind.
    pub(crate) fn of_sentence(sentence: &str) -> Self {
        let unquoted = sentence.split('"').step_by(2);
        let words = unquoted.flat_map(|part| part.split(|c: char| !c.is_ascii_alphabetic()));
        Self::of(words.filter(|word| !word.is_empty()).take(80).collect::<Vec<_>>())
    }
}
