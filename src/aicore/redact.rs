//! What of a server's words may be shown: only what certainly holds nothing of a secret value.
//!
//! Two conditions have to be met. The text is made of plain words ([`plain_words`]), whatever the values are: a server may also quote
//! what it stores, or what was sent to it before. And it holds nothing of the values that are at hand, which may be plain words
//! themselves. For that, the text is brought to everything that it may stand for ([`readings`]), once. Then the secret values are gone through, once:
//! six characters in a row of one of them, in any reading, and the text is withheld. What that costs depends on the length of
//! the text, which is bounded, and on the length of what was sent; not on their product.

mod decode;
mod entities;
mod fold;
mod plain_words;
mod readings;
mod visible;
mod windows;

use base64::alphabet;
use zeroize::Zeroizing;

use self::{
    fold::{Forms, fold},
    plain_words::is_plain,
    readings::Readings,
    visible::is_invisible,
    windows::{WIDTH, Window},
};
pub(super) use self::{
    plain_words::{is_code, is_id},
    visible::visible,
};
use crate::domain::parse::docker_config::Payload;

/// The most that is shown of a server's message, in characters.
pub(super) const SHOWN: usize = 300;
/// How much of a message is searched: what is shown, and more, so that a secret that the cut falls into is recognised, in any
/// encoding that makes up to thirty characters of one.
pub(super) const SEARCHED: usize = SHOWN + 30 * WIDTH;

/// The secret values that a request carried, and what else is known when it is answered.
#[derive(Clone, Copy, Default)]
pub(super) struct Sent<'a> {
    /// The access token and the client secret, as far as there are.
    pub(super) secrets: &'a [&'a str],
    /// What may be shown beside plain words, as it names what the request was about: the name of the remote secret, the client id.
    pub(super) names: &'a [&'a str],
    /// The registry credentials.
    pub(super) payload: Option<&'a Payload>,
}

/// What was found in some texts.
pub(super) struct Quotes<const N: usize> {
    /// For each text, whether it may hold a part of a secret value.
    pub(super) quoted: [bool; N],
    /// Whether one of the values has fewer than six characters. Such a value is a part of ordinary words: a sentence cannot be
    /// told from one that quotes it.
    pub(super) short_values: bool,
}

impl Sent<'_> {
    /// Looks for the values in the texts.
    pub(super) fn quotes<const N: usize>(&self, texts: [&str; N]) -> Quotes<N> {
        let readings = texts.map(Readings::of);
        let quoted = readings.each_ref().map(Option::is_none);
        let mut search = Search { readings, quoted, short_values: false };
        self.secrets.iter().filter(|secret| !secret.is_empty()).for_each(|secret| search.value(None, secret));
        if let Some(payload) = self.payload {
            payload.for_each_login(|username, password| search.value(Some(username), password));
        }
        Quotes { quoted: search.quoted, short_values: search.short_values }
    }

    /// The text, cut, if it is made of plain words and names, and if neither it nor what is cut off holds a part of a secret value.
    pub(super) fn plain(&self, text: &str, quoted: bool) -> Option<String> {
        // The cut may fall into a word.
        let mut behind = text.char_indices().skip(SHOWN).skip_while(|(_, c)| *c != ' ');
        let judged = behind.next().and_then(|(end, _)| text.get(..end)).unwrap_or(text);
        (!quoted && is_plain(&without_names(judged, self.names))).then(|| shorten(text))
    }
}

/// The text with a blank for each of the names that stands by itself.
fn without_names(text: &str, names: &[&str]) -> String {
    names.iter().filter(|name| !name.is_empty()).fold(text.to_owned(), |text, name| {
        let mut rest = String::with_capacity(text.len());
        let mut from = 0;
        for (start, _) in text.match_indices(name) {
            let (before, behind) = (text.get(from..start).unwrap_or_default(), start + name.len());
            let alone = !before.ends_with(char::is_alphanumeric)
                && !text.get(behind..).unwrap_or_default().starts_with(char::is_alphanumeric);
            if alone {
                rest.push_str(before);
                rest.push(' ');
                from = behind;
            }
        }
        rest.push_str(text.get(from..).unwrap_or_default());
        rest
    })
}

struct Search<const N: usize> {
    readings: [Option<Readings>; N],
    quoted: [bool; N],
    short_values: bool,
}

impl<const N: usize> Search<N> {
    /// A value, with the user name in front of it if it is a password. User names are no secrets; the pair is one, as far as it
    /// has a part of the password, and so is its base64.
    fn value(&mut self, username: Option<&str>, value: &str) {
        if value.chars().filter(|c| !is_invisible(*c)).nth(WIDTH - 1).is_none() {
            self.short_values = true;
            for form in short_forms(value) {
                self.mark(|readings| readings.have_short(&form));
            }
            return;
        }
        let before = username.map_or(0, |username| username.chars().count() + 1);
        let pair = username.into_iter().flat_map(|username| username.chars().chain([':']));
        let pair = pair.skip(before.saturating_sub(WIDTH - 1)).chain(value.chars());
        let mut forms = Forms::default();
        fold(pair, |folds| forms.push(folds).for_each(|window| self.mark(|readings| readings.have(window))));
        let mut in_base64 = |bytes: &mut dyn Iterator<Item = u8>, before| {
            let mut digits = Window::default();
            base64(bytes, before, |digit| {
                if let Some(window) = digits.push(digit) {
                    self.mark(|readings| readings.have(window));
                }
            });
        };
        for before in 0..3 {
            in_base64(&mut value.bytes(), before);
        }
        if let Some(username) = username {
            in_base64(&mut username.bytes().chain([b':']).chain(value.bytes()), 0);
        }
    }

    fn mark(&mut self, quotes: impl Fn(&Readings) -> bool) {
        for (quoted, readings) in self.quoted.iter_mut().zip(&self.readings) {
            *quoted = *quoted || readings.as_ref().is_some_and(&quotes);
        }
    }
}

/// A value below six characters as a code or an id may quote it, in lower case.
fn short_forms(value: &str) -> Vec<Zeroizing<Vec<u8>>> {
    let mut forms = vec![Zeroizing::new(Vec::new())];
    fold(value.chars(), |folds| forms.iter_mut().for_each(|form| form.push(folds.byte)));
    forms.push(Zeroizing::new(value.bytes().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()));
    forms.extend((0..3).map(|before| {
        let mut form = Zeroizing::new(Vec::new());
        base64(&mut value.bytes(), before, |digit| form.push(digit));
        form
    }));
    forms
}

/// The base64 of the bytes, where `before` bytes, modulo 3, stand in front of them: of the characters that depend on nothing else
/// those that are letters and digits, so that both alphabets are one, in lower case.
fn base64(bytes: &mut dyn Iterator<Item = u8>, before: u32, mut each: impl FnMut(u8)) {
    let digits = alphabet::STANDARD.as_str().as_bytes();
    // Bits of the first byte that share a character with what stands in front.
    let mut shared = (6 - before * 8 % 6) % 6;
    let (mut held, mut count) = (0_u32, 0);
    for byte in bytes {
        held = (held << 8) | u32::from(byte);
        count += 8 - shared;
        shared = 0;
        while count >= 6 {
            count -= 6;
            let digit = usize::try_from((held >> count) & 0x3f).ok().and_then(|value| digits.get(value));
            if let Some(digit) = digit.filter(|digit| digit.is_ascii_alphanumeric()) {
                each(digit.to_ascii_lowercase());
            }
        }
        held &= (1 << count) - 1;
    }
}

/// Cut at a character, with an ellipsis.
pub(super) fn shorten(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(SHOWN) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests;
