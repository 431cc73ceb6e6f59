//! When credentials end: what a resource that is synced says of that in the end. The end of the credential is what its Secret says: the
//! operator's own annotation, else the earliest of the other texts; what is no time, or lies more than a year back or ten years ahead,
//! does not count. The end of the service key is that of its certificate. Of each life the conditions say whether it is over, or in its
//! last fifth, as the status tells from when on; around a turn both are let pass, and so is what was read while a clock may have
//! been wrong.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::recording::{KeyRef, Lead, Record, Said, SourceVersion, SpecVersion, State, Time, said};

const YEAR: i64 = 366 * 24 * 3_600;
const TEN_YEARS: i64 = 3_653 * 24 * 3_600;
/// Between a turn and what is seen of it.
const LATE: i64 = 6;
/// How much later a turn is noted at most, and which part of the last fifth.
const SPREAD: i64 = 60;
/// Between setting a clock right and the first pass that goes by it.
const CLOCK: Duration = Duration::from_secs(1);

/// What is wrong with what the status of a synced resource says of ends.
pub(super) fn against(record: &Record, version: &SpecVersion, state: &State) -> Option<String> {
    let status = &state.status;
    let source = (version.key.0.clone(), version.spec.source.clone());
    let now = record.began.as_second() + i64::try_from(record.end.as_secs()).ok()?;
    let written = record.sources.iter().rfind(|written| written.key == source)?;
    // Whether a time counts is decided when the Secret is read.
    if record.clock_set > Time::ZERO && written.from <= record.clock_set + CLOCK {
        return None;
    }
    let expected = end_of(record, written);
    let credential = Life::of(status, "credential");
    if credential.map(|life| life.ends) != expected {
        return Some(format!("should say that its credential ends at {expected:?}, by {:?}", written.says));
    }
    let Lead::To { ends, .. } = record.lead_now(version) else { return None };
    // That of a key that is shared is told by its AICoreTenant alone.
    let ends = ends.filter(|_| !matches!(version.spec.service_key, KeyRef::Shared(_)));
    let service_key = Life::of(status, "serviceKey");
    if !is_end(ends, service_key.map(|life| life.ends)) {
        return Some(format!("should say that its service key ends at {ends:?}"));
    }
    if let Some(life) = credential.filter(|_| record.clock_set == Time::ZERO) {
        let seen = first_told(record, written, life.ends);
        // A life is counted from when its end was first seen.
        let longest = (life.ends - seen).max(0) / 5 + LATE;
        if life.from > life.ends || life.ends - life.from > longest {
            return Some(format!(
                "should have at most {longest} s in the last fifth of its credential's life"
            ));
        }
    }
    conditions(status, [credential, service_key], now)
}

/// Whether that is what is told of the end of a certificate.
pub(super) fn is_end(ends: Option<(i64, i64)>, told: Option<i64>) -> bool {
    match (ends, told) {
        (Some((from, to)), Some(told)) => (from..=to).contains(&told),
        (ends, told) => ends.is_none() && told.is_none(),
    }
}

/// Whether the conditions say how it stands with both lives.
fn conditions(status: &Value, lives: [Option<Life>; 2], now: i64) -> Option<String> {
    let stages: Vec<Option<Stage>> =
        lives.into_iter().map(|life| life.map_or(Some(Stage::Enough), |life| life.stage(now))).collect();
    for (type_, stage) in [("CredentialExpiring", Stage::Last), ("CredentialExpired", Stage::Over)] {
        // Around a turn nothing is known.
        if stages.contains(&None) {
            continue;
        }
        let is_in = |life: usize| stages.get(life).copied().flatten() == Some(stage);
        let expected = match (is_in(0), is_in(1)) {
            (false, false) => ("", ""),
            (true, false) => ("True", "RegistryCredential"),
            (false, true) => ("True", "ServiceKey"),
            (true, true) => ("True", "RegistryCredentialAndServiceKey"),
        };
        if said(status, type_) != expected {
            return Some(format!("should have {type_} {expected:?} at {now}"));
        }
    }
    None
}

