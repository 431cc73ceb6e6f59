//! Text that a terminal, a log of a build and a table can take, whoever wrote it.

use std::fmt::{self, Display, Write};

/// Longest line, in characters; what is longer is cut.
const MAX_CHARACTERS: usize = 8192;

/// One line of printable characters. There is no other way to make one than to escape what is none, so what takes this type
/// prints nothing that moves a cursor, reorders text, starts a line or gives an order to the system that runs a build.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Printable(String);

impl Printable {
    /// Escapes, as Rust does in quotes, all control and format characters (bidirectional ones too), line and paragraph
    /// separators, blanks other than the space, combining and unassigned characters. What systems that run builds take for a
    /// command is broken up: `::` at the start of a line, and `##` anywhere.
    pub fn new(text: impl Display) -> Self {
        let mut escaping = Escaping { text: String::new(), last: None, left: MAX_CHARACTERS };
        // Writing to a String does not fail; the end of the room is reported as an error, to stop early.
        if write!(escaping, "{text}").is_err() {
            escaping.text.push('…');
        }
        let mut text = escaping.text;
        let start = text.len() - text.trim_start().len();
        if text.get(start..).is_some_and(|rest| rest.starts_with("::")) {
            text.replace_range(start..=start, "\\u{3a}");
        }
        Self(text)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Number of characters.
    #[must_use]
    pub fn width(&self) -> usize {
        self.0.chars().count()
    }

    /// At most this many characters; the last one is an ellipsis where something is missing.
    #[must_use]
    pub fn cut(mut self, characters: usize) -> Self {
        if self.width() > characters {
            let end = self.0.char_indices().nth(characters.saturating_sub(1)).map_or(0, |(at, _)| at);
            self.0.truncate(end);
            self.0.push('…');
        }
        self
    }
}

impl Display for Printable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Takes text bit by bit, so that no text of any size is held twice.
struct Escaping {
    text: String,
    last: Option<char>,
    left: usize,
}

impl Write for Escaping {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            self.left = self.left.checked_sub(1).ok_or(fmt::Error)?;
            let is_second_hash = character == '#' && self.last == Some('#');
            self.last = Some(character);
            if is_second_hash {
                self.text.push_str("\\u{23}");
                self.last = None;
            } else if is_plain(character) {
                self.text.push(character);
            } else if is_blank_letter(character) {
                self.text.extend(character.escape_unicode());
            } else {
                self.text.extend(character.escape_debug());
            }
        }
        Ok(())
    }
}

/// What `escape_debug` escapes for Rust's sake only, and what it leaves alone.
fn is_plain(character: char) -> bool {
    matches!(character, '\'' | '"' | '\\' | ' '..='~')
        || (!is_blank_letter(character) && character.escape_debug().len() == 1)
}

/// Letters and symbols by category that show nothing (Unicode: Hangul fillers, the blank Braille pattern).
const fn is_blank_letter(character: char) -> bool {
    matches!(character, '\u{115f}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}')
}

#[cfg(test)]
mod tests;
