//! What the page of AICoreRegistrySecrets shows of objects that the operator wrote.

use std::collections::BTreeMap;

use rstest::rstest;
use serde_json::Value;

use super::{evaluate, fields::full, pages};
use crate::recorded::objects;

/// The text of a column of the list, and the colour of a badge, as the dashboard chooses it: the first rule that holds.
async fn column(columns: &Value, name: &str, object: &Value) -> (Value, Option<String>) {
    let column = columns.as_array().unwrap().iter().find(|column| column["name"] == name).unwrap();
    let source = column["source"].as_str().unwrap().to_owned();
    let value = evaluate(vec![source], object, BTreeMap::new()).await.remove(0);
    for (colour, rule) in column["highlights"].as_object().into_iter().flatten() {
        let holds = match rule {
            Value::String(rule) => evaluate(vec![rule.clone()], object, BTreeMap::new()).await == [true],
            values => values.as_array().unwrap().contains(&value),
        };
        if holds {
            return (value, Some(colour.clone()));
        }
    }
    (value, None)
}

/// Messages above the details, by their severity.
async fn alerts(page: &super::Page, object: &Value) -> Vec<(String, String)> {
    let mut shown = Vec::new();
    for block in page.sections["details"]["body"].as_array().unwrap() {
        if block["widget"] != "Alert" {
            continue;
        }
        let ask = ["visibility", "source"].map(|key| block[key].as_str().unwrap().to_owned());
        let answers = evaluate(ask.to_vec(), object, BTreeMap::new()).await;
        if answers[0] == true {
            let severity = block["severity"].as_str().unwrap().to_owned();
            shown.push((severity, answers[1].as_str().unwrap().to_owned()));
        }
    }
    shown
}

#[rstest]
#[case::healthy("healthy", "True", "positive", "Synced", &[])]
#[case::waiting("waiting", "False", "warning", "SecretNotFound", &[])]
#[case::retrying("retrying", "False", "warning", "RemoteUnavailable", &[])]
#[case::stalled("stalled", "False", "critical", "AuthenticationFailed", &[("error", "renew the service key")])]
#[case::resync_refused("resync-refused", "True", "positive", "Synced", &[("error", "AI Core")])]
#[case::suspended("suspended", "True", "positive", "Suspended", &[])]
#[case::expired("expired", "True", "positive", "Synced", &[("error", "ended at")])]
#[tokio::test]
async fn the_state_and_what_to_do_are_seen(
    #[case] state: &str,
    #[case] ready: &str,
    #[case] colour: &str,
    #[case] reason: &str,
    #[case] messages: &[(&str, &str)],
) {
    let [page, _] = pages();
    let object = objects().remove(state).unwrap();
    for columns in [&page.sections["list"], &page.sections["details"]["status"]["header"]] {
        let badge = column(columns, "Ready", &object).await;
        assert_eq!(badge, (ready.into(), Some(colour.to_owned())));
    }
    let list = &page.sections["list"];
    assert_eq!(column(list, "Reason", &object).await.0, reason);
    let conditions = object["status"]["conditions"].as_array().unwrap();
    let condition = conditions.iter().find(|condition| condition["type"] == "Ready").unwrap();
    assert_eq!(column(list, "Message", &object).await.0, condition["message"]);
    let shown = alerts(&page, &object).await;
    assert_eq!(shown.len(), messages.len(), "{shown:?}");
    for ((severity, text), (expected, part)) in shown.iter().zip(messages) {
        assert!(severity == expected && text.contains(part), "{severity}: {text}");
    }
}

/// Nothing is known before the operator has looked, and the page says nothing then.
#[tokio::test]
async fn a_new_object_shows_nothing_that_is_not_so() {
    let [page, _] = pages();
    let object = objects().remove("created").unwrap();
    for name in ["Ready", "Reason", "Message", "Last sync"] {
        assert_eq!(column(&page.sections["list"], name, &object).await.0, Value::Null, "{name}");
    }
    assert!(alerts(&page, &object).await.is_empty());
}

#[tokio::test]
async fn a_tenant_shows_how_many_secrets_it_has() {
    let [_, page] = pages();
    let mut object = full(&page);
    let list = &page.sections["list"];
    assert_eq!(column(list, "Secrets in AI Core", &object).await.0, "1 of 1");
    object["status"].as_object_mut().unwrap().remove("quota");
    assert_eq!(column(list, "Secrets in AI Core", &object).await.0, "not known yet");
    assert_eq!(alerts(&page, &object).await, [("error".to_owned(), "message of Stalled".to_owned())]);
}
