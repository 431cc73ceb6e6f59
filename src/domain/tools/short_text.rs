//! Texts that are kept in great number and are made of the same words: each word takes one byte.

/// Stands before a byte that could be taken for the place of a word.
const LITERAL: u8 = 0x1f;

/// Words that make a text short. Bytes below [`LITERAL`], which written JSON does not have, stand for them by their place.
#[derive(Debug)]
pub(crate) struct Words(&'static [&'static str]);

impl Words {
    /// Of these words; of two that begin alike, the longer one comes first. Those beyond the 31st are of no use.
    #[must_use]
    pub(crate) const fn new(words: &'static [&'static str]) -> Self {
        Self(words)
    }

    /// The text without its words.
    #[must_use]
    pub(crate) fn shorten(&self, text: &[u8]) -> Box<[u8]> {
        let mut short = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some((first, tail)) = rest.split_first() {
            let mut words = (0..LITERAL).zip(self.0);
            let word = words.find(|(_, word)| {
                // Most words can be told by their first byte.
                word.as_bytes().first() == Some(first) && rest.starts_with(word.as_bytes())
            });
            if let Some((place, word)) = word {
                short.push(place);
                rest = rest.get(word.len()..).unwrap_or_default();
            } else {
                if *first <= LITERAL {
                    short.push(LITERAL);
                }
                short.push(*first);
                rest = tail;
            }
        }
        short.into()
    }

    /// The text that was shortened.
    #[must_use]
    pub(crate) fn restore(&self, short: &[u8]) -> Vec<u8> {
        let mut text = Vec::with_capacity(4 * short.len());
        let mut bytes = short.iter();
        while let Some(byte) = bytes.next() {
            match byte {
                &LITERAL => text.extend(bytes.next()),
                place if *place < LITERAL => {
                    let word = self.0.get(usize::from(*place)).copied().unwrap_or_default();
                    text.extend_from_slice(word.as_bytes());
                }
                byte => text.push(*byte),
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WORDS: Words = Words::new(&["\",\"name\":\"", "name", "\u{1f}", "ä"]);

    #[test]
    fn a_word_is_one_byte() {
        let text = "{\"a\":\"b\",\"name\":\"name\"}".as_bytes();
        let short = WORDS.shorten(text);
        assert_eq!(*short, *b"{\"a\":\"b\x00\x01\"}");
        assert_eq!(WORDS.restore(&short), text);
    }

    #[test]
    fn words_beyond_the_last_byte_are_left_as_they_are() {
        const MANY: [&str; 40] = ["x"; 40];
        let mut words = MANY;
        words[39] = "last";
        let words: &'static [&'static str] = Box::leak(Box::new(words));
        let words = Words::new(words);
        assert_eq!(*words.shorten(b"last"), *b"last");
    }

    proptest! {
        #[test]
        fn every_text_is_restored(text in prop_oneof![
            "(\",\"name\":\"|name|nam|ä|[\\x00-\\x7f]){0,20}".prop_map(String::into_bytes),
            prop::collection::vec(any::<u8>(), 0..60),
        ]) {
            prop_assert_eq!(WORDS.restore(&WORDS.shorten(&text)), text);
        }
    }
}
