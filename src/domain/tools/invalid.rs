//! Why an input cannot be used, said to the user who can change it.

use std::fmt::{self, Display, Write};

/// How much of a name from the input a message shows.
const SHOWN_CHARACTERS: usize = 100;
/// How many names of a list a message shows.
pub(crate) const SHOWN_NAMES: usize = 10;

/// One sentence (or two): what is wrong, in which Secret and key, and what to do about it.
///
/// It ends up in conditions, events and logs, so it never holds the value of a Secret, only names and places.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(String);

impl Invalid {
    /// Takes a full sentence, which must be free of secret values; names from the input belong in [`Quoted`].
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

/// A name from the input as messages show it: in quotes, control characters escaped, at most 100 characters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", Shown(self.0))
    }
}

/// The same without the quotes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<'a>(pub &'a str);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut characters = self.0.chars();
        for character in characters.by_ref().take(SHOWN_CHARACTERS) {
            match character {
                '\'' => f.write_char('\'')?, // `escape_debug` would escape it too
                other => write!(f, "{}", other.escape_debug())?,
            }
        }
        if characters.next().is_some() {
            f.write_char('…')?;
        }
        Ok(())
    }
}

/// `"a", "b" and "c"`; from the eleventh name on, `and 3 more`.
pub(crate) fn quoted_list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    listed(names.into_iter().map(|name| Quoted(name).to_string()).collect())
}

/// The same for names that are quoted already.
pub(crate) fn listed(mut names: Vec<String>) -> String {
    let hidden = names.len().saturating_sub(SHOWN_NAMES);
    names.truncate(SHOWN_NAMES);
    listed_with(names, hidden)
}

/// The same for a few names that are quoted already, of a list with `hidden` others.
pub(crate) fn listed_with(mut names: Vec<String>, hidden: usize) -> String {
    if hidden > 0 {
        names.push(format!("{hidden} more"));
    }
    match names.pop() {
        None => "nothing".to_owned(),
        Some(last) if names.is_empty() => last,
        Some(last) => format!("{} and {last}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests;
