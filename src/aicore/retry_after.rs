//! `Retry-After` in the forms that SAP's services use.

use std::time::Duration;

use jiff::{Timestamp, civil::DateTime, fmt::rfc2822, tz::TimeZone};

/// How long to wait at `now`: from seconds or an HTTP date (RFC 9110 §10.2.3), or from `YYYY-MM-DD hh:mm:ss` in UTC. A time
/// in the past is no wait; anything else is ignored.
pub(super) fn parse(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = rfc2822::parse(value)
        .map(|zoned| zoned.timestamp())
        .or_else(|_| {
            DateTime::strptime("%Y-%m-%d %H:%M:%S", value)
                .and_then(|time| time.to_zoned(TimeZone::UTC))
                .map(|zoned| zoned.timestamp())
        })
        .ok()?;
    Some(Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_three_forms() {
        let now: Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
        for (value, seconds) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("Sun, 01 Mar 2026 10:00:30 GMT", Some(30)),
            ("2026-03-01 10:01:00", Some(60)),
            ("2026-03-01 09:00:00", Some(0)),
            ("Sun, 01 Mar 2026 09:00:30 GMT", Some(0)),
            ("soon", None),
            ("-5", None),
            ("", None),
            ("1.5", None),
        ] {
            assert_eq!(parse(value, now), seconds.map(Duration::from_secs), "{value:?}");
        }
    }
}
