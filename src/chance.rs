//! The one source of randomness: decisions take it as an argument.

use std::hash::{BuildHasher, Hasher, RandomState};

use crate::domain::report::Dice;

/// A number in `0.0..=1.0`. Good enough to spread load; nothing secret depends on it.
#[must_use]
pub fn fraction() -> f64 {
    // Each RandomState has other keys, so the hash of nothing is a new number.
    let bits = RandomState::new().build_hasher().finish();
    f64::from(u32::try_from(bits >> 32).unwrap_or_default()) / f64::from(u32::MAX)
}

/// Eight characters that tell one process from another.
#[must_use]
pub fn suffix() -> String {
    format!("{:08x}", RandomState::new().build_hasher().finish() >> 32)
}

/// The two numbers that a report needs.
#[must_use]
pub fn dice() -> Dice {
    Dice { retry: fraction(), resync: fraction() }
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_differ_and_stay_in_range() {
        let numbers: Vec<f64> = (0..100).map(|_| super::fraction()).collect();
        assert!(numbers.iter().all(|number| (0.0..=1.0).contains(number)));
        assert!(numbers.windows(2).any(|pair| (pair[0] - pair[1]).abs() > 0.01));
        assert_ne!(super::suffix(), super::suffix());
        assert_eq!(super::suffix().len(), 8);
    }
}