/// A life as the status tells it, in seconds since 1970.
#[derive(Clone, Copy, Debug)]
struct Life {
    ends: i64,
    /// From when on it is in its last fifth.
    from: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Enough,
    Last,
    Over,
}

impl Life {
    fn of(status: &Value, whose: &str) -> Option<Self> {
        let time = |field: String| Some(status[field].as_str()?.parse::<Timestamp>().ok()?.as_second());
        let ends = time(format!("{whose}ExpiresAt"))?;
        Some(Self { ends, from: time(format!("{whose}ExpiringFrom")).unwrap_or(ends) })
    }

    /// `None`: that is not sure.
    fn stage(self, now: i64) -> Option<Stage> {
        let late = SPREAD.min((self.ends - self.from) / 10) + LATE;
        if now < self.from - 1 {
            Some(Stage::Enough)
        } else if self.from + late < now && now < self.ends - 1 {
            Some(Stage::Last)
        } else {
            (self.ends + late < now).then_some(Stage::Over)
        }
    }
}

/// When the content of a Secret ends, as it says itself.
fn end_of(record: &Record, written: &SourceVersion) -> Option<i64> {
    let now = record.began.as_second() + i64::try_from(written.from.as_secs()).ok()?;
    let end = |said: &&Said| {
        let text = &said.text;
        let end = text.parse().ok().or_else(|| Some(text.parse::<Timestamp>().ok()?.as_second()))?;
        (now - YEAR..=now + TEN_YEARS).contains(&end).then_some(end)
    };
    let own = written.says.iter().filter(|said| said.own).find_map(|said| end(&said));
    own.or_else(|| written.says.iter().filter(|said| !said.own).filter_map(|said| end(&said)).min())
}

