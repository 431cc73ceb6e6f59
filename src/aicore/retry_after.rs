//! `Retry-After` in the forms that SAP's services use.

use std::time::Duration;

use http::{HeaderMap, header::RETRY_AFTER};
use jiff::{Timestamp, civil::DateTime, fmt::rfc2822, tz::TimeZone};

/// The longest wait that the headers of an answer ask for at `now`.
pub(super) fn longest(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    headers.get_all(RETRY_AFTER).iter().filter_map(|value| parse(value.to_str().ok()?, now)).max()
}

/// How long to wait at `now`: from seconds or an HTTP date (RFC 9110 §10.2.3), or from `YYYY-MM-DD hh:mm:ss` in UTC. No wait at
/// all, a time in the past, which is what a clock that differs makes of a wait, and anything else say nothing.
fn parse(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More than a number holds is long in any case.
        let seconds = value.parse().unwrap_or(u64::MAX);
        return (seconds > 0).then(|| Duration::from_secs(seconds));
    }
    let at = rfc2822::parse(value)
        .map(|zoned| zoned.timestamp())
        .or_else(|_| {
            DateTime::strptime("%Y-%m-%d %H:%M:%S", value)
                .and_then(|time| time.to_zoned(TimeZone::UTC))
                .map(|zoned| zoned.timestamp())
        })
        .ok()?;
    Duration::try_from(at.duration_since(now)).ok().filter(|wait| !wait.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-03-01T10:00:00Z".parse().unwrap()
    }

    #[test]
    fn reads_the_three_forms() {
        for (value, seconds) in [
            (" 120 ", Some(120)),
            ("Sun, 01 Mar 2026 10:00:30 GMT", Some(30)),
            ("2026-03-01 10:01:00", Some(60)),
            ("18446744073709551616", Some(u64::MAX)),
            ("soon", None),
            ("-5", None),
            ("+5", None),
            ("", None),
            ("1.5", None),
            ("0x10", None),
            ("9999-99-99 10:00:00", None),
        ] {
            assert_eq!(parse(value, now()), seconds.map(Duration::from_secs), "{value:?}");
        }
    }

    #[test]
    fn no_wait_and_a_time_in_the_past_say_nothing() {
        for value in [
            "0",
            "000",
            "2026-03-01 09:00:00",
            "2026-03-01 10:00:00",
            "Sun, 01 Mar 2026 09:00:30 GMT",
            "Sun, 01 Mar 2026 10:00:00 GMT",
        ] {
            assert_eq!(parse(value, now()), None, "{value:?}");
        }
    }

    #[test]
    fn of_several_headers_the_longest_wait_counts() {
        let mut headers = HeaderMap::new();
        assert_eq!(longest(&headers, now()), None);
        for value in ["0", "7", "soon", "Sun, 01 Mar 2026 10:00:05 GMT", "\u{e4}"] {
            headers.append(RETRY_AFTER, http::HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        assert_eq!(longest(&headers, now()), Some(Duration::from_secs(7)));
    }
}
