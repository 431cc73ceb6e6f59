//! For each remote secret, what was stored of one source Secret only grows newer. A content that was written twice (a rotation
//! back) counts as the oldest of its versions that does not go back; only if there is none, an older content came after a newer.
//! What came before an owner's deletion does not count for the next one of the same Secret. A write that AI Core carried out when its
//! client was gone is nobody's mistake; that it does not stay is for the rule of what is held in the end.

use std::collections::BTreeMap;

use crate::recording::{Key, Operation, Record, Remote};

pub(crate) fn judge(record: &Record) -> Vec<String> {
    let mut newest: BTreeMap<(&Remote, Key), usize> = BTreeMap::new();
    let mut against = Vec::new();
    for write in record.applied() {
        if write.operation == Operation::Delete {
            newest.retain(|(remote, _), _| *remote != &write.remote);
        }
        if write.late {
            continue;
        }
        let Some(Ok(content)) = &write.content else { continue };
        let secret = (content.namespace.clone(), content.secret.clone());
        let versions = record.sources.iter().enumerate().filter(|(_, version)| {
            version.key == secret
                && version.content.as_ref() == Some(content)
                && version.from <= write.applied.unwrap_or(write.received)
        });
        let places: Vec<usize> = versions.map(|(place, _)| place).collect();
        let known = newest.get(&(&write.remote, secret.clone())).copied();
        let Some(place) = places.iter().copied().find(|place| known.is_none_or(|known| known <= *place))
        else {
            // What nobody wrote is found by another rule.
            if let Some(known) = known.filter(|_| !places.is_empty()) {
                against.push(format!(
                    "{:?} was stored in {:?} at {:.3?}, after {:?}",
                    content, write.remote, write.received, record.sources[known].content,
                ));
            }
            continue;
        };
        newest.insert((&write.remote, secret), place);
    }
    against
}

#[cfg(test)]
mod tests {
    use super::super::testing::{at, delete, patch, source, world};
    use super::*;

    fn rotated() -> Record {
        let mut record = world();
        record.sources.push(source("r-s", 2, 5.0));
        record.requests.push(patch("r-s", 2, 6.0));
        record
    }

    #[test]
    fn older_content_after_newer_is_found() {
        let mut record = rotated();
        record.requests.push(patch("r-s", 1, 7.0));
        let against = judge(&record);
        assert!(against.len() == 1 && against[0].contains("after"), "{against:?}");
    }

    #[test]
    fn the_order_is_that_of_the_store() {
        let mut record = rotated();
        // It came before, and was held until after.
        record.requests.push(crate::recording::Request { applied: Some(at(8.0)), ..patch("r-s", 1, 5.5) });
        assert_eq!(judge(&record).len(), 1);
    }

    #[test]
    fn a_write_that_went_on_alone_is_let_pass() {
        let mut record = rotated();
        record.requests.push(crate::recording::Request { late: true, ..patch("r-s", 1, 7.0) });
        record.requests.push(patch("r-s", 2, 8.0));
        assert_eq!(judge(&record), Vec::<String>::new());
    }

    #[test]
    fn a_rotation_back_is_newer() {
        let mut record = rotated();
        let mut back = source("r-s", 1, 7.0);
        back.version = "3".to_owned();
        record.sources.push(back);
        record.requests.push(patch("r-s", 1, 8.0));
        assert_eq!(judge(&record), Vec::<String>::new());
        record.requests.push(patch("r-s", 2, 9.0));
        assert_eq!(judge(&record).len(), 1);
    }

    #[test]
    fn after_a_deletion_it_begins_anew() {
        let mut record = rotated();
        record.requests.push(delete(7.0));
        record.requests.push(patch("r-s", 1, 8.0));
        assert_eq!(judge(&record), Vec::<String>::new());
    }

    #[test]
    fn other_names_do_not_count() {
        let mut record = rotated();
        let remote = ("t0".to_owned(), "other".to_owned());
        record.requests.push(crate::recording::Request { remote, ..patch("r-s", 1, 7.0) });
        assert_eq!(judge(&record), Vec::<String>::new());
    }
}
