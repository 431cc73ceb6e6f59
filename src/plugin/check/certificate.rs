//! When an X.509 certificate expires. Only the way to that field is read; what else is in it is for the TLS library to judge.

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

// DER tags (X.690 §8) of what stands before the end of the validity (RFC 5280 §4.1).
const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// The end of the validity of the first certificate in the PEM text. `None` when it cannot be read.
pub(crate) fn not_after(pem: &str) -> Option<Timestamp> {
    let (_, body) = pem.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = body.split_once("-----END CERTIFICATE-----")?;
    let der = STANDARD.decode(body.split_whitespace().collect::<String>()).ok()?;

    let certificate = Der(&der).take(SEQUENCE)?.0;
    let mut fields = certificate.take(SEQUENCE)?.0;
    if let Some((_, rest)) = fields.take(VERSION) {
        fields = rest;
    }
    for tag in [INTEGER, SEQUENCE, SEQUENCE] {
        // Serial number, signature algorithm, issuer.
        fields = fields.take(tag)?.1;
    }
    let validity = fields.take(SEQUENCE)?.0;
    let (_, end) = validity.time()?;
    end.time().map(|(end, _)| end)
}

/// Elements, one after another.
#[derive(Clone, Copy)]
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The content of the first element if it has this tag, and what follows it.
    fn take(self, tag: u8) -> Option<(Self, Self)> {
        let (&[found, length], rest) = self.0.split_first_chunk()?;
        if found != tag {
            return None;
        }
        let (length, rest) = match length {
            short @ 0..=0x7f => (usize::from(short), rest),
            long => {
                // The low bits say how many bytes the length itself has.
                let (bytes, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
                (
                    bytes.iter().try_fold(0_usize, |sum, byte| {
                        sum.checked_mul(256)?.checked_add(usize::from(*byte))
                    })?,
                    rest,
                )
            }
        };
        let (content, rest) = rest.split_at_checked(length)?;
        Some((Self(content), Self(rest)))
    }

    /// A time in either of its forms, and what follows it.
    fn time(self) -> Option<(Timestamp, Self)> {
        let text = |content: Der<'a>| std::str::from_utf8(content.0).ok();
        let (digits, rest) = if let Some((content, rest)) = self.take(UTC_TIME) {
            let digits = text(content)?;
            // RFC 5280 §4.1.2.5.1: two digits of the year, the first of them below 5 in this century.
            let century = if digits.starts_with(['0', '1', '2', '3', '4']) { "20" } else { "19" };
            (format!("{century}{digits}"), rest)
        } else {
            let (content, rest) = self.take(GENERALIZED_TIME)?;
            (text(content)?.to_owned(), rest)
        };
        let time = DateTime::strptime("%Y%m%d%H%M%SZ", &digits).ok()?;
        Some((time.to_zoned(TimeZone::UTC).ok()?.timestamp(), rest))
    }
}

#[cfg(test)]
pub(super) mod tests;
