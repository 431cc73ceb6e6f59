//! The one source of chance: decisions take it as an argument. Nothing secret depends on it.

use crate::domain::decide::report::Jitter;

/// A number in `0.0..=1.0`, to spread load.
#[must_use]
pub(crate) fn fraction() -> f64 {
    fastrand::f64_inclusive()
}

/// Eight characters that tell one process from another.
#[must_use]
pub(crate) fn suffix() -> String {
    format!("{:08x}", fastrand::u32(..))
}

/// The two values that a report needs.
#[must_use]
pub(crate) fn jitter() -> Jitter {
    Jitter { retry: fraction(), resync: fraction() }
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
