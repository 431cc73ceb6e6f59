use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::Response;
use k8s_openapi::{ByteString, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::client::Body;
use proptest::{collection::btree_map, prelude::*};
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::k8s::answer::tests::answering;

const CANARY: &str = "s3cr3tCanary";

fn name(name: &str) -> SecretName {
    SecretName::parse("spec.secretRef.name", name).unwrap()
}

fn sent() -> Value {
    json!({
        "kind": "Secret", "apiVersion": "v1", "type": "Opaque",
        "metadata": {
            "name": "source", "namespace": "ml", "resourceVersion": "7",
            "labels": { "a": "b" },
            "annotations": { "kubectl.kubernetes.io/last-applied-configuration": "{\"data\":{}}" },
            "managedFields": [{ "manager": "x", "fieldsV1": { "f:data": {} } }],
        },
        "data": { "k": "djE=", "empty": "", "unset": null },
    })
}

async fn answered(status: u16, body: impl Into<Bytes>) -> Result<Option<Read>, Error> {
    read(&answering(status, vec![body.into()]), "ml", &name("source")).await
}

#[tokio::test]
async fn content_type_version_and_the_stale_label_are_read() {
    let read = answered(200, sent().to_string()).await.unwrap().unwrap();
    assert_eq!((read.data.name(), read.data.type_(), &*read.version), ("source", Some("Opaque"), "7"));
    assert_eq!(read.data.keys().collect::<Vec<_>>(), ["empty", "k", "unset"]);
    assert_eq!(read.data.value("k"), Some(b"v1".as_slice()));
    assert_eq!(read.data.value("unset"), Some(b"".as_slice()));
    assert!(!read.data.is_stale());
    let mut stale = sent();
    stale["metadata"]["labels"] = json!({ STALE_LABEL: "", "z": "y" });
    stale["data"] = Value::Null;
    let read = answered(200, stale.to_string()).await.unwrap().unwrap();
    assert!(read.data.is_stale() && read.data.keys().next().is_none());
}

/// And no other annotation: one of them can hold the whole Secret.
#[tokio::test]
async fn the_annotations_that_speak_of_an_end_are_read() {
    let mut sent = sent();
    sent["metadata"]["annotations"] = json!({
        "kubectl.kubernetes.io/last-applied-configuration": "{\"data\":{}}", "expiresAt": "1795683600",
        "aicore-registry.dev/expires-at": format!("2026-11-26{}", "T".repeat(1000)), "z": "y",
    });
    let read = answered(200, sent.to_string()).await.unwrap().unwrap();
    let annotations = read.data.expiry_annotations();
    assert_eq!(annotations.external_secrets.as_deref(), Some("1795683600"));
    assert_eq!(annotations.ours.as_ref().map(|text| text.len()), Some(expiry::MAX_TEXT + 1));
    sent["metadata"]["annotations"] = Value::Null;
    let read = answered(200, sent.to_string()).await.unwrap().unwrap();
    assert_eq!(*read.data.expiry_annotations(), expiry::Annotations::default());
}

#[tokio::test]
async fn the_request_is_a_get_of_this_secret_and_no_other() {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&requests);
    let service = tower::service_fn(move |request: http::Request<Body>| {
        seen.lock().unwrap().push(format!("{} {}", request.method(), request.uri()));
        async { Ok::<_, Infallible>(Response::builder().status(404).body(Body::empty()).unwrap()) }
    });
    let client = Client::new(service, "ns");
    assert!(read(&client, "ml", &name("a.b-c")).await.unwrap().is_none());
    assert_eq!(*requests.lock().unwrap(), ["GET /api/v1/namespaces/ml/secrets/a.b-c"]);
}

/// Each of these holds content of a Secret, and none of the errors does.
#[rstest]
#[case::truncated(sent().to_string().replace("djE=", CANARY).trim_end_matches('}').to_owned(), "it ends too early")]
#[case::empty(String::new(), "it ends too early")]
#[case::two_documents(format!("{}\n{}", sent(), sent()), "not the JSON of a Secret")]
#[case::watch_events(json!({ "type": "ADDED", "object": { "data": { "k": CANARY } } }).to_string(), "it is no Secret")]
#[case::a_list(json!({ "kind": "SecretList", "metadata": {}, "items": [{ "data": { "k": CANARY } }] }).to_string(), "it is no Secret")]
#[case::a_status(json!({ "kind": "Status", "metadata": {}, "message": CANARY }).to_string(), "it is no Secret")]
#[case::a_list_as_data(json!({ "kind": "Secret", "data": [CANARY] }).to_string(), "not the JSON of a Secret")]
#[case::text_as_data(json!({ "kind": "Secret", "data": CANARY }).to_string(), "not the JSON of a Secret")]
#[case::number_as_value(json!({ "kind": "Secret", "data": { "k": 1 } }).to_string(), "not the JSON of a Secret")]
#[case::text_as_metadata(json!({ "kind": "Secret", "metadata": CANARY }).to_string(), "not the JSON of a Secret")]
#[case::page(format!("<html>{CANARY}</html>"), "not the JSON of a Secret")]
#[case::not_base64(sent().to_string().replace("djE=", "s3cr3tCanary!"), "a value is not base64")]
#[case::another(sent().to_string().replace("source", CANARY), "it is another Secret")]
#[case::of_another_namespace(sent().to_string().replace("\"ml\"", "\"other\""), "it is another Secret")]
#[tokio::test]
async fn an_answer_that_cannot_be_used(#[case] body: String, #[case] part: &str) {
    let Err(error) = answered(200, body).await else { panic!("it was taken for a Secret") };
    let shown = format!("{error} {error:?}");
    assert!(shown.contains(part) && shown.contains("cannot be used"), "{shown}");
    assert!(!shown.contains(CANARY), "{shown}");
}

