//! What was told of the end of a credential, and that it has ended, costs no push. In a span in which only that happens nothing is sent
//! for a resource that was synced before it. Let pass: what is sent again and again, what was under way when the span began, and the
//! push a minute after an accepted one, which makes good what may have been carried out late.

use std::time::Duration;

use crate::recording::{Record, Request, SpecVersion, Time, said};

/// For what was under way.
const MOMENT: Duration = Duration::from_millis(1_500);
/// When a push that another one confirms was accepted, before that one.
const CONFIRMED: [Duration; 2] = [Duration::from_secs(50), Duration::from_secs(75)];

pub(crate) fn judge(record: &Record) -> Vec<String> {
    let inside = |push: &&Request| {
        record.calm.iter().find(|(from, to)| *from + MOMENT <= push.received && push.received <= *to)
    };
    let pushes = record.pushes().filter_map(|push| Some((push, inside(&push)?)));
    let needless = pushes.filter(|(push, (from, _))| is_needless(record, push, *from));
    needless
        .map(|(push, (from, _))| {
            format!(
                "{:?} of {:?} at {:.3?}: since {from:.3?} nothing has changed but what is said of its end",
                push.operation, push.remote, push.received,
            )
        })
        .collect()
}

fn is_needless(record: &Record, push: &Request, from: Time) -> bool {
    let senders = record.senders(push);
    let at_rest = |sender: &&SpecVersion| {
        let mut states = record.states.iter().filter(|state| state.uid == sender.uid && state.seen <= from);
        let synced =
            states.next_back().is_some_and(|state| said(&state.status, "Ready") == ("True", "Synced"));
        synced && record.versions_of(&sender.uid).next_back().is_some_and(|last| !last.spec.resync)
    };
    let since = |wait: Duration| push.received.saturating_sub(wait);
    let confirms = record.pushes().any(|before| {
        before.remote == push.remote
            && since(CONFIRMED[1]) <= before.received
            && before.received <= since(CONFIRMED[0])
    });
    !senders.is_empty() && senders.iter().all(at_rest) && !confirms
}

#[cfg(test)]
mod tests {
    use super::super::testing::{at, patch, refused, world};
    use super::*;

    fn calm() -> Record {
        let mut record = world();
        record.calm.push((at(30.0), at(40.0)));
        record
    }

    #[test]
    fn a_push_for_a_turn_is_found() {
        let mut record = calm();
        record.requests.push(patch("r-s", 1, 35.0));
        assert_eq!(judge(&record).len(), 1);
    }

    #[test]
    fn before_and_after_there_may_be_pushes() {
        let mut record = calm();
        record.requests.extend([patch("r-s", 1, 31.0), patch("r-s", 1, 41.0)]);
        assert_eq!(judge(&record), Vec::<String>::new());
    }

    #[test]
    fn what_has_another_cause_is_let_pass() {
        for change in [
            |record: &mut Record| record.specs[0].spec.resync = true,
            |record: &mut Record| record.states[0] = refused("r", "RateLimited", 2.0),
            |record: &mut Record| {
                record.calm[0] = (at(80.0), at(99.0));
                record.requests.extend([patch("r-s", 1, 30.0), patch("r-s", 1, 90.0)]);
            },
        ] {
            let mut record = calm();
            record.requests.push(patch("r-s", 1, 35.0));
            change(&mut record);
            assert_eq!(judge(&record), Vec::<String>::new());
        }
    }
}
