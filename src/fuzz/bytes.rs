//! Mutations of bytes.

use fastrand::Rng;

/// Numbers at which something may change.
const NUMBERS: [&str; 18] = [
    "0",
    "-0",
    "-1",
    "1",
    "00",
    "127",
    "255",
    "256",
    "65535",
    "65536",
    "2147483648",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "1e400",
    "0.1",
    "NaN",
];
/// Bytes and characters that readers have trouble with: none, of other planes, invisible, that grow or shrink with their case, or that are
/// no UTF-8.
const ODD: [&[u8]; 22] = [
    b"\0",
    b"\n",
    b"\r\n",
    b"\t",
    b"\x1b[2J",
    b"\x7f",
    b"\\",
    b"\"",
    b"'",
    b"%00",
    b"\\u0000",
    b"\\ud800",
    b"\xef\xbb\xbf",
    b"\xff",
    b"\xc0\x80",
    b"\xf0\x9f\x98\x80",
    "\u{200b}".as_bytes(),
    "\u{202e}".as_bytes(),
    "\u{130}".as_bytes(),
    "\u{2100}".as_bytes(),
    "\u{ff0e}".as_bytes(),
    "\u{3002}".as_bytes(),
];

/// How an input is mutated.
pub(super) struct Mutator<'a> {
    pub(super) rng: &'a mut Rng,
    pub(super) dictionary: &'static [&'static str],
    /// The most bytes that an input may come to have.
    pub(super) longest: usize,
}

impl Mutator<'_> {
    /// One or several mutations; `other` is another input, to take parts from.
    pub(super) fn bytes(&mut self, input: &mut Vec<u8>, other: &[u8]) {
        for _ in 0..self.few() {
            self.once(input, other);
        }
        input.truncate(self.longest);
    }

    /// Mostly one, seldom many.
    pub(super) fn few(&mut self) -> usize {
        1 + usize::try_from(self.rng.u32(1..).leading_zeros()).unwrap_or_default().min(12)
    }

    /// A word of the dictionary, a number, or something odd.
    pub(super) fn word(&mut self) -> Vec<u8> {
        match self.rng.u8(0..8) {
            0 => NUMBERS[self.rng.usize(..NUMBERS.len())].as_bytes().to_vec(),
            1 => ODD[self.rng.usize(..ODD.len())].to_vec(),
            _ if self.dictionary.is_empty() => vec![self.rng.u8(..)],
            _ => self.dictionary[self.rng.usize(..self.dictionary.len())].as_bytes().to_vec(),
        }
    }

    fn once(&mut self, input: &mut Vec<u8>, other: &[u8]) {
        let at = self.rng.usize(..=input.len());
        match self.rng.u8(0..12) {
            0 if at < input.len() => input[at] ^= 1 << self.rng.u8(0..8),
            1 if at < input.len() => input[at] = self.rng.u8(..),
            2 => input.insert(at, self.rng.u8(..)),
            3 | 4 => {
                let word = self.word();
                input.splice(at..at, word);
            }
            5 => {
                let word = self.word();
                let end = (at + word.len()).min(input.len());
                input.splice(at..end, word);
            }
            6 => {
                let end = self.end(input, at);
                input.drain(at..end);
            }
            7 => {
                let part = input[at..self.end(input, at)].to_vec();
                let to = self.rng.usize(..=input.len());
                input.splice(to..to, part);
            }
            8 => {
                let from = self.rng.usize(..=other.len());
                let part = other[from..self.end(other, from)].to_vec();
                input.splice(at..at, part);
            }
            9 => {
                let from = self.rng.usize(..=other.len());
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            10 => {
                let end = self.end(input, at);
                input[at..end].iter_mut().for_each(|byte| {
                    *byte = if byte.is_ascii_lowercase() {
                        byte.to_ascii_uppercase()
                    } else {
                        byte.to_ascii_lowercase()
                    };
                });
            }
            _ => self.repeat(input, at),
        }
    }

    /// The end of a part that begins there, mostly a short one.
    fn end(&mut self, input: &[u8], at: usize) -> usize {
        let longest = if self.rng.u8(0..8) == 0 { input.len() } else { 16 };
        (at + self.rng.usize(..=longest)).min(input.len())
    }

    fn repeat(&mut self, input: &mut Vec<u8>, at: usize) {
        let part = input[at..self.end(input, at)].to_vec();
        let room = self.longest.saturating_sub(input.len());
        let Some(most) = room.checked_div(part.len()) else { return };
        let times = if self.rng.u8(0..64) == 0 { most } else { self.rng.usize(..=most.min(20)) };
        input.splice(at..at, part.repeat(times));
    }
}
