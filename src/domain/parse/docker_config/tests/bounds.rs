//! What has a bound, and what is said beyond it.

use std::collections::BTreeSet;

use rstest::rstest;

use super::*;
use crate::domain::parse::docker_config::reader::{self, Auths};

fn many(entries: usize) -> SecretData {
    let entries: Vec<_> = (0..entries).map(|n| format!(r#""r{n}.test":{{"auth":"bWU6cHc="}}"#)).collect();
    auths(format!("{{{}}}", entries.join(",")))
}

#[test]
fn more_entries_than_are_sent_have_to_be_chosen_from() {
    let sent = payload(&many(64), &Selection::default()).unwrap();
    assert_eq!(sent.registries().len(), 64);
    let too_many = r#"Secret "ghcr-pull", key ".dockerconfigjson": it has more than 64 entries; name the ones that AI Core needs with spec.registries."#;
    assert_eq!(refused(&many(65)), too_many);
    assert_eq!(refused(&many(17_000)), too_many);
    let registries = ["r16999.test".to_owned(), "R7.test".to_owned()];
    let selection = Selection { registries: Some(&registries), ..Selection::default() };
    assert_eq!(payload(&many(17_000), &selection).unwrap().registries(), ["r16999.test", "r7.test"]);
    let none = ["r17000.test".to_owned()];
    let said = refused_for(&many(17_000), &Selection { registries: Some(&none), ..Selection::default() });
    assert!(said.contains(r#"the entries are "r0.test", "r1.test", "r10.test""#), "{said}");
    assert!(said.ends_with("and 16990 more."), "{said}");
}

#[test]
fn one_registry_may_be_spelled_in_any_number_of_ways() {
    let entries: Vec<_> =
        (0..200).map(|n| format!(r#""ghcr.io{}":{{"auth":"bWU6cHc="}}"#, "/".repeat(n))).collect();
    assert_eq!(sent(&auths(format!("{{{}}}", entries.join(",")))), me_at("ghcr.io"));
}

#[rstest]
#[case::name(auths(format!(r#"{{"{}.test":{{"auth":"bWU6cHc="}}}}"#, "r".repeat(400_000))))]
#[case::names(auths(format!("{{{}}}", (0..60).map(|n| format!(r#""r{n}.{}":{{}}"#, "r".repeat(9_000))).collect::<Vec<_>>().join(","))))]
#[case::key(config(format!(r#"{{"{}":1}}"#, "k".repeat(400_000))))]
#[case::keys(config(format!("{{{}}}", (0..60).map(|n| format!(r#""k{n}{}":1"#, "k".repeat(9_000))).collect::<Vec<_>>().join(","))))]
#[case::entries(many(17_000))]
fn messages_are_short_whatever_is_written(#[case] secret: SecretData) {
    let said = refused(&secret);
    assert!(said.len() < 2_500, "{} bytes: {said}", said.len());
}

#[test]
fn a_name_has_at_most_255_bytes() {
    let name = |length: usize| format!("{}.test", "r".repeat(length - ".test".len()));
    let entry = |name: &str| auths(format!(r#"{{"{name}":{{"auth":"bWU6cHc="}}}}"#));
    assert_eq!(sent(&entry(&name(255))), me_at(&name(255)));
    assert!(refused(&entry(&name(256))).contains("it has more than 255 bytes"));
}

/// Each of these would cost many times its size if it was built.
#[rstest]
#[case::lists(format!("[{}[0]]", "[0],".repeat(250_000)))]
#[case::deep(format!("{}{}", "[".repeat(400_000), "]".repeat(400_000)))]
#[case::objects(format!("[{}{{}}]", "{},".repeat(300_000)))]
#[case::numbers(format!("[{}0]", "0,".repeat(500_000)))]
fn what_is_not_needed_is_passed_over_whatever_it_is(#[case] value: String) {
    let me = r#"{"auth":"bWU6cHc="}"#;
    assert_eq!(sent(&config(format!(r#"{{"x":{value},"auths":{{"ghcr.io":{me}}}}}"#))), me_at("ghcr.io"));
    let entry = format!(r#"{{"ghcr.io":{{"auth":"bWU6cHc=","x":{value}}}}}"#);
    assert_eq!(sent(&auths(&entry)), me_at("ghcr.io"));
    let registries = ["ghcr.io".to_owned()];
    let selection = Selection { registries: Some(&registries), ..Selection::default() };
    assert_eq!(
        sent_for(&auths(format!(r#"{{"quay.io":{value},"ghcr.io":{me}}}"#)), &selection),
        me_at("ghcr.io")
    );
    assert!(refused(&config(&value)).contains("not a JSON object"));
    assert!(refused(&auths(&value)).contains("\"auths\" is not a JSON object"));
    assert!(refused(&config(format!(r#"{{"x":{value}}}"#))).contains("\"auths\" is missing"));
}

#[test]
fn only_the_entries_to_send_are_kept_while_reading() {
    let entries: Vec<_> = (0..17_000).map(|n| format!(r#""r{n}.test":{{"auth":"bWU6cHc="}}"#)).collect();
    let helpers: Vec<_> = (0..17_000).map(|n| format!(r#""h{n}.test":"x""#)).collect();
    let json = format!(r#"{{"credHelpers":{{{}}},"auths":{{{}}}}}"#, helpers.join(","), entries.join(","));
    let Auths::Entries(read) =
        reader::docker_config_json(json.as_bytes(), &BTreeSet::new()).unwrap().unwrap().auths
    else {
        panic!("there are entries");
    };
    assert_eq!((read.selected.len(), read.too_many, read.names.count), (64, true, 17_000));
    let wanted = BTreeSet::from(["r3.test".to_owned()]);
    let Auths::Entries(read) = reader::docker_config_json(json.as_bytes(), &wanted).unwrap().unwrap().auths
    else {
        panic!("there are entries");
    };
    assert_eq!((read.selected.len(), read.too_many), (1, false));
}
