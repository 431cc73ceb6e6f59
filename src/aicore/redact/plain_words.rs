//! Texts that are made of plain words: the last condition for showing what a server said, and the one that does not depend on knowing
//! the secret values. A server may quote what it stores, what was sent to it long ago, or a value in an encoding that nobody thought of;
//! none of it is made of the few words that servers explain errors with.

use std::{collections::HashSet, sync::LazyLock};

use super::windows::WIDTH;

/// The words, in lower case. No names of numbers, characters or signs, with which a value could be spelled out.
static WORDS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("vocabulary.txt").split_ascii_whitespace().collect());

/// What a sentence has besides letters, digits and blanks.
const PUNCTUATION: &str = ".,;:!?'\"`()[]-_/’‘“”–—…";
/// Digits of a code that is a number, or has one in it; SAP's codes have eight.
const CODE_DIGITS: usize = 8;
/// How many bytes of an id, in a row, may be printable ASCII: of random bytes, so many are one time in 300.
const PRINTABLE_IN_A_ROW: usize = 7;

/// Whether the text is made of words of the vocabulary, and of so few digits and signs in a row that they are no six characters of a
/// value.
pub(in crate::aicore) fn is_plain(text: &str) -> bool {
    let (mut digits, mut signs) = (0, 0);
    for c in text.chars() {
        match c {
            ' ' => {}
            '0'..='9' => (digits, signs) = (digits + 1, 0),
            _ if c.is_ascii_alphabetic() => signs = 0,
            _ if PUNCTUATION.contains(c) => signs += 1,
            _ => return false,
        }
        if digits >= WIDTH || signs >= WIDTH {
            return false;
        }
    }
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '\'';
    text.split(|c| !inner(c)).all(|word| is_number(word) || is_word(word))
}

/// Whether it is an error code as servers have them: of words and of one number, like `01010076`, `invalid_client` or
/// `oauth.v2.InvalidApiKey`.
pub(in crate::aicore) fn is_code(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let parts = || text.split(['.', '_', '-']);
    digits <= CODE_DIGITS
        && parts().filter(|part| is_number(part)).count() <= 1
        && parts().all(|part| matches!(part, "v1" | "v2") || is_number(part) || is_word(part))
}

/// Whether it is an id as servers make them, of random bytes: a UUID (RFC 9562), or 16 bytes in hex without the dashes (as in W3C Trace
/// Context).
pub(in crate::aicore) fn is_id(text: &str) -> bool {
    let groups: Vec<usize> = text.split('-').map(str::len).collect();
    if !matches!(groups.as_slice(), [8, 4, 4, 4, 12] | [32]) {
        return false;
    }
    let digits: Option<Vec<u32>> = text.chars().filter(|c| *c != '-').map(|c| c.to_digit(16)).collect();
    let Some(digits) = digits else { return false };
    // A text in hex is no id.
    let mut printable = 0;
    digits.chunks_exact(2).all(|pair| {
        let byte = pair.iter().fold(0, |byte, digit| byte << 4 | digit);
        printable = if (0x20..0x7f).contains(&byte) { printable + 1 } else { 0 };
        printable <= PRINTABLE_IN_A_ROW
    })
}

fn is_number(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit())
}

/// A word of the vocabulary, in small letters, capitals, or with a capital in front; or several, each with a capital in front:
/// `BadRequest`, `requestId`.
fn is_word(word: &str) -> bool {
    let word = word.trim_matches('\'');
    let known = |word: &str| WORDS.contains(word.to_ascii_lowercase().as_str());
    let humps = |word: &str| {
        let mut starts: Vec<usize> =
            word.match_indices(|c: char| c.is_ascii_uppercase()).map(|(start, _)| start).collect();
        if starts.first() != Some(&0) {
            starts.insert(0, 0);
        }
        let ends = starts.iter().skip(1).copied().chain([word.len()]);
        starts.iter().zip(ends).all(|(start, end)| word.get(*start..end).is_some_and(known))
    };
    word.is_empty() || (!word.bytes().any(|byte| byte.is_ascii_lowercase()) && known(word)) || humps(word)
}

#[cfg(test)]
mod tests;