/// Since when the Secret has said this end without a break.
fn first_told(record: &Record, written: &SourceVersion, end: i64) -> i64 {
    let own = record.sources.iter().rev().filter(|version| version.key == written.key);
    let same = own.take_while(|version| end_of(record, version) == Some(end));
    let from = same.last().map_or(written.from, |version| version.from);
    record.began.as_second() + i64::try_from(from.as_secs()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{at, shared, world};
    use super::*;

    fn text(second: i64) -> String {
        Timestamp::from_second(second).unwrap().to_string()
    }

    /// 60 s have passed since the second 1,000,000,000; `r` says that its credential ends so many seconds from the beginning.
    fn says(texts: &[(bool, String)], ends: Option<(i64, i64)>) -> Record {
        let mut record = world();
        record.began = Timestamp::from_second(BEGAN).unwrap();
        record.sources[0].says =
            texts.iter().map(|(own, text)| Said { own: *own, text: text.clone() }).collect();
        if let Some((from, ends)) = ends {
            record.states[0].status["credentialExpiringFrom"] = text(BEGAN + from).into();
            record.states[0].status["credentialExpiresAt"] = text(BEGAN + ends).into();
        }
        record
    }

    const BEGAN: i64 = 1_000_000_000;

    fn judged(record: &Record) -> Option<String> {
        against(record, &record.specs[0], &record.states[0])
    }

    fn condition(record: &mut Record, type_: &str, reason: &str) {
        let condition = serde_json::json!({ "type": type_, "status": "True", "reason": reason });
        record.states[0].status["conditions"].as_array_mut().unwrap().push(condition);
    }

    #[test]
    fn the_annotation_counts_before_the_earliest_of_the_others() {
        let [early, late] = [text(BEGAN + 5_000), (BEGAN + 9_000).to_string()];
        for (texts, ends) in [
            (vec![(true, late.clone()), (false, early.clone())], 9_000),
            (vec![(false, late.clone()), (false, early.clone())], 5_000),
            (vec![(true, "some day".to_owned()), (false, late.clone())], 9_000),
            (vec![(true, text(BEGAN - 3 * YEAR)), (false, late.clone())], 9_000),
            (vec![(true, text(BEGAN + 20 * YEAR)), (false, late)], 9_000),
        ] {
            assert_eq!(judged(&says(&texts, Some((ends - ends / 5, ends)))), None, "{texts:?}");
            assert!(judged(&says(&texts, Some((8_000, 10_000)))).unwrap().contains("ends at"));
            assert!(judged(&says(&texts, None)).unwrap().contains("ends at"));
        }
        assert!(judged(&says(&[], Some((8_000, 10_000)))).unwrap().contains("ends at None"));
    }

    #[test]
    fn a_life_is_counted_from_when_its_end_was_seen() {
        let texts = [(true, text(BEGAN + 10_000))];
        assert!(judged(&says(&texts, Some((5_000, 10_000)))).unwrap().contains("last fifth"));
        assert!(judged(&says(&texts, Some((10_001, 10_000)))).unwrap().contains("last fifth"));
    }

    #[test]
    fn each_turn_must_be_told_and_nothing_else() {
        for (from, ends, type_) in [(20, 100, "CredentialExpiring"), (20, 30, "CredentialExpired")] {
            let record = || {
                let mut record = says(&[(true, text(BEGAN + ends))], Some((from, ends)));
                // So that the last fifth may be as long as it is here.
                (record.clock_set, record.sources[0].from) = (at(0.1), at(2.0));
                record
            };
            assert!(judged(&record()).unwrap().contains(type_));
            let mut told = record();
            condition(&mut told, type_, "RegistryCredential");
            assert_eq!(judged(&told), None);
            let mut wrong = record();
            condition(&mut wrong, type_, "ServiceKey");
            assert!(judged(&wrong).unwrap().contains(type_));
        }
        let mut early = says(&[(true, text(BEGAN + 1_000))], Some((800, 1_000)));
        condition(&mut early, "CredentialExpiring", "RegistryCredential");
        assert!(judged(&early).unwrap().contains("CredentialExpiring"));
    }

    #[test]
    fn around_a_turn_nothing_is_known() {
        let mut record = says(&[(true, text(BEGAN + 58))], Some((47, 58)));
        assert_eq!(judged(&record), None);
        condition(&mut record, "CredentialExpired", "RegistryCredential");
        assert_eq!(judged(&record), None);
    }

    #[test]
    fn the_end_of_a_certificate_is_told() {
        let mut record = says(&[], None);
        record.keys[0].ends = Some((BEGAN + 999, BEGAN + 1_001));
        assert!(judged(&record).unwrap().contains("service key"));
        record.states[0].status["serviceKeyExpiresAt"] = text(BEGAN + 1_000).into();
        record.states[0].status["serviceKeyExpiringFrom"] = text(BEGAN - 5_000).into();
        assert!(judged(&record).unwrap().contains("CredentialExpiring"));
        condition(&mut record, "CredentialExpiring", "ServiceKey");
        assert_eq!(judged(&record), None);
        record.states[0].status["serviceKeyExpiresAt"] = text(BEGAN + 1_002).into();
        assert!(judged(&record).unwrap().contains("service key"));
        record.keys[0].ends = None;
        assert!(judged(&record).unwrap().contains("service key"));
    }

    #[test]
    fn the_end_of_a_shared_key_is_not_told_to_those_who_use_it() {
        let mut record = shared();
        record.sources[0].says.clear();
        record.keys[0].ends = Some((BEGAN + 999, BEGAN + 1_001));
        assert_eq!(judged(&record), None);
        record.states[0].status["serviceKeyExpiresAt"] = text(BEGAN + 1_000).into();
        record.states[0].status["serviceKeyExpiringFrom"] = text(BEGAN - 5_000).into();
        assert!(judged(&record).unwrap().contains("service key ends at None"));
    }

    #[test]
    fn what_was_written_by_a_wrong_clock_is_let_pass() {
        let mut record = says(&[(true, text(BEGAN + 1_000))], None);
        record.clock_set = at(30.0);
        assert_eq!(judged(&record), None);
        record.sources[0].from = at(40.0);
        assert!(judged(&record).is_some());
    }
}
