//! What is read of an X.509 certificate: from when to when it is valid, and who issued it. The rest is for the TLS library to
//! judge.

use std::fmt::{self, Display};

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

// DER tags (X.690 §8) of what stands before the subject (RFC 5280 §4.1).
const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// When a certificate is valid, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Validity {
    /// `notBefore`.
    pub not_before: Timestamp,
    /// `notAfter`.
    pub not_after: Timestamp,
}

/// Why a certificate is not valid at some time: a phrase that follows its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutOfDate {
    /// It ended then.
    Ended(Timestamp),
    /// It begins then.
    NotYet(Timestamp),
}

impl Validity {
    /// Whether `now` is outside, and how. Clocks differ: what a server says about a certificate counts more.
    #[must_use]
    pub(crate) fn out_of_date(&self, now: Timestamp) -> Option<OutOfDate> {
        if now > self.not_after {
            Some(OutOfDate::Ended(self.not_after))
        } else if now < self.not_before {
            Some(OutOfDate::NotYet(self.not_before))
        } else {
            None
        }
    }
}

impl OutOfDate {
    /// What is said about the client certificate of the service key in `holder`, as `Secret "key"`.
    #[must_use]
    pub(crate) fn in_words(self, holder: &str) -> String {
        let cure = match self {
            Self::Ended(_) => "create a new service key or binding, and store it in its place",
            Self::NotYet(_) => "wait until then, or see whether the clock of this machine is right",
        };
        format!("The client certificate of the service key in {holder} {self}; {cure}")
    }
}

impl Display for OutOfDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended(end) => write!(f, "ended on {end}"),
            Self::NotYet(begin) => write!(f, "is valid from {begin} on"),
        }
    }
}

/// One certificate, read as far as needed.
#[derive(Debug)]
pub(crate) struct Certificate<'a> {
    pub(crate) validity: Validity,
    issuer: &'a [u8],
    subject: &'a [u8],
}

impl<'a> Certificate<'a> {
    /// `None` when it cannot be read.
    pub(crate) fn read(der: &'a [u8]) -> Option<Self> {
        let certificate = Der(der).take(SEQUENCE)?.0;
        let mut fields = certificate.take(SEQUENCE)?.0;
        if let Some((_, rest)) = fields.take(VERSION) {
            fields = rest;
        }
        for tag in [INTEGER, SEQUENCE] {
            // Serial number, signature algorithm.
            fields = fields.take(tag)?.1;
        }
        let (issuer, fields) = fields.take(SEQUENCE)?;
        let (validity, fields) = fields.take(SEQUENCE)?;
        let (not_before, end) = validity.time()?;
        let (not_after, _) = end.time()?;
        let (subject, _) = fields.take(SEQUENCE)?;
        Some(Self { validity: Validity { not_before, not_after }, issuer: issuer.0, subject: subject.0 })
    }

    /// Whether the other's issuer is this one's subject.
    fn issued(&self, other: &Self) -> bool {
        self.subject == other.issuer
    }

    fn is_root(&self) -> bool {
        self.issued(self)
    }
}

/// The places of a chain's certificates from the client's own to the last issuer, as TLS sends them (RFC 8446 §4.4.2). `None`
/// when that does not follow from who issued whom, and no other order can be known to be right.
pub(crate) fn order(chain: &[Certificate<'_>]) -> Option<Vec<usize>> {
    let issuers_of = |place: usize| {
        let of = chain.get(place).filter(|certificate| !certificate.is_root());
        let all = chain.iter().enumerate().filter(move |(other, issuer)| {
            *other != place && of.is_some_and(|certificate| issuer.issued(certificate))
        });
        all.map(|(other, _)| other).collect::<Vec<_>>()
    };
    let is_issuer = |place: &usize| (0..chain.len()).any(|other| issuers_of(other).contains(place));
    let mut leaves = (0..chain.len()).filter(|place| !is_issuer(place));
    let (Some(leaf), None) = (leaves.next(), leaves.next()) else {
        return None;
    };
    let mut order = vec![leaf];
    let mut last = leaf;
    while let [next] = issuers_of(last).as_slice() {
        if order.contains(next) {
            return None;
        }
        order.push(*next);
        last = *next;
    }
    (order.len() == chain.len()).then_some(order)
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
pub(crate) mod tests;
