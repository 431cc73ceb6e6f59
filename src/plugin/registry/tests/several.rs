//! Credentials with several entries, and several credentials of one command.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use testbed::hosts::Reply;

use super::*;

fn basic(request: &Request) -> Reply {
    match sender(request) {
        Sender::Anybody => Reply::challenge("Basic realm=x"),
        Sender::Right => Reply::status(200),
        _ => Reply::status(401),
    }
}

#[tokio::test]
async fn entries_with_the_same_login_are_tried_once_and_each_has_a_verdict() {
    let hosts = Hosts::start(&Trusted::new().unwrap(), &["a.test", "b.test"], &[], basic).await.unwrap();
    let credential = payload(&[
        ("a.test", WRONG),
        ("a.test/one", WRONG),
        ("a.test/two", RIGHT),
        ("b.test", RIGHT),
        ("localhost:5000", RIGHT),
    ]);
    let registries = registries(&hosts, None, &[]);
    // The same credential of another resource is not tried again.
    let judged = registries.judge(&[&credential, &credential]).await;
    let [first, again] = [&judged[0], &judged[1]].map(|findings| said(findings));
    assert!(
        first[0].starts_with("Wrong a.test, a.test/one: rejected with 401 at /v2/; it was sent once"),
        "{first:#?}"
    );
    assert!(first[1].starts_with("Ok a.test/two: accepted"), "{first:#?}");
    assert!(first[2].starts_with("Ok b.test: accepted"), "{first:#?}");
    assert_eq!(first[3], "Unchecked localhost:5000: unknown, it is not asked, because it is this machine");
    let mut seen = passwords_seen_by(&hosts);
    seen.sort();
    assert_eq!(seen, ["a.test:443", "a.test:443", "b.test:443"]);
    assert_eq!(again, first);
}

#[tokio::test]
async fn a_login_of_several_credentials_is_sent_once_with_the_image() {
    let hosts = Hosts::start(&Trusted::new().unwrap(), &["a.test"], &[], basic).await.unwrap();
    let registries = registries(&hosts, Some("a.test/acme/app:1"), &[]);
    let (other, own) = (payload(&[("a.test/other", WRONG)]), payload(&[("a.test", WRONG)]));
    for findings in registries.judge(&[&other, &own]).await {
        let said = said(&findings);
        assert!(said.iter().any(|line| line.contains("rejected with 401 at /v2/")), "{said:#?}");
    }
    assert_eq!(passwords_seen_by(&hosts).len(), 1);
    assert!(hosts.journal().iter().any(|request| request.target == "/v2/acme/app/manifests/1"));
}

#[tokio::test]
async fn a_host_that_wants_to_be_left_alone_is() {
    let logins = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&logins);
    let busy = move |request: &Request| {
        if sender(request) == Sender::Anybody {
            return Reply::challenge("Basic realm=x");
        }
        count.fetch_add(1, Ordering::SeqCst);
        Reply::status(429)
    };
    let hosts = Hosts::start(&Trusted::new().unwrap(), &["a.test"], &[], busy).await.unwrap();
    let credential = payload(&[("a.test/one", WRONG), ("a.test/two", RIGHT)]);
    // Whether of one credential or of several.
    let another = payload(&[("a.test", "canary-of-another")]);
    let judged = registries(&hosts, None, &[]).judge(&[&credential, &another]).await;
    let said = judged.iter().flat_map(|findings| said(findings)).collect::<Vec<_>>();
    assert!(said.iter().all(|line| line.contains("left alone for a while (429)")), "{said:#?}");
    assert_eq!((said.len(), logins.load(Ordering::SeqCst)), (3, 1));
}

#[tokio::test]
async fn of_very_many_entries_the_first_are_tried() {
    let hosts = Hosts::start(&Trusted::new().unwrap(), &["a.test"], &[], basic).await.unwrap();
    let entries: Vec<(String, String)> = (0..MAX_ATTEMPTS + 5)
        .map(|number| (format!("a.test/t{number:02}"), format!("{RIGHT}{number}")))
        .collect();
    let entries: Vec<(&str, &str)> =
        entries.iter().map(|(entry, password)| (entry.as_str(), password.as_str())).collect();
    let said = said(&registries(&hosts, None, &[]).judge_one(&payload(&entries)).await);
    let count = |part: &str| said.iter().filter(|line| line.contains(part)).count();
    assert_eq!((count("rejected with 401"), count("too many others")), (MAX_ATTEMPTS, 5));
    assert_eq!(passwords_seen_by(&hosts).len(), MAX_ATTEMPTS);
}

#[tokio::test]
async fn an_image_of_no_entry_is_said_and_not_asked_for() {
    let hosts = Hosts::start(&Trusted::new().unwrap(), &["a.test", "b.test"], &[], basic).await.unwrap();
    let credential = payload(&[("a.test", RIGHT), ("b.test", RIGHT)]);
    for (image, part) in
        [("c.test/acme/app:1", "has no entry for it"), ("acme/app:1", "entries for several registries")]
    {
        let said = said(&registries(&hosts, Some(image), &[]).judge_one(&credential).await);
        assert!(
            said[0].starts_with("Unchecked acme/app:1 is not asked for") && said[0].contains(part),
            "{said:#?}"
        );
        assert!(
            said[1].starts_with("Ok a.test: accepted") && said[2].starts_with("Ok b.test: accepted"),
            "{said:#?}"
        );
    }
    assert!(hosts.journal().iter().all(|request| request.target == "/v2/"));
}

/// Neither its user name nor anything else of it.
#[tokio::test]
async fn of_a_user_name_with_a_colon_nothing_is_sent() {
    let hosts = Hosts::start(&Trusted::new().unwrap(), &["a.test"], &[], basic).await.unwrap();
    let config = json!({ "auths": { "a.test": { "username": "ro:bot", "password": RIGHT } } }).to_string();
    let secret = secret("pull", Some("kubernetes.io/dockerconfigjson"), [(".dockerconfigjson", config)]);
    let credential = docker_config::payload(&secret, &Selection::default()).unwrap();
    let said = said(&registries(&hosts, None, &[]).judge_one(&credential).await);
    assert!(
        said.len() == 1
            && said[0]
                .starts_with("Unchecked a.test: unknown, it is not tried, because its user name has a ':'"),
        "{said:#?}"
    );
    assert!(!said[0].contains("bot") && hosts.connections().is_empty(), "{said:#?}");
}
