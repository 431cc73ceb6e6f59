//! Texts without the differences that do not matter when one quotes the other: case, kinds of blanks, invisible characters; and,
//! in two more forms, blanks, and everything that is neither letter nor digit: line breaks, quotes, backslashes and dashes in
//! between hide nothing.

use super::{
    visible::{is_blank, is_invisible},
    windows::Window,
};

/// One byte of a folded text.
#[derive(Clone, Copy)]
pub(super) struct Folds {
    /// In lower case, UTF-8.
    pub(super) byte: u8,
    /// What it is a part of.
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Blank,
    Sign,
    LetterOrDigit,
}

/// The windows of a folded text in each of its forms.
#[derive(Clone, Copy, Default)]
pub(super) struct Forms {
    whole: Window,
    without_blanks: Window,
    letters_and_digits: Window,
}

impl Forms {
    /// Takes the next byte; the windows that it completes.
    pub(super) fn push(&mut self, Folds { byte, kind }: Folds) -> impl Iterator<Item = u64> + use<> {
        let whole = self.whole.push(byte);
        let without_blanks = if kind == Kind::Blank { None } else { self.without_blanks.push(byte) };
        let bare = if kind == Kind::LetterOrDigit { self.letters_and_digits.push(byte) } else { None };
        [whole, without_blanks, bare].into_iter().flatten()
    }
}

/// Folds bytes. What is not UTF-8 is taken for Latin-1.
pub(super) fn fold_bytes(bytes: &[u8], mut each: impl FnMut(Folds)) {
    for chunk in bytes.utf8_chunks() {
        fold(chunk.valid().chars(), &mut each);
        fold(chunk.invalid().iter().copied().map(char::from), &mut each);
    }
}

/// Folds characters.
pub(super) fn fold(characters: impl Iterator<Item = char>, mut each: impl FnMut(Folds)) {
    for c in characters.filter(|c| !is_invisible(*c)) {
        if is_blank(c) {
            each(Folds { byte: b' ', kind: Kind::Blank });
            continue;
        }
        if c.is_ascii() {
            let byte = u8::try_from(c).unwrap_or_default().to_ascii_lowercase();
            each(Folds { byte, kind: kind(c) });
            continue;
        }
        for lower in c.to_lowercase() {
            for byte in lower.encode_utf8(&mut [0; 4]).bytes() {
                each(Folds { byte, kind: kind(c) });
            }
        }
    }
}

fn kind(c: char) -> Kind {
    if c.is_alphanumeric() { Kind::LetterOrDigit } else { Kind::Sign }
}
