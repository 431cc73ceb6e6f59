//! A time of the status in four bytes: the operator keeps those of every resource in memory.

use std::{fmt, num::NonZeroU32};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// A whole second from 1970 to 2106. The API has it as any other time, in RFC 3339.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(NonZeroU32);

impl Moment {
    /// The second that `time` is in. `None` outside of the range.
    #[must_use]
    pub fn of(time: Timestamp) -> Option<Self> {
        u32::try_from(time.as_second()).ok().and_then(NonZeroU32::new).map(Self)
    }

    /// When it begins.
    #[must_use]
    pub fn timestamp(self) -> Timestamp {
        // Every second of the range is one that can be counted with.
        Timestamp::from_second(self.second()).unwrap_or(Timestamp::MAX)
    }

    /// Seconds since 1970.
    #[must_use]
    pub fn second(self) -> i64 {
        i64::from(self.0.get())
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.timestamp(), f)
    }
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Time(self.timestamp()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Time(time) = Time::deserialize(deserializer)?;
        Self::of(time).ok_or_else(|| D::Error::custom("a time before 1970 or after 2105"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn is_written_and_read_as_other_times_are() {
        let moment = Moment::of("2026-11-26T08:00:00.75Z".parse().unwrap()).unwrap();
        assert_eq!(moment.to_string(), "2026-11-26T08:00:00Z");
        let json = serde_json::to_value(moment).unwrap();
        assert_eq!(json, json!("2026-11-26T08:00:00Z"));
        assert_eq!(json, serde_json::to_value(Time(moment.timestamp())).unwrap());
        assert_eq!(serde_json::from_value::<Moment>(json).unwrap(), moment);
    }

    #[test]
    fn what_is_outside_of_its_range_is_no_moment() {
        for second in [i64::MIN / 4_000_000_000, -1, 0, i64::from(u32::MAX) + 1] {
            assert_eq!(
                Moment::of(Timestamp::from_second(second).unwrap_or(Timestamp::MAX)),
                None,
                "{second}"
            );
        }
        for time in ["1969-12-31T23:59:59Z", "2106-02-07T06:28:16Z", "9999-12-31T23:59:59Z", "soon"] {
            assert!(serde_json::from_value::<Moment>(json!(time)).is_err(), "{time}");
        }
        assert_eq!(
            Moment::of(Timestamp::from_second(i64::from(u32::MAX)).unwrap()).unwrap().second(),
            i64::from(u32::MAX)
        );
    }

    #[test]
    fn takes_no_more_room_than_four_bytes() {
        assert_eq!(size_of::<Option<Moment>>(), 4);
    }
}
