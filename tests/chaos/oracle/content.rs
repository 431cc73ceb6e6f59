//! Every write holds a credential that a user wrote, whole, and goes to a tenant and name that a resource with this credential
//! named, by a service key of its own or by one that an `AICoreTenant` shares with it for this name. A write to where a resource
//! led earlier is let pass here: it may have been under way. Only what may create does.

use crate::recording::{Operation, Record, Request, SpecVersion, Time};

pub(crate) fn judge(record: &Record) -> Vec<String> {
    record.pushes().filter_map(|write| against(record, write)).collect()
}

fn against(record: &Record, write: &Request) -> Option<String> {
    let place = format!("{:?} of {:?} at {:.3?}", write.operation, write.remote, write.received);
    let content = match &write.content {
        Some(Ok(content)) => content,
        Some(Err(())) => return Some(format!("{place}: no user wrote this content")),
        None => return Some(format!("{place}: no content")),
    };
    let written = record
        .sources
        .iter()
        .any(|version| version.from <= write.received && version.content.as_ref() == Some(content));
    if !written {
        return Some(format!("{place}: {content:?} was not written yet"));
    }
    let senders = record.senders(write);
    if senders.is_empty() {
        return Some(format!("{place}: no resource sends {content:?} to this name"));
    }
    if write.operation == Operation::Create && senders.iter().all(|sender| sender.spec.never) {
        return Some(format!("{place}: who sends {content:?} must not create"));
    }
    let led = |sender: &&SpecVersion| {
        record.leads(sender, Time::ZERO, write.received).iter().any(|lead| lead.is_to(&write.remote.0))
    };
    if !senders.iter().any(led) {
        return Some(format!("{place}: no resource sends {content:?} to this tenant"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::testing::{at, key, patch, shared, world};
    use super::*;

    #[track_caller]
    fn finds(request: Request, what: &str) {
        let mut record = world();
        record.requests.push(request);
        let against = judge(&record);
        assert!(against.len() == 1 && against[0].contains(what), "{against:?}");
    }

    #[test]
    fn foreign_content_is_found() {
        finds(Request { content: Some(Err(())), ..patch("r-s", 1, 5.0) }, "no user wrote");
        finds(Request { content: None, ..patch("r-s", 1, 5.0) }, "no content");
    }

    #[test]
    fn content_from_the_future_is_found() {
        finds(patch("r-s", 2, 5.0), "was not written yet");
    }

    #[test]
    fn a_wrong_name_is_found() {
        let remote = ("t0".to_owned(), "other".to_owned());
        finds(Request { remote, ..patch("r-s", 1, 5.0) }, "to this name");
    }

    #[test]
    fn a_wrong_tenant_is_found_also_when_the_request_was_refused() {
        let remote = ("t1".to_owned(), "remote".to_owned());
        finds(Request { remote, applied: None, status: Some(500), ..patch("r-s", 1, 5.0) }, "to this tenant");
    }

    #[test]
    fn a_key_that_is_not_shared_for_this_is_found() {
        let mut record = shared();
        assert_eq!(judge(&record), Vec::<String>::new());
        record.tenants[0].terms.as_mut().unwrap().namespaces = vec!["b".to_owned()];
        assert!(judge(&record)[0].contains("to this tenant"));
        let mut record = shared();
        record.tenants[0].terms.as_mut().unwrap().names = Some(vec!["{namespace}.*".to_owned()]);
        assert!(judge(&record)[0].contains("to this tenant"));
        let mut record = shared();
        record.tenants[0].terms.as_mut().unwrap().secret = key("key");
        assert!(judge(&record)[0].contains("to this tenant"), "a Secret of that name in another namespace");
        let mut record = shared();
        record.served = false;
        assert!(judge(&record)[0].contains("to this tenant"));
    }

    #[test]
    fn a_creation_by_who_must_not_is_found() {
        let mut record = world();
        record.requests.push(Request { operation: Operation::Create, ..patch("r-s", 1, 5.0) });
        assert_eq!(judge(&record), Vec::<String>::new());
        record.specs[0].spec.never = true;
        assert_eq!(judge(&record).len(), 1);
    }

    #[test]
    fn where_a_resource_led_earlier_is_let_pass() {
        let mut record = world();
        let mut later = record.specs[0].clone();
        later.spec.remote = "other".to_owned();
        later.from = at(3.0);
        record.specs.push(later);
        record.requests.push(patch("r-s", 1, 5.0));
        assert_eq!(judge(&record), Vec::<String>::new());
    }
}
