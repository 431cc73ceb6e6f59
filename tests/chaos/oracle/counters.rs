//! What a process counts is what AI Core saw of it: for each method and status, not more than the journal has answers of this
//! process, and not fewer than those that surely arrived: answered whole and in time, while the way was not disturbed.

use std::{collections::BTreeMap, time::Duration};

use crate::recording::{Life, Operation, Record};

/// Between an answer and its count.
const LATE: Duration = Duration::from_secs(1);

pub(crate) fn judge(record: &Record) -> Vec<String> {
    // Requests of unknown processes may be anybody's.
    if record.requests.iter().any(|request| request.pid.is_none()) {
        return Vec::new();
    }
    record.lives.iter().filter(|life| !life.metrics.is_empty()).flat_map(|life| of(record, life)).collect()
}

fn of(record: &Record, life: &Life) -> Vec<String> {
    let mut seen: BTreeMap<(&str, u16), (u32, u32)> = BTreeMap::new();
    for request in record.requests.iter().filter(|request| request.pid == Some(life.pid)) {
        let (Some(method), Some(status)) = (method(request.operation), request.status) else { continue };
        let entry = seen.entry((method, status)).or_default();
        entry.0 += 1;
        let sure = !request.spoilt && request.answered + LATE <= life.scraped && record.cuts.is_empty();
        entry.1 += u32::from(sure);
    }
    let mut against = Vec::new();
    for ((method, status), (most, least)) in &seen {
        let counted = life.metrics.get(&series(method, *status)).copied().unwrap_or_default();
        if counted > f64::from(*most) || counted < f64::from(*least) {
            against.push(format!(
                "process {} counted {counted} {method} with {status}; the journal has {least} to {most}",
                life.pid,
            ));
        }
    }
    let invented = life.metrics.iter().filter(|(name, value)| {
        let known = seen.keys().any(|(method, status)| **name == series(method, *status));
        let numbered = name.starts_with(SERIES) && name.contains("code=\"") && has_number(name);
        numbered && !known && **value > 0.0
    });
    against.extend(invented.map(|(name, value)| {
        format!("process {} counted {value} of {name}; the journal has none", life.pid)
    }));
    against
}

const SERIES: &str = "aicore_registry_remote_requests_total{";

fn series(method: &str, status: u16) -> String {
    format!("{SERIES}method=\"{method}\",code=\"{status}\"}}")
}

/// Whether the code is one of HTTP, and not a word for no answer.
fn has_number(series: &str) -> bool {
    let code = series.split("code=\"").nth(1).and_then(|rest| rest.split('"').next());
    code.is_some_and(|code| code.parse::<u16>().is_ok())
}

fn method(operation: Operation) -> Option<&'static str> {
    match operation {
        Operation::Get | Operation::List | Operation::Quota => Some("GET"),
        Operation::Create => Some("POST"),
        Operation::Patch => Some("PATCH"),
        Operation::Delete => Some("DELETE"),
        Operation::Token | Operation::Other => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{at, world};
    use super::*;

    fn counted(value: f64) -> Record {
        let mut record = world();
        record.lives[0].scraped = at(50.0);
        record.lives[0].metrics = BTreeMap::from([(series("PATCH", 202), value)]);
        record
    }

    #[test]
    fn too_many_and_too_few_are_found() {
        assert_eq!(judge(&counted(1.0)), Vec::<String>::new());
        assert_eq!(judge(&counted(2.0)).len(), 1);
        assert_eq!(judge(&counted(0.0)).len(), 1);
    }

    #[test]
    fn what_never_was_is_found() {
        let mut record = counted(1.0);
        record.lives[0].metrics.insert(series("DELETE", 202), 1.0);
        assert_eq!(judge(&record).len(), 1);
    }

    #[test]
    fn an_answer_that_may_not_have_arrived_may_be_missing() {
        let mut record = counted(0.0);
        record.requests[0].spoilt = true;
        assert_eq!(judge(&record), Vec::<String>::new());
    }
}
