//! One process writes at a time, to AI Core and to the resources, and only one that says it leads. The writes of two processes do not
//! interleave: when the next one has begun, the one before sends nothing more. A request whose process could not be told is let pass.

use std::{collections::BTreeMap, time::Duration};

use crate::recording::{Record, Time};

/// The log's times have whole microseconds, and are read from another clock than the journal's.
const CLOCKS: Duration = Duration::from_millis(20);
/// What a disturbed way may hold.
const HELD: Duration = Duration::from_secs(6);

pub(crate) fn judge(record: &Record) -> Vec<String> {
    let mut against = Vec::new();
    let mut spans: BTreeMap<u32, (Time, Time)> = BTreeMap::new();
    for (pid, at) in record.changes() {
        let span = spans.entry(pid).or_insert((at, at));
        *span = (span.0.min(at), span.1.max(at));
        let Some(life) = record.lives.iter().find(|life| life.pid == pid) else { continue };
        if life.working.is_none_or(|working| at + CLOCKS < working) {
            against.push(format!("process {pid} wrote at {at:.3?}, and works since {:?}", life.working));
        }
    }
    let mut spans: Vec<(u32, (Time, Time))> = spans.into_iter().collect();
    spans.sort_by_key(|(_, (first, _))| *first);
    for pair in spans.windows(2) {
        let [(before, (_, last)), (after, (first, _))] = pair else { continue };
        let disturbed = record.cuts.iter().any(|cut| *cut <= *last && *cut + HELD >= *last);
        if last > first && !disturbed {
            against.push(format!(
                "process {after} wrote from {first:.3?} on, process {before} until {last:.3?}"
            ));
        }
    }
    against
}

#[cfg(test)]
mod tests {
    use super::super::testing::{at, patch, world};
    use super::*;
    use crate::recording::{Life, Request};

    fn two(times: [f64; 3]) -> Record {
        let mut record = world();
        record.lives.push(Life { pid: 200, replica: 1, working: Some(at(19.0)), ..Life::default() });
        let pids = [100, 200, 100];
        let writes = times.into_iter().zip(pids);
        record.requests =
            writes.map(|(time, pid)| Request { pid: Some(pid), ..patch("r-s", 1, time) }).collect();
        record
    }

    #[test]
    fn writes_that_interleave_are_found() {
        assert_eq!(judge(&two([10.0, 20.0, 21.0])).len(), 1);
        assert_eq!(judge(&two([10.0, 20.0, 11.0])), Vec::<String>::new());
    }

    #[test]
    fn what_is_written_to_the_api_server_counts() {
        let mut record = two([10.0, 20.0, 11.0]);
        record.patches = vec![(0, at(12.0)), (1, at(20.5))];
        assert_eq!(judge(&record), Vec::<String>::new());
        record.patches.push((0, at(21.0)));
        assert_eq!(judge(&record).len(), 1);
        record.patches[2] = (1, at(18.0));
        assert_eq!(judge(&record).len(), 1);
    }

    #[test]
    fn a_standby_that_writes_is_found() {
        assert_eq!(judge(&two([10.0, 18.0, 11.0])).len(), 1);
        let mut record = two([10.0, 20.0, 11.0]);
        record.lives[1].working = None;
        assert_eq!(judge(&record).len(), 1);
    }
}
