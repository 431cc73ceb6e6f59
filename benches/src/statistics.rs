//! Percentiles and medians.

/// Values of one quantity, sorted.
#[derive(Clone, Debug, Default)]
pub struct Sample(Vec<f64>);

impl Sample {
    /// Sorts them.
    #[must_use]
    pub fn new(mut values: Vec<f64>) -> Self {
        values.retain(|value| value.is_finite());
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    /// The value that `percent` of 100 do not exceed (nearest rank); NaN when there is none.
    #[must_use]
    pub fn percentile(&self, percent: f64) -> f64 {
        let rank = (self.0.len() as f64 * percent / 100.0).ceil().max(1.0) as usize;
        self.0.get(rank - 1).or(self.0.last()).copied().unwrap_or(f64::NAN)
    }

    /// The middle one.
    #[must_use]
    pub fn median(&self) -> f64 {
        self.percentile(50.0)
    }

    /// The largest.
    #[must_use]
    pub fn max(&self) -> f64 {
        self.0.last().copied().unwrap_or(f64::NAN)
    }

    /// The smallest and the largest; none where there are not two values.
    #[must_use]
    pub fn spread(&self) -> Option<(f64, f64)> {
        let (first, last) = (self.0.first()?, self.0.last()?);
        (self.0.len() > 1).then_some((*first, *last))
    }

    /// All of them, smallest first.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.0
    }
}

/// The median.
#[must_use]
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    Sample::new(values.into_iter().collect()).median()
}

/// The most of `times`, in seconds and in any order, that lie within one second.
#[must_use]
pub fn most_in_a_second(mut times: Vec<f64>) -> usize {
    times.sort_by(f64::total_cmp);
    let mut first = 0;
    let mut most = 0;
    for (last, time) in times.iter().enumerate() {
        while times[first] <= time - 1.0 {
            first += 1;
        }
        most = most.max(last + 1 - first);
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_with_the_most_may_begin_at_any_time() {
        assert_eq!(most_in_a_second(vec![2.4, 0.0, 1.5, 0.9, 1.9, 5.0]), 3);
        assert_eq!(most_in_a_second(vec![0.0, 1.0]), 1);
        assert_eq!(most_in_a_second(Vec::new()), 0);
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let sample = Sample::new((1..=100).rev().map(f64::from).collect());
        assert_eq!(
            [50.0, 90.0, 99.0, 100.0, 0.0].map(|percent| sample.percentile(percent) as u32),
            [50, 90, 99, 100, 1]
        );
        assert!(Sample::default().median().is_nan());
        assert_eq!(median([3.0, 1.0, 2.0]) as u32, 2);
    }
}