#[tokio::test]
async fn not_utf8_is_an_answer_that_cannot_be_used() {
    let body = [br#"{"kind":"Secret","data":{"k":""#.as_slice(), b"\xff\xfe\"}}"].concat();
    assert!(matches!(answered(200, body).await, Err(Error::Garbled(_))));
}

#[tokio::test]
async fn a_secret_that_is_larger_than_any_credential_is_named() {
    let mut large = sent();
    large["metadata"]["annotations"] = json!({ "a": "b".repeat(answer::LIMIT) });
    let Err(Error::Oversized(sentence)) = answered(200, large.to_string()).await else { panic!() };
    assert!(sentence.to_string().starts_with("Secret \"source\": it is larger than 2 MiB"), "{sentence}");
    let keys = |count: usize| {
        let mut many = sent();
        many["data"] = (0..count).map(|number| (format!("k{number}"), json!("djE="))).collect();
        answered(200, many.to_string())
    };
    assert!(keys(MAX_KEYS).await.unwrap().is_some());
    let Err(Error::Oversized(sentence)) = keys(MAX_KEYS + 7).await else { panic!() };
    assert!(sentence.to_string().contains("it has 1007 keys, and at most 1000 are read"), "{sentence}");
}

fn content(read: &Read) -> BTreeMap<String, Vec<u8>> {
    read.data.keys().map(|key| (key.to_owned(), read.data.value(key).unwrap().to_vec())).collect()
}

fn whole_content(secret: Secret) -> BTreeMap<String, Vec<u8>> {
    secret.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0)).collect()
}

fn secrets() -> impl Strategy<Value = Secret> {
    let texts = || btree_map("\\PC{0,12}", "\\PC{0,40}|[<>&\"\\\\\n\t]{0,20}", 0..4);
    let data = btree_map("[-._a-zA-Z0-9]{1,10}", prop::collection::vec(any::<u8>(), 0..60), 0..6);
    (data, texts(), texts(), any::<bool>(), prop::option::of("[a-z./]{0,20}")).prop_map(
        |(data, mut labels, annotations, stale, type_)| {
            if stale {
                labels.insert(STALE_LABEL.to_owned(), "true".to_owned());
            }
            Secret {
                metadata: ObjectMeta {
                    name: Some("source".to_owned()),
                    namespace: Some("ml".to_owned()),
                    resource_version: Some("12".to_owned()),
                    labels: Some(labels),
                    annotations: Some(annotations),
                    ..ObjectMeta::default()
                },
                data: Some(data.into_iter().map(|(key, value)| (key, ByteString(value))).collect()),
                type_,
                ..Secret::default()
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// What serde makes of the whole object is what is read, however it is written.
    #[test]
    fn a_secret_is_read_as_the_whole_object_would_be(secret in secrets(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_vec_pretty(&secret) } else { serde_json::to_vec(&secret) }.unwrap();
        let read = parse(&text, "ml", &name("source")).map_err(|error| error.to_string()).unwrap();
        prop_assert_eq!(read.data.type_(), secret.type_.as_deref());
        prop_assert_eq!(&read.version, "12");
        prop_assert_eq!(read.data.is_stale(), secret.metadata.labels.as_ref().unwrap().contains_key(STALE_LABEL));
        prop_assert_eq!(content(&read), whole_content(secret));
    }

    /// What comes broken is either refused, or read as serde reads the whole object.
    #[test]
    fn what_is_accepted_of_a_broken_answer_is_what_the_whole_object_holds(
        secret in secrets(),
        place in any::<prop::sample::Index>(),
        byte in prop_oneof![prop::sample::select(b"\"\\{}[],:=nAu0".to_vec()), any::<u8>()],
        change in 0_u8..4,
    ) {
        let mut text = serde_json::to_vec(&secret).unwrap();
        let place = place.index(text.len());
        match change {
            0 => text[place] = byte,
            1 => text.insert(place, byte),
            2 => drop(text.remove(place)),
            _ => text.truncate(place),
        }
        // Where labels and annotations are not what the API says, this reader does not look.
        if let (Ok(read), Ok(whole)) = (parse(&text, "ml", &name("source")), serde_json::from_slice::<Secret>(&text)) {
            prop_assert_eq!(content(&read), whole_content(whole));
        }
        prop_assert!(change != 3 || parse(&text, "ml", &name("source")).is_err());
    }
}
