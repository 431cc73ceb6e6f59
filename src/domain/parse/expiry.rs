//! When a registry credential ends, as far as the Secret tells. No registry is asked.
//!
//! The first of these that gives a time counts:
//!
//! 1. the annotation [`EXPIRES_AT`] of the Secret, by which somebody says it;
//! 2. what External Secrets leaves: the annotation [`EXTERNAL_SECRETS`], and the [`KEYS`] that its generators write;
//! 3. the passwords that are sent, if they say it themselves ([`password`]). Of several the earliest: what is sent is of use for
//!    as long as all of it is.
//!
//! Of a password nothing but that time leaves this module. None of it is verified: whoever could forge a time could as well
//! replace the credential.

mod password;

use jiff::{SignedDuration, Timestamp};

use crate::{
    api::EXPIRES_AT,
    domain::parse::{docker_config::Payload, secret_data::SecretData},
};

/// The annotation that External Secrets' example for ECR writes (`docs/snippets/generator-ecr-example.yaml` there).
pub(crate) const EXTERNAL_SECRETS: &str = "expiresAt";

/// Keys under which External Secrets' generators write when their token ends: of ECR; of Google, Quay and Cloudsmith; and as people
/// write it in templates.
const KEYS: [&str; 3] = ["expires_at", "expiry", "expiresAt"];

/// Of a text that stands for a time so many bytes are kept; one that is longer stands for none.
pub(crate) const MAX_TEXT: usize = 64;

/// A time so long ago is no end of what somebody sends today: a year.
const LONGEST_PAST: SignedDuration = SignedDuration::from_hours(366 * 24);
/// Nor is one so far ahead: ten years. Whoever writes that means that there is no end.
const LONGEST_FUTURE: SignedDuration = SignedDuration::from_hours(3653 * 24);

/// Annotations of a Secret that say when its content ends, each at most one byte longer than [`MAX_TEXT`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Annotations {
    /// [`EXPIRES_AT`].
    pub(crate) ours: Option<Box<str>>,
    /// [`EXTERNAL_SECRETS`].
    pub(crate) external_secrets: Option<Box<str>>,
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Expiry {
    /// When the credential ends; `None`: that is not known, or it does not end.
    pub(crate) ends: Option<Timestamp>,
    /// What is wrong with [`EXPIRES_AT`], which then does not count: a clause without a full stop.
    pub(crate) remark: Option<String>,
}

/// An annotation as it is kept.
#[must_use]
pub(crate) fn kept(text: &str) -> Box<str> {
    // One character more than fits is enough to know that it is too long.
    text.get(..text.floor_char_boundary(MAX_TEXT + 1)).unwrap_or_default().into()
}

/// When what `payload` holds of `secret` ends.
#[must_use]
pub(crate) fn read(secret: &SecretData, payload: &Payload, now: Timestamp) -> Expiry {
    let Annotations { ours, external_secrets } = secret.expiry_annotations();
    let said = ours.as_deref().map(|text| time(text).filter(|time| is_plausible(*time, now)));
    if let Some(Some(ends)) = said {
        return Expiry { ends: Some(ends), remark: None };
    }
    let remark = said.map(|_| {
        format!(
            "annotation {EXPIRES_AT} of {} does not count, as it is no time between a year ago and ten years ahead; write \
             it as 2026-01-31T12:00:00Z, or in seconds since 1970",
            secret.title()
        )
    });
    let of_key = |key: &str| time(std::str::from_utf8(secret.value(key)?).ok()?);
    let left = KEYS.into_iter().filter_map(of_key).chain(external_secrets.as_deref().and_then(time));
    let left = left.filter(|time| is_plausible(*time, now)).min();
    Expiry { ends: left.or_else(|| of_passwords(payload, now)), remark }
}

/// The earliest end that a password of `payload` tells.
fn of_passwords(payload: &Payload, now: Timestamp) -> Option<Timestamp> {
    let mut earliest: Option<Timestamp> = None;
    payload.for_each_login(|_, password| {
        let end = password::end(password).filter(|time| is_plausible(*time, now));
        earliest = earliest.into_iter().chain(end).min();
    });
    earliest
}

/// A time in RFC 3339, or in seconds since 1970.
fn time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if text.len() > MAX_TEXT {
        return None;
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Timestamp::from_second(text.parse().ok()?).ok();
    }
    // The parser takes more: offsets of days, and zones by name (RFC 9557).
    let sign = text.rfind(['+', '-']).filter(|sign| *sign > "2026-11-26".len());
    let offset = sign.and_then(|sign| text.get(sign + 1..sign + 3));
    if text.contains('[') || offset.is_some_and(|hours| hours > "23") {
        return None;
    }
    text.parse().ok()
}

/// Whether a credential that is sent now may end then.
#[must_use]
pub(crate) fn is_plausible(end: Timestamp, now: Timestamp) -> bool {
    (-LONGEST_PAST..=LONGEST_FUTURE).contains(&end.duration_since(now))
}

#[cfg(test)]
mod tests;
