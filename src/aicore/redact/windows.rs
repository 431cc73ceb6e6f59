//! Six characters in a row, as numbers: a text and a secret have them in common if one quotes the other.

use zeroize::Zeroizing;

/// How many characters in a row of a secret may not be shown.
pub(super) const WIDTH: usize = 6;
/// Bits of the filter in front of the exact search, as a power of two.
const FILTER_BITS: u32 = 18;

/// The last six bytes of a sequence.
#[derive(Clone, Copy, Default)]
pub(super) struct Window {
    bytes: u64,
    count: usize,
}

impl Window {
    /// Takes the next byte; the six last ones, if there are so many.
    pub(super) fn push(&mut self, byte: u8) -> Option<u64> {
        self.bytes = ((self.bytes << 8) | u64::from(byte)) & 0xffff_ffff_ffff;
        self.count += 1;
        (self.count >= WIDTH).then_some(self.bytes)
    }
}

/// All windows of some texts. Whether a window is among them is decided exactly; a filter answers for almost all that are not.
pub(super) struct Windows {
    sorted: Zeroizing<Vec<u64>>,
    filter: Vec<u64>,
}

impl Windows {
    pub(super) fn new(mut windows: Zeroizing<Vec<u64>>) -> Self {
        windows.sort_unstable();
        let mut filter = vec![0; 1 << (FILTER_BITS - 6)];
        for window in windows.iter() {
            let (word, bit) = Self::place(*window);
            if let Some(word) = filter.get_mut(word) {
                *word |= bit;
            }
        }
        Self { sorted: windows, filter }
    }

    pub(super) fn contains(&self, window: u64) -> bool {
        let (word, bit) = Self::place(window);
        self.filter.get(word).is_some_and(|word| word & bit != 0)
            && self.sorted.binary_search(&window).is_ok()
    }

    fn place(window: u64) -> (usize, u64) {
        // Fibonacci hashing: the upper bits of the product depend on all bits of the window.
        let hash = window.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - FILTER_BITS);
        (usize::try_from(hash >> 6).unwrap_or_default(), 1 << (hash & 63))
    }
}
