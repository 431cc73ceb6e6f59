//! In every span of time each process sends a tenant no more requests than its rate and burst allow; requests for tokens are not
//! counted. Half a second is allowed for what bunches on the way; spans in which the way itself was disturbed are let pass.

use std::{collections::BTreeMap, time::Duration};

use crate::recording::{Operation, Record, Time};

/// Requests that left one after the other may arrive together.
const BUNCHED: Duration = Duration::from_millis(500);
/// How long a disturbed way may hold a request: longer than any trouble with connections lasts.
const HELD: Duration = Duration::from_secs(5);

pub(crate) fn judge(record: &Record) -> Vec<String> {
    let mut by_process: BTreeMap<(u32, &str), Vec<Time>> = BTreeMap::new();
    for request in record.requests.iter().filter(|request| request.operation != Operation::Token) {
        let Some(pid) = request.pid else { continue };
        by_process.entry((pid, &request.remote.0)).or_default().push(request.received);
    }
    by_process
        .into_iter()
        .filter_map(|((pid, tenant), times)| {
            let (span, count) = worst(record, times)?;
            Some(format!(
                "process {pid} sent {count} requests to {tenant} from {:.3?} to {:.3?}",
                span.0, span.1
            ))
        })
        .collect()
}

/// The span with the most requests above what is allowed.
fn worst(record: &Record, mut times: Vec<Time>) -> Option<((Time, Time), usize)> {
    times.sort();
    let (rps, burst) = record.rate;
    let mut worst = None;
    for (place, from) in times.iter().enumerate() {
        for (number, to) in times[place..].iter().enumerate() {
            let count = number + 1;
            let allowed =
                f64::from(burst) + f64::from(rps) * (to.saturating_sub(*from) + BUNCHED).as_secs_f64();
            let above = count as f64 - allowed.floor();
            let disturbed = record.cuts.iter().any(|cut| from.saturating_sub(HELD) <= *cut && cut <= to);
            let most = worst.as_ref().map_or(0.0, |(_, _, most)| *most);
            if above > most && !disturbed {
                worst = Some(((*from, *to), count, above));
            }
        }
    }
    worst.map(|(span, count, _)| (span, count))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{at, patch, world};
    use super::*;

    fn sent(count: u32, seconds: f64) -> Record {
        let mut record = world();
        let pause = seconds / f64::from(count);
        record.requests =
            (0..count).map(|number| patch("r-s", 1, 10.0 + f64::from(number) * pause)).collect();
        record
    }

    #[test]
    fn burst_and_rate_are_allowed_and_no_more() {
        // 20 at once and 10 in each of ten seconds.
        assert_eq!(judge(&sent(120, 10.0)), Vec::<String>::new());
        assert_eq!(judge(&sent(130, 10.0)).len(), 1);
        assert_eq!(judge(&sent(30, 0.2)).len(), 1);
    }

    #[test]
    fn the_worst_span_is_found_inside_a_quiet_minute() {
        let mut record = sent(30, 0.2);
        record.requests.push(patch("r-s", 1, 50.0));
        assert_eq!(judge(&record).len(), 1);
    }

    #[test]
    fn processes_and_tenants_count_apart() {
        let mut record = sent(36, 1.0);
        for (number, request) in record.requests.iter_mut().enumerate() {
            request.pid = Some(u32::try_from(number % 2).unwrap());
        }
        assert_eq!(judge(&record), Vec::<String>::new());
    }

    /// Questions for an `AICoreTenant`'s quota and pushes of resources with keys of their own are of one tenant.
    #[test]
    fn both_kinds_of_keys_count_together() {
        let mut record = sent(40, 1.0);
        for request in record.requests.iter_mut().step_by(2) {
            (request.operation, request.content) = (Operation::Quota, None);
            request.remote.1 = String::new();
        }
        assert_eq!(judge(&record).len(), 1);
        record.requests.retain(|request| request.operation == Operation::Patch);
        assert_eq!(judge(&record), Vec::<String>::new());
    }

    #[test]
    fn a_disturbed_way_may_bunch_requests() {
        let mut record = sent(40, 0.2);
        record.cuts.push(at(9.0));
        assert_eq!(judge(&record), Vec::<String>::new());
    }
}
