//! Processes answer `/livez` with 200 whenever they can work, end only when they are told to or have lost the Lease, and need no
//! more memory and files after hours than after minutes.

use std::time::Duration;

use crate::recording::{Life, Record, Time};

/// A process that has just started, goes on after it was frozen, or is about to end may take a moment.
const MOMENT: Duration = Duration::from_secs(3);
/// Open files that a process never needs: connections to AI Core, the API server, and those that scrape.
const FILES: u64 = 200;
/// Memory that may be added between two looks, in KiB: less than a leak of an hour, more than the noise of an allocator.
const GROWTH: u64 = 24 * 1024;
/// Looks at the beginning that do not count: caches fill.
const WARM: usize = 10;

pub(crate) fn judge(record: &Record) -> Vec<String> {
    let replicas = record.lives.iter().map(|life| life.replica).max().unwrap_or_default() + 1;
    record.lives.iter().flat_map(|life| of(life, replicas)).collect()
}

fn of(life: &Life, replicas: usize) -> Vec<String> {
    let mut against = Vec::new();
    let ends = |at: Time| life.ended.is_some_and(|ended| ended <= at + MOMENT);
    let deaf = life.livez.iter().find(|(at, status)| *status != 200 && life.awake(*at, MOMENT) && !ends(*at));
    if let Some((at, status)) = deaf {
        against.push(format!("process {} answered {status} to /livez at {at:.3?}", life.pid));
    }
    // With several, one that has lost the Lease ends with an error.
    let allowed = life.told || (replicas > 1 && life.code == Some(1));
    if let Some(code) = life.code.filter(|_| !allowed) {
        against.push(format!("process {} ended by itself with code {code} at {:?}", life.pid, life.ended));
    }
    if life.told && life.code.is_some_and(|code| code != 0) && replicas == 1 {
        against.push(format!("process {} was told to end, and ended with code {:?}", life.pid, life.code));
    }
    let files = life.sizes.iter().find(|(.., files)| *files > FILES);
    against.extend(files.map(|(at, _, files)| format!("process {} has {files} files at {at:.3?}", life.pid)));
    against.extend(growth(&life.sizes).map(|what| format!("process {}: {what}", life.pid)));
    against
}

/// The middle of the last quarter of all looks against that of the first.
fn growth(sizes: &[(Time, u64, u64)]) -> Option<String> {
    let memory: Vec<u64> = sizes.iter().skip(WARM).map(|(_, memory, _)| *memory).collect();
    let quarter = memory.len() / 4;
    if quarter == 0 {
        return None;
    }
    let middle = |part: &[u64]| {
        let mut part = part.to_vec();
        part.sort_unstable();
        part[part.len() / 2]
    };
    let (first, last) = (middle(&memory[..quarter]), middle(&memory[memory.len() - quarter..]));
    (last > first + first / 2 + GROWTH).then(|| format!("memory grew from {first} to {last} KiB"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{at, world};
    use super::*;

    fn life(change: impl FnOnce(&mut Life)) -> Vec<String> {
        let mut record = world();
        change(&mut record.lives[0]);
        judge(&record)
    }

    #[test]
    fn a_process_that_is_not_alive_is_found() {
        for status in [503, 0] {
            assert_eq!(life(|life| life.livez.push((at(10.0), status))).len(), 1);
        }
        assert!(life(|life| life.livez.push((at(10.0), 200))).is_empty());
        assert!(life(|life| life.livez.push((at(1.0), 0))).is_empty(), "it starts");
        let frozen = life(|life| {
            life.livez.push((at(10.0), 0));
            life.frozen.push((at(8.0), at(9.0)));
        });
        assert!(frozen.is_empty());
        let ending = |ended: f64| {
            life(|life| {
                life.livez.push((at(10.0), 0));
                life.ended = Some(at(ended));
            })
        };
        assert_eq!((ending(11.0).len(), ending(15.0).len()), (0, 1));
    }

    #[test]
    fn a_process_that_ends_by_itself_is_found() {
        assert_eq!(life(|life| life.code = Some(1)).len(), 1);
        assert_eq!(life(|life| (life.code, life.told) = (Some(1), true)).len(), 1);
        assert!(life(|life| (life.code, life.told) = (Some(0), true)).is_empty());
        let mut record = world();
        record.lives.push(Life { replica: 1, code: Some(1), ..Life::default() });
        assert!(judge(&record).is_empty(), "it has lost the Lease");
        record.lives[1].code = Some(101);
        assert_eq!(judge(&record).len(), 1);
    }

    #[test]
    fn growth_is_found_and_noise_is_not() {
        let looks = |grow: u64| -> Vec<(Time, u64, u64)> {
            (0..100).map(|look| (at(look as f64), 30_000 + look % 7 * 1_000 + look * grow, 20)).collect()
        };
        assert!(life(|life| life.sizes = looks(0)).is_empty());
        assert_eq!(life(|life| life.sizes = looks(1_000)).len(), 1);
        assert_eq!(life(|life| life.sizes = vec![(at(1.0), 1, 1_000)]).len(), 1);
    }
}
