//! Durations as users write them (`90s`, `1h30m`, `1.5h`), and the resync interval.

use std::time::Duration;

use crate::domain::tools::invalid::{Invalid, Quoted};

/// The shortest resync interval, as the schema has it: a shorter one would make a storm of requests.
const SHORTEST: Duration = Duration::from_secs(10);

/// Longest duration that is taken for one: three centuries, which arithmetic with times still bears.
const LONGEST: Duration = Duration::from_secs(10_000_000_000);

/// Parses a duration of the form `^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`. `None` when it is not of that form or too long to
/// count.
#[must_use]
pub(crate) fn parse(text: &str) -> Option<Duration> {
    if text.is_empty() {
        return None;
    }
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at_checked(digits)?;
        let (unit, tail) = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)]
            .into_iter()
            .find_map(|(name, seconds)| tail.strip_prefix(name).map(|tail| (seconds, tail)))?;
        if number.starts_with('.') || number.ends_with('.') {
            return None;
        }
        let number: f64 = number.parse().ok()?;
        total = total.checked_add(Duration::try_from_secs_f64(number * unit).ok()?)?;
        rest = tail;
    }
    (total <= LONGEST).then_some(total)
}

/// How often an unchanged credential is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResyncInterval {
    /// Not at all.
    Never,
    /// After this long, spread by ±10 %.
    Every(Duration),
}

impl ResyncInterval {
    /// Reads `spec.resyncInterval`.
    ///
    /// # Errors
    /// A sentence that names the field, for what the schema refuses; an older schema in the cluster may not.
    pub(crate) fn parse(text: &str) -> Result<Self, Invalid> {
        let refused = |why| Invalid::new(format!("spec.resyncInterval {} {why}.", Quoted(text)));
        match parse(text) {
            None => Err(refused("is not a duration such as 90s, 1h30m or 1.5h")),
            Some(interval) if !interval.is_zero() && interval < SHORTEST => {
                Err(refused("is below 10s; write 0s to never send an unchanged credential again"))
            }
            Some(interval) => Ok(Self::from(interval)),
        }
    }
}

impl From<Duration> for ResyncInterval {
    /// Zero means never. What is below ten seconds counts as ten, wherever it comes from.
    fn from(interval: Duration) -> Self {
        if interval.is_zero() { Self::Never } else { Self::Every(interval.max(SHORTEST)) }
    }
}

/// `interval` spread by ±10 %: `jitter` in `0.0..=1.0` chooses the place in that range.
#[must_use]
pub(crate) fn spread(interval: Duration, jitter: f64) -> Duration {
    interval.mul_f64(0.9 + 0.2 * jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_the_schema_admits() {
        for (text, millis) in [
            ("0s", 0),
            ("90s", 90_000),
            ("1h30m", 5_400_000),
            ("1.5h", 5_400_000),
            ("250ms", 250),
            ("1m1s1ms", 61_001),
        ] {
            assert_eq!(parse(text), Some(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "",
            "1",
            "s",
            "1d",
            "-1s",
            "1.s",
            ".5s",
            "1..5s",
            "1 s",
            "1h ",
            "1e3s",
            "99999999999999999999h",
            "2777778h",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_interval_is_never_or_at_least_ten_seconds() {
        use ResyncInterval::{Every, Never};
        for (text, expected) in [
            ("0s", Ok(Never)),
            ("0h0m", Ok(Never)),
            ("10s", Ok(Every(Duration::from_secs(10)))),
            ("1h30m", Ok(Every(Duration::from_mins(90)))),
            ("1ms", Err("is below 10s")),
            ("9999ms", Err("is below 10s")),
            ("", Err("is not a duration")),
            ("soon", Err("is not a duration")),
            ("1d", Err("is not a duration")),
        ] {
            match (ResyncInterval::parse(text), expected) {
                (Ok(interval), Ok(expected)) => assert_eq!(interval, expected, "{text}"),
                (Err(invalid), Err(part)) => {
                    let sentence = invalid.to_string();
                    assert!(
                        sentence.contains("spec.resyncInterval") && sentence.contains(part),
                        "{sentence}"
                    );
                }
                (parsed, expected) => panic!("{text}: {parsed:?}, {expected:?}"),
            }
        }
        for (millis, expected) in
            [(0, Never), (1, Every(SHORTEST)), (10_001, Every(Duration::from_millis(10_001)))]
        {
            assert_eq!(ResyncInterval::from(Duration::from_millis(millis)), expected);
        }
    }

    #[test]
    fn spreads_by_ten_percent_each_way() {
        let hour = Duration::from_hours(1);
        assert_eq!(spread(hour, 0.0), Duration::from_secs(3240));
        assert_eq!(spread(hour, 0.5), hour);
        assert_eq!(spread(hour, 1.0), Duration::from_secs(3960));
    }
}
