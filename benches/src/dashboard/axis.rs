//! Where values and times lie in a graph.

/// Lines of the grid, about.
const LINES: f64 = 4.0;
/// Times between labels, in minutes.
const MINUTES: [i64; 8] = [1, 2, 5, 10, 15, 30, 60, 120];

/// The vertical axis.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    /// Its lower end.
    pub(super) low: f64,
    /// Its upper end.
    pub(super) high: f64,
    /// Where its grid is.
    pub(super) ticks: Vec<f64>,
}

impl Axis {
    /// With room for all values, and ends that are multiples of a round number unless they are given.
    pub(super) fn new(min: Option<f64>, max: Option<f64>, values: impl Iterator<Item = f64>) -> Self {
        let (least, most) =
            values.fold((f64::MAX, f64::MIN), |(least, most), value| (least.min(value), most.max(value)));
        let low = min.unwrap_or(if least < f64::MAX { least } else { 0.0 });
        let high = max.unwrap_or(most);
        let high = if high > low { high } else { low + 1.0 };
        let step = round((high - low) / LINES);
        let low = min.unwrap_or((low / step).floor() * step);
        let high = max.unwrap_or((high / step).ceil() * step);
        let first = (low / step).ceil();
        let count = ((high / step + 1e-9).floor() - first).max(0.0) as u32;
        let ticks = (0..=count).map(|tick| (first + f64::from(tick)) * step).collect();
        Self { low, high, ticks }
    }

    /// How far up a value is, from 0 to 1.
    pub(super) fn share(&self, value: f64) -> f64 {
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }
}

/// The round number that is nearest from above.
fn round(step: f64) -> f64 {
    let power = 10.0_f64.powf(step.log10().floor());
    let digits = [1.0, 2.0, 2.5, 5.0].into_iter().find(|digits| digits * power >= step * 0.999);
    digits.unwrap_or(10.0) * power
}

/// Full minutes within a time, at most `count` of them. All in milliseconds.
pub(super) fn minutes(start: i64, end: i64, count: usize) -> Vec<i64> {
    let of = |minutes: i64| -> Vec<i64> {
        let step = minutes * 60_000;
        let first = start.div_euclid(step) + i64::from(start.rem_euclid(step) > 0);
        (first..=end.div_euclid(step)).map(|number| number * step).collect()
    };
    MINUTES.into_iter().map(of).find(|times| times.len() <= count).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_are_round_and_have_room_for_all_values() {
        let axis = Axis::new(Some(0.0), None, [0.3, 1.7].into_iter());
        assert_eq!(axis.ticks, [0.0, 0.5, 1.0, 1.5, 2.0]);
        assert!((axis.share(1.7) - 0.85).abs() < 1e-9);
        let fixed = Axis::new(Some(0.0), Some(1.0), [0.0].into_iter());
        assert_eq!((fixed.high, fixed.ticks.len()), (1.0, 5));
        let empty = Axis::new(None, None, std::iter::empty());
        assert!(empty.high > empty.low && !empty.ticks.is_empty());
        let equal = Axis::new(None, None, [3.0, 3.0].into_iter());
        assert!(equal.low <= 3.0 && equal.high > 3.0);
    }

    #[test]
    fn times_are_full_minutes() {
        assert_eq!(minutes(30_000, 200_000, 5), [60_000, 120_000, 180_000]);
        assert_eq!(minutes(30_000, 200_000, 2), [120_000]);
    }
}
