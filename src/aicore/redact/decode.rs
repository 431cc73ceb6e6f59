//! What an encoded text may stand for. Each function undoes one encoding wherever the text could have it, and leaves the rest
//! as it is; what was never encoded turns into other text, which does no harm where one only looks for something in it.

use super::entities;

/// Bytes in a row that must come out of a run of base64, hex digits or numbers for it to count.
const SHORTEST_RUN: usize = super::windows::WIDTH;
/// Base64 has four characters to three bytes: a text may be cut anywhere, so its groups may begin at each of four places.
const BASE64_PHASES: [usize; 4] = [0, 1, 2, 3];
const HEX_PHASES: [usize; 2] = [0, 1];

/// The text with each encoding undone, one at a time; only what differs from the text.
pub(super) fn decoded(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let whole =
        [rewrite(text, backslash), rewrite(text, percent), rewrite(text, plus), rewrite(text, entity)];
    let runs = BASE64_PHASES.into_iter().map(|phase| base64(text, phase));
    let runs = runs.chain(HEX_PHASES.into_iter().map(|phase| hex(text, phase)));
    let runs = runs.chain([numbers(text)]).filter(|decoded| !decoded.is_empty());
    let whole = whole.into_iter().chain(latin_1(text)).chain(utf_16(text));
    whole.filter(move |decoded| decoded != text).chain(runs)
}

/// Copies the text. `step` may write what the start of the rest stands for, and says how many bytes of it that took.
fn rewrite(text: &[u8], step: impl Fn(&[u8], &mut Vec<u8>) -> Option<usize>) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        if let Some(used) = step(rest, &mut out) {
            rest = rest.get(used..).unwrap_or_default();
        } else {
            out.push(first);
            rest = tail;
        }
    }
    out
}

/// `\n`, `\"`, `\/`, `\x26`, `\46`, `\u0026`, `\u{26}` and `\U00000026`: JSON, JavaScript, Python, C, Go and Rust.
fn backslash(rest: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let [b'\\', kind, tail @ ..] = rest else { return None };
    match kind {
        b'u' => {
            let (code, used) = braced(tail).or_else(|| code_units(tail))?;
            push(out, code);
            return Some(2 + used);
        }
        b'U' => {
            push(out, hex_value(tail.get(..8)?)?);
            return Some(10);
        }
        b'x' => {
            out.push(byte(tail.get(..2)?)?);
            return Some(4);
        }
        b'0'..=b'7' => {
            let digits = rest.iter().skip(1).take(3).take_while(|digit| (b'0'..=b'7').contains(digit));
            let (value, count) = digits
                .fold((0_u32, 0), |(value, count), digit| (value * 8 + u32::from(digit - b'0'), count + 1));
            out.extend(u8::try_from(value));
            return Some(1 + count);
        }
        b'n' => out.push(b'\n'),
        b'r' => out.push(b'\r'),
        b't' => out.push(b'\t'),
        b'b' => out.push(8),
        b'f' => out.push(12),
        b'v' => out.push(11),
        other => out.push(*other),
    }
    Some(2)
}

/// `{26}` after `\u`: the code point, and how long that is.
fn braced(tail: &[u8]) -> Option<(u32, usize)> {
    let digits = tail.strip_prefix(b"{")?;
    let end = digits.iter().take(7).position(|byte| *byte == b'}')?;
    Some((hex_value(digits.get(..end)?)?, end + 2))
}

/// Four hex digits after `\u`, and the same again where they are half of a surrogate pair.
fn code_units(tail: &[u8]) -> Option<(u32, usize)> {
    let first = hex_value(tail.get(..4)?)?;
    if let 0xd800..=0xdbff = first
        && let Some([b'\\', b'u', digits @ ..]) = tail.get(4..10)
        && let Some(second @ 0xdc00..=0xdfff) = hex_value(digits)
    {
        return Some((0x10000 + ((first & 0x3ff) << 10) + (second & 0x3ff), 10));
    }
    Some((first, 4))
}

/// `%26`, and `%u0026` of JavaScript's `escape`.
fn percent(rest: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    match rest {
        [b'%', b'u' | b'U', tail @ ..] => {
            push(out, hex_value(tail.get(..4)?)?);
            Some(6)
        }
        [b'%', tail @ ..] => {
            out.push(byte(tail.get(..2)?)?);
            Some(3)
        }
        _ => None,
    }
}

/// `+` for a blank, as in forms.
fn plus(rest: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    (rest.first() == Some(&b'+')).then(|| {
        out.push(b' ');
        1
    })
}

/// `&amp;`, `&#38;` and `&#x26;`, with or without the semicolon.
fn entity(rest: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let name = rest.strip_prefix(b"&")?;
    let (code, used) = match name {
        [b'#', b'x' | b'X', digits @ ..] => {
            let count = digits.iter().take(20).take_while(|digit| digit.is_ascii_hexdigit()).count();
            (hex_value(digits.get(..count)?)?, 2 + count)
        }
        [b'#', digits @ ..] => {
            let count = digits.iter().take(20).take_while(|digit| digit.is_ascii_digit()).count();
            (decimal(digits.get(..count)?)?, 1 + count)
        }
        _ => entities::named(name)?,
    };
    push(out, code);
    let semicolon = usize::from(name.get(used) == Some(&b';'));
    Some(1 + used + semicolon)
}

