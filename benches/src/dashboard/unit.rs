//! Values with their units, as Grafana writes them.

use anyhow::bail;

/// A unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// None.
    Plain,
    /// None, and thousands are shortened.
    Short,
    /// A time.
    Seconds,
    /// Something each second.
    Rate(&'static str),
    /// A share of one, shown as percent.
    Share,
}

impl Unit {
    /// By Grafana's name for it.
    ///
    /// # Errors
    /// When it is not known here.
    pub(super) fn of(id: &str) -> anyhow::Result<Self> {
        Ok(match id {
            "" | "none" => Self::Plain,
            "short" => Self::Short,
            "s" => Self::Seconds,
            "ops" => Self::Rate("ops/s"),
            "reqps" => Self::Rate("req/s"),
            "percentunit" => Self::Share,
            other => bail!("the unit {other:?} cannot be drawn yet"),
        })
    }

    /// A value with its unit.
    pub(super) fn show(self, value: f64) -> String {
        match self {
            Self::Plain => digits(value),
            Self::Short => shortened(value),
            Self::Seconds => time(value),
            Self::Rate(unit) => format!("{} {unit}", shortened(value)),
            Self::Share => format!("{}%", digits(value * 100.0)),
        }
    }
}

fn time(seconds: f64) -> String {
    let (size, unit) = match seconds.abs() {
        0.0 => (1.0, "s"),
        below if below < 1e-3 => (1e-6, "µs"),
        below if below < 1.0 => (1e-3, "ms"),
        below if below < 60.0 => (1.0, "s"),
        below if below < 3600.0 => (60.0, "min"),
        below if below < 86400.0 => (3600.0, "hour"),
        _ => (86400.0, "day"),
    };
    let number = digits(seconds / size);
    let plural = if size >= 60.0 && number != "1" { "s" } else { "" };
    format!("{number} {unit}{plural}")
}

fn shortened(value: f64) -> String {
    match value.abs() {
        below if below < 1e3 => digits(value),
        below if below < 1e6 => format!("{} K", digits(value / 1e3)),
        _ => format!("{} Mil", digits(value / 1e6)),
    }
}

/// Three significant digits, as far as they say something.
fn digits(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let decimals = (2.0 - value.abs().log10().floor()).clamp(0.0, 9.0) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// The time of day in UTC, in hours and minutes.
pub(super) fn clock(milliseconds: i64) -> String {
    let minutes = milliseconds.div_euclid(60_000).rem_euclid(24 * 60);
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_short_and_have_their_unit() -> anyhow::Result<()> {
        for (unit, value, text) in [
            ("", 31.0, "31"),
            ("none", 1234.0, "1234"),
            ("short", 1234.0, "1.23 K"),
            ("s", 0.0, "0 s"),
            ("s", 0.000_25, "250 µs"),
            ("s", 0.0625, "62.5 ms"),
            ("s", 12.345, "12.3 s"),
            ("s", 60.0, "1 min"),
            ("s", 330.0, "5.5 mins"),
            ("s", 7200.0, "2 hours"),
            ("ops", 0.005, "0.005 ops/s"),
            ("reqps", 20.0, "20 req/s"),
            ("percentunit", 0.875, "87.5%"),
        ] {
            assert_eq!(Unit::of(unit)?.show(value), text);
        }
        assert!(Unit::of("furlongs").is_err());
        assert_eq!(clock(1_764_000_000_000), "16:00");
        Ok(())
    }
}
