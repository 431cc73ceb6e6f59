use std::convert::Infallible;

use futures::{StreamExt, stream};
use serde_json::json;
use tower::ServiceExt;

use super::*;

const SECRET: &str = "/api/v1/namespaces/a/secrets/s";

/// As the API server refuses by RBAC.
fn refusal(verb: &str) -> String {
    let message = format!(
        "secrets \"s\" is forbidden: User \"u\" cannot {verb} resource \"secrets\" in API group \"\" in the namespace \"a\""
    );
    json!({ "kind": "Status", "message": message, "reason": "Forbidden", "code": 403 }).to_string()
}

/// What a client is told, whose server gives this answer.
async fn ask(rights: &Rights, status: u16, body: axum::body::Body) -> (u16, Bytes) {
    let body = std::sync::Mutex::new(Some(body));
    let server = tower::service_fn(move |_: Request<()>| {
        let body = body.lock().unwrap().take().unwrap();
        async move { Ok::<_, BoxError>(Response::builder().status(status).body(body).unwrap()) }
    });
    let client = RightsLayer(rights.clone()).layer(server);
    let answer = client.oneshot(Request::get(SECRET).body(()).unwrap()).await.unwrap();
    (answer.status().as_u16(), answer.into_body().collect().await.unwrap().to_bytes())
}

#[tokio::test]
async fn a_right_is_known_to_be_missing_until_a_request_is_answered_well() {
    let rights = Rights::default();
    let told = ask(&rights, 403, refusal("get").into()).await;
    assert_eq!(told, (403, refusal("get").into()), "the caller has the whole answer");
    assert_eq!(rights.clause().unwrap(), "the ServiceAccount lacks rights: get secrets in namespace \"a\"");
    ask(&rights, 500, "".into()).await;
    assert!(rights.clause().is_some(), "an error says nothing");
    assert_eq!(ask(&rights, 200, "content".into()).await, (200, "content".into()));
    assert_eq!(rights.clause(), None);
}

#[tokio::test]
async fn a_refusal_for_another_cause_is_no_missing_right() {
    let rights = Rights::default();
    let quota = json!({ "kind": "Status", "message": "exceeded quota", "code": 403 }).to_string();
    for body in [quota, refusal("list"), "not JSON".to_owned(), String::new()] {
        assert_eq!(ask(&rights, 403, body.clone().into()).await, (403, body.into()));
        assert_eq!(rights.clause(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_without_an_end_is_passed_on_as_far_as_it_was_read() {
    let endless = stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from_static(&[b' '; 1000])));
    let (_, text) = ask(&Rights::default(), 403, axum::body::Body::from_stream(endless)).await;
    assert_eq!(text.len(), REFUSAL.0);
    let silent = stream::iter([Ok::<_, Infallible>(Bytes::from(refusal("get")))]).chain(stream::pending());
    let rights = Rights::default();
    let (_, text) = ask(&rights, 403, axum::body::Body::from_stream(silent)).await;
    assert_eq!(text, refusal("get"));
    assert!(rights.clause().is_some());
}

#[tokio::test]
async fn each_right_has_a_series() {
    let rights = Rights::default();
    ask(&rights, 403, refusal("get").into()).await;
    let mut registry = prometheus_client::registry::Registry::default();
    registry.register_collector(Box::new(rights));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    let series: Vec<&str> = text.lines().filter(|line| line.starts_with("right_missing{")).collect();
    assert_eq!(series.len(), RIGHTS.len());
    let missing: Vec<&&str> = series.iter().filter(|line| line.ends_with(" 1")).collect();
    assert_eq!(missing, [&"right_missing{verb=\"get\",resource=\"secrets\"} 1"]);
}

#[tokio::test]
async fn credentials_that_are_not_accepted_are_told_of_until_they_are() {
    let rights = Rights::default();
    ask(&rights, 401, axum::body::Body::from("Unauthorized")).await;
    assert!(rights.clause().unwrap().contains("does not accept the operator's own credentials (HTTP 401)"));
    ask(&rights, 500, axum::body::Body::empty()).await;
    assert!(rights.clause().is_some(), "nothing is known of it");
    ask(&rights, 200, axum::body::Body::empty()).await;
    assert_eq!(rights.clause(), None);
}