/// What runs of base64 hold, of either alphabet, when their groups begin at `phase`. Line breaks and blanks within are left
/// out, so that wrapped base64 is one run.
fn base64(text: &[u8], phase: usize) -> Vec<u8> {
    runs(text, phase, 6, |rest| match rest.first()? {
        upper @ b'A'..=b'Z' => Some((Digit::Value(upper - b'A'), 1)),
        lower @ b'a'..=b'z' => Some((Digit::Value(lower - b'a' + 26), 1)),
        digit @ b'0'..=b'9' => Some((Digit::Value(digit - b'0' + 52), 1)),
        b'+' | b'-' => Some((Digit::Value(62), 1)),
        b'/' | b'_' => Some((Digit::Value(63), 1)),
        blank if blank.is_ascii_whitespace() => Some((Digit::Between, 1)),
        _ => None,
    })
}

/// What runs of hex digits hold when their pairs begin at `phase`: `70 61`, `70:61`, `0x70, 0x61`.
fn hex(text: &[u8], phase: usize) -> Vec<u8> {
    runs(text, phase, 4, |rest| match rest {
        [b'0' | b'\\', b'x' | b'X', ..] => Some((Digit::Between, 2)),
        [blank, ..] if blank.is_ascii_whitespace() || b":,;-_.[](){}%".contains(blank) => {
            Some((Digit::Between, 1))
        }
        [digit, ..] => Some((Digit::Value(u8::try_from(char::from(*digit).to_digit(16)?).ok()?), 1)),
        [] => None,
    })
}

/// A part of a run.
enum Digit {
    Value(u8),
    /// It holds nothing, and does not end the run.
    Between,
}

/// Joins digits of `bits` bits each to bytes, leaving out the first `phase` digits of each run. `digit` tells what stands at
/// the start of a text and how many bytes it takes; nothing there ends the run.
fn runs(text: &[u8], phase: usize, bits: u32, digit: impl Fn(&[u8]) -> Option<(Digit, usize)>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let start = out.len();
        let (mut skip, mut held, mut count) = (phase, 0_u32, 0);
        while let Some((digit, used)) = digit(rest) {
            rest = rest.get(used..).unwrap_or_default();
            let Digit::Value(value) = digit else { continue };
            if skip > 0 {
                skip -= 1;
                continue;
            }
            held = (held << bits) | u32::from(value);
            count += bits;
            if count >= 8 {
                count -= 8;
                out.extend(u8::try_from((held >> count) & 0xff));
                held &= (1 << count) - 1;
            }
        }
        close(&mut out, start);
        rest = rest.get(1..).unwrap_or_default();
    }
    out
}

/// Lists of numbers, as Go prints bytes and JavaScript and Python print lists: `[112 97 115]`, `112,97,115`.
fn numbers(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let start = out.len();
        loop {
            let gap = rest.iter().take_while(|byte| byte.is_ascii_whitespace() || **byte == b',').count();
            rest = rest.get(gap..).unwrap_or_default();
            let count = rest.iter().take(7).take_while(|byte| byte.is_ascii_digit()).count();
            let Some(value) = rest.get(..count).filter(|digits| !digits.is_empty()).and_then(decimal) else {
                break;
            };
            match u8::try_from(value) {
                Ok(byte) => out.push(byte),
                Err(_) => push(&mut out, value),
            }
            rest = rest.get(count..).unwrap_or_default();
        }
        close(&mut out, start);
        rest = rest.get(1..).unwrap_or_default();
    }
    out
}

/// Keeps the run that began at `start` if it is long enough, apart from the next.
fn close(out: &mut Vec<u8>, start: usize) {
    if out.len() - start < SHORTEST_RUN {
        out.truncate(start);
    } else {
        out.push(b'\n');
    }
}

/// UTF-8 that somebody took for Latin-1: `Ã¤` for `ä`.
fn latin_1(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let mut out = Vec::with_capacity(text.len());
    for c in text.chars() {
        match u8::try_from(c) {
            Ok(byte) => out.push(byte),
            Err(_) => push(&mut out, c.into()),
        }
    }
    Some(out)
}

/// UTF-16 of either byte order, as what comes out of base64 or hex may be: it has zeros in it, or is no UTF-8.
fn utf_16(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let candidate = text.contains(&0) || std::str::from_utf8(text).is_err();
    let orders: [fn([u8; 2]) -> u16; 2] = [u16::from_le_bytes, u16::from_be_bytes];
    let starts = if candidate { vec![text, text.get(1..).unwrap_or_default()] } else { Vec::new() };
    starts.into_iter().flat_map(move |bytes| {
        orders.map(|order| {
            let (pairs, _) = bytes.as_chunks::<2>();
            let characters = char::decode_utf16(pairs.iter().copied().map(order)).filter_map(Result::ok);
            characters.filter(|c| *c != '\0').collect::<String>().into_bytes()
        })
    })
}

/// As UTF-8; what is no character, such as half of a surrogate pair, is left out.
fn push(out: &mut Vec<u8>, code: u32) {
    if let Some(c) = char::from_u32(code) {
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

fn byte(digits: &[u8]) -> Option<u8> {
    u8::try_from(hex_value(digits)?).ok()
}

/// Of one to eight digits.
fn hex_value(digits: &[u8]) -> Option<u32> {
    number(digits, 16)
}

fn decimal(digits: &[u8]) -> Option<u32> {
    number(digits, 10)
}

fn number(digits: &[u8], radix: u32) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u32, |value, digit| {
        value.checked_mul(radix)?.checked_add(char::from(*digit).to_digit(radix)?)
    })
}

#[cfg(test)]
mod tests;
