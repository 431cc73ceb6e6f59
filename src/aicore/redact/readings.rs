//! Everything that a text may stand for, encodings within encodings included, ready to be searched.

use zeroize::Zeroizing;

use super::{
    decode::decoded,
    fold::{Forms, fold_bytes},
    windows::Windows,
};

/// The most that the readings of one text may have in bytes together. A sentence has a few thousand.
const LIMIT: usize = 128 * 1024;

/// The readings of a text.
pub(super) struct Readings {
    windows: Windows,
    folded: Zeroizing<Vec<u8>>,
}

impl Readings {
    /// Undoes every encoding again and again, in every order, until nothing new comes out. `None` when there would be more than
    /// 128 KiB of it; then nobody knows what the text holds.
    pub(super) fn of(text: &str) -> Option<Self> {
        let mut readings = vec![Zeroizing::new(text.as_bytes().to_vec())];
        let mut bytes = text.len();
        let mut next = 0;
        // Each decoding makes the text shorter, or has nothing left to do where it has been, so this ends.
        while let Some(reading) = readings.get(next) {
            let found: Vec<_> = decoded(reading).map(Zeroizing::new).collect();
            for reading in found {
                if readings.contains(&reading) {
                    continue;
                }
                bytes += reading.len();
                if bytes > LIMIT {
                    return None;
                }
                readings.push(reading);
            }
            next += 1;
        }
        Some(Self::folded(&readings))
    }

    fn folded(readings: &[Zeroizing<Vec<u8>>]) -> Self {
        let mut windows = Zeroizing::new(Vec::new());
        let mut folded = Zeroizing::new(Vec::new());
        for reading in readings {
            let mut forms = Forms::default();
            fold_bytes(reading, |folds| {
                folded.push(folds.byte);
                windows.extend(forms.push(folds));
            });
            // No byte of UTF-8, so that nothing is found across two readings.
            folded.push(0xff);
        }
        Self { windows: Windows::new(windows), folded }
    }

    /// Whether six characters in a row are in one of the readings.
    pub(super) fn have(&self, window: u64) -> bool {
        self.windows.contains(window)
    }

    /// Whether a short value, which was folded, is in one of the readings.
    pub(super) fn have_short(&self, value: &[u8]) -> bool {
        !value.is_empty() && self.folded.windows(value.len()).any(|part| part == value)
    }
}
