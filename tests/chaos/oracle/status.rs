//! What a status says at any time. A push that it claims was accepted: AI Core had stored this content there, or had answered so,
//! before the status was seen. And the rules that tools rely on (kstatus): `observedGeneration` is never ahead and never goes
//! back, `Ready` is there with the first outcome, never both `Reconciling` and `Stalled`, and a status that is not ready says who
//! has the next step.

use std::collections::BTreeMap;

use crate::recording::{Record, State, condition, said};

pub(crate) fn judge(record: &Record) -> Vec<String> {
    let mut observed: BTreeMap<&str, i64> = BTreeMap::new();
    let mut against = Vec::new();
    for state in record.states.iter().filter(|state| !state.gone) {
        let generation = state.status["observedGeneration"].as_i64().unwrap_or(-1);
        let before = observed.insert(&state.uid, generation).unwrap_or(-1);
        let wrong = form(state, generation, before).or_else(|| claim(record, state));
        against.extend(wrong.map(|wrong| {
            format!(
                "{:?} version {} at {:.3?}: {wrong}: {}",
                state.key, state.version, state.seen, state.status
            )
        }));
    }
    against
}

fn form(state: &State, generation: i64, before: i64) -> Option<&'static str> {
    if generation > state.generation {
        return Some("observedGeneration is ahead");
    }
    if generation < before {
        return Some("observedGeneration went back");
    }
    let has = |type_| condition(&state.status, type_).is_some();
    if !has("Ready") {
        return (generation != -1).then_some("an outcome without Ready");
    }
    if has("Reconciling") && has("Stalled") {
        return Some("both Reconciling and Stalled");
    }
    let (ready, reason) = said(&state.status, "Ready");
    let alone = !has("Reconciling") && !has("Stalled");
    (ready == "False" && reason != "Suspended" && alone).then_some("nobody has the next step")
}

fn claim(record: &Record, state: &State) -> Option<&'static str> {
    let remote = state.pushed()?;
    let version = state.status["secretResourceVersion"].as_str()?;
    let mut sources = record.sources.iter().filter(|source| source.version == version);
    // A version that this suite did not write is not its business: a Secret that was written by an attempt that failed.
    let content = sources.find(|source| source.key.0 == state.key.0)?.content.as_ref()?;
    let witnessed = record.requests.iter().any(|write| {
        let accepted = write.applied.is_some_and(|applied| applied <= state.seen)
            || write
                .status
                .is_some_and(|status| (200..300).contains(&status) && write.received <= state.seen);
        write.writes()
            && write.remote == remote
            && accepted
            && write.content.as_ref().is_some_and(|sent| sent.as_ref() == Ok(content))
    });
    (!witnessed).then_some("AI Core never accepted that")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{at, patch, refused, source, synced, world};
    use super::*;

    #[track_caller]
    fn finds(state: State, what: &str) {
        let mut record = world();
        record.sources.push(source("r-s", 2, 3.0));
        record.states.push(state);
        let against = judge(&record);
        assert!(against.len() == 1 && against[0].contains(what), "{against:?}");
    }

    #[test]
    fn a_push_that_never_was_is_found() {
        finds(synced("r", 2, 5.0), "never accepted");
        let mut elsewhere = synced("r", 1, 5.0);
        elsewhere.status["authorizationServer"] = "http://host/uaa/t1".into();
        finds(elsewhere, "never accepted");
    }

    #[test]
    fn a_status_before_its_push_is_found() {
        let mut record = world();
        record.sources.push(source("r-s", 2, 3.0));
        record.states.push(synced("r", 2, 5.0));
        record.requests.push(patch("r-s", 2, 6.0));
        assert_eq!(judge(&record).len(), 1);
        record.requests.push(patch("r-s", 2, 4.0));
        assert_eq!(judge(&record), Vec::<String>::new());
    }

    #[test]
    fn an_answer_that_was_lost_after_it_was_stored_is_a_witness_too() {
        let mut record = world();
        record.requests[0].status = None;
        assert_eq!(judge(&record), Vec::<String>::new());
        record.requests[0].applied = None;
        assert_eq!(judge(&record).len(), 1);
    }

    #[test]
    fn the_form_is_kept() {
        let mut ahead = synced("r", 1, 5.0);
        ahead.status["observedGeneration"] = 2.into();
        finds(ahead, "is ahead");
        let mut back = synced("r", 1, 5.0);
        back.status["observedGeneration"] = 0.into();
        finds(back, "went back");
        let mut empty = synced("r", 1, 5.0);
        empty.status["conditions"] = json!([]);
        finds(empty, "without Ready");
        let mut both = refused("r", "Forbidden", 5.0);
        let conditions = both.status["conditions"].as_array_mut().unwrap();
        conditions.push(json!({ "type": "Reconciling", "status": "True" }));
        finds(both, "both Reconciling and Stalled");
        let mut nobody = refused("r", "Forbidden", 5.0);
        nobody.status["conditions"].as_array_mut().unwrap().pop();
        finds(nobody, "nobody has the next step");
        let mut new = refused("r", "", 5.0);
        (new.uid, new.seen) = ("new".to_owned(), at(6.0));
        new.status = json!({ "observedGeneration": -1 });
        let mut record = world();
        record.states.push(new);
        assert_eq!(judge(&record), Vec::<String>::new());
    }
}
