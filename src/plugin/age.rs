//! Lengths of time as kubectl shows them: two units at most, the second only while it matters.

/// `45s`, `5m30s`, `12m`, `3h20m`, `30h`, `5d`.
pub(super) fn short(seconds: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    let two = |larger: i64, unit: &str, smaller: i64, small_unit: &str| {
        if smaller == 0 { format!("{larger}{unit}") } else { format!("{larger}{unit}{smaller}{small_unit}") }
    };
    match seconds.max(0) {
        s if s < 2 * MINUTE => format!("{s}s"),
        s if s < 10 * MINUTE => two(s / MINUTE, "m", s % MINUTE, "s"),
        s if s < 3 * HOUR => format!("{}m", s / MINUTE),
        s if s < 8 * HOUR => two(s / HOUR, "h", s % HOUR / MINUTE, "m"),
        s if s < 2 * DAY => format!("{}h", s / HOUR),
        s if s < 8 * DAY => two(s / DAY, "d", s % DAY / HOUR, "h"),
        s => format!("{}d", s / DAY),
    }
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn is_what_kubectl_shows() {
        for (seconds, text) in [
            (-5, "0s"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (330, "5m30s"),
            (720, "12m"),
            (3 * 3600 + 1200, "3h20m"),
            (30 * 3600, "30h"),
            (49 * 3600, "2d1h"),
            (10 * 86400, "10d"),
        ] {
            assert_eq!(short(seconds), text, "{seconds}");
        }
    }
}
