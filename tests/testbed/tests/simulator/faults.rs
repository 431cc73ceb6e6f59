//! Scripted answers, and which requests get them.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::{Timestamp, civil::DateTime, fmt::rfc2822, tz::TimeZone};
use serde_json::json;
use testbed::simulator::{Fault, Matcher, Operation, RetryAfter};

use crate::client::{Client, PULL, SECRETS, docker_config, simulator, token_request};

#[tokio::test]
async fn each_form_of_answer_is_given_and_nothing_is_stored() {
    let (_simulator, tenant) = simulator().await;
    tenant.put("ghcr-pull", "old");
    let client = Client::of(&tenant).await;
    let cases = [
        (Fault::error(503, "overloaded"), 503, "application/json", "overloaded"),
        (Fault::text(502, "bad gateway"), 502, "text/plain; charset=utf-8", "bad gateway"),
        (Fault::html(504, "<h1>late</h1>"), 504, "text/html; charset=utf-8", "<h1>late</h1>"),
        (Fault::json(418, &json!({"tea": true})), 418, "application/json", r#"{"tea":true}"#),
        (Fault::unsupported_media_type(), 415, "application/json", "Unsupported Media Type"),
    ];
    for (fault, status, content_type, text) in cases {
        tenant.faults().next(1, Operation::Patch, fault);
        let reply = client.patch("new").await;
        assert_eq!(reply.status, status);
        assert_eq!(reply.content_type.as_deref(), Some(content_type));
        assert!(reply.body.contains(text), "{reply:?}");
    }
    assert_eq!(tenant.secrets()["ghcr-pull"], "old");
    assert!(tenant.journal().writes().iter().all(|entry| entry.faulty && !entry.applied));
    assert_eq!(client.patch("new").await.status, 202);
}

#[tokio::test]
async fn a_redirect_leads_elsewhere() {
    let (_simulator, tenant) = simulator().await;
    let client = Client::of(&tenant).await;
    tenant.faults().next(1, Operation::List, Fault::redirect("http://127.0.0.1:9/elsewhere"));
    let reply = client.get(SECRETS).await;
    assert_eq!(reply.status, 302);
    assert_eq!(reply.headers["location"], "http://127.0.0.1:9/elsewhere");
}

#[tokio::test]
async fn retry_after_comes_in_three_forms() {
    let (_simulator, tenant) = simulator().await;
    let client = Client::of(&tenant).await;
    let wait = Duration::from_hours(1);
    let ask = async |form| {
        tenant.faults().next(1, Operation::List, Fault::rate_limited(form));
        let reply = client.get(SECRETS).await;
        assert_eq!(reply.status, 429);
        reply.headers["retry-after"].to_str().unwrap().to_owned()
    };
    assert_eq!(ask(RetryAfter::Seconds(7)).await, "7");
    let date = ask(RetryAfter::HttpDate(wait)).await;
    assert!(date.ends_with(" GMT"), "{date}");
    let date = rfc2822::parse(&date).unwrap().timestamp();
    let time = ask(RetryAfter::UtcDateTime(wait)).await;
    let time = DateTime::strptime("%Y-%m-%d %H:%M:%S", time).unwrap();
    let time = time.to_zoned(TimeZone::UTC).unwrap().timestamp();
    let now = tenant.journal().entries().last().unwrap().received_at;
    let expected = |at: Timestamp| (at.as_second() - now.as_second() - 3600).abs() <= 60;
    assert!(expected(date) && expected(time), "{date} and {time} at {now}");
    let past = ask(RetryAfter::PastHttpDate(wait)).await;
    assert!(rfc2822::parse(&past).unwrap().timestamp() < now, "{past}");
    let past = ask(RetryAfter::PastUtcDateTime(wait)).await;
    let past = DateTime::strptime("%Y-%m-%d %H:%M:%S", past).unwrap();
    assert!(past.to_zoned(TimeZone::UTC).unwrap().timestamp() < now, "{past}");
}

#[tokio::test]
async fn an_echo_quotes_all_secrets_of_the_request() {
    let (_simulator, tenant) = simulator().await;
    let client = Client::of(&tenant).await;
    tenant.faults().always(Matcher::any(), Fault::echo(400));
    let message = client.patch("s3cret").await.error_message();
    let config = docker_config("s3cret");
    for quoted in [config.as_str(), &client.token, &STANDARD.encode("s3cret")] {
        assert!(message.contains(quoted), "{message}");
    }
    let message = crate::client::token(&tenant).await.error_message();
    let secret = tenant.client_secret();
    for quoted in [&secret, &STANDARD.encode(&secret)] {
        assert!(message.contains(quoted), "{message}");
    }
}

#[tokio::test]
async fn an_error_can_be_huge() {
    let (_simulator, tenant) = simulator().await;
    let client = Client::of(&tenant).await;
    tenant.faults().next(1, Operation::List, Fault::huge(500, 5 << 20));
    assert_eq!(client.get(SECRETS).await.error_message().len(), 5 << 20);
}

#[tokio::test]
async fn a_write_can_be_stored_although_it_fails() {
    let (_simulator, tenant) = simulator().await;
    tenant.put("ghcr-pull", "old");
    let client = Client::of(&tenant).await;
    tenant.faults().next(1, Operation::Patch, Fault::status(500).applied());
    assert_eq!(client.patch("first").await.status, 500);
    assert_eq!(tenant.secrets()["ghcr-pull"], docker_config("first"));
    tenant.faults().next(1, Operation::Patch, Fault::cut().applied());
    client.patch_request("second").send().await.unwrap_err();
    assert_eq!(tenant.secrets()["ghcr-pull"], docker_config("second"));
    assert!(tenant.journal().writes().iter().all(|entry| entry.faulty && entry.applied));
}

#[tokio::test]
async fn a_fault_meets_the_requests_it_is_for() {
    let (simulator, tenant) = simulator().await;
    tenant.put("ghcr-pull", "");
    tenant.put("other", "");
    let client = Client::of(&tenant).await;
    let faults = tenant.faults();
    faults.next(1, Operation::Delete, Fault::status(500));
    faults.next(2, Matcher::op(Operation::Get).named("ghcr-pull"), Fault::status(501));
    faults.always(Matcher::name("other"), Fault::status(502));
    assert_eq!(faults.pending(), 3);
    assert_eq!(client.get(SECRETS).await.status, 200);
    assert_eq!(client.get(&format!("{SECRETS}/other")).await.status, 502);
    assert_eq!(client.get(PULL).await.status, 501);
    assert_eq!(client.get(PULL).await.status, 501);
    assert_eq!(client.get(PULL).await.status, 200);
    assert_eq!(faults.pending(), 1);
    let body = crate::client::named("other", "new");
    assert_eq!(client.post(&body).await.status, 502, "by the body's name");
    faults.clear();
    assert_eq!(faults.pending(), 0);
    assert_eq!(client.get(&format!("{SECRETS}/other")).await.status, 200);
    assert_eq!(client.delete(PULL).await.status, 202);
    faults.always(Matcher::any(), Fault::status(503));
    assert_eq!(client.get(SECRETS).await.status, 503);
    let beta = simulator.tenant("beta");
    assert_eq!(Client::of(&beta).await.get(SECRETS).await.status, 200, "another tenant");
}

#[tokio::test]
async fn a_refused_token_uses_up_no_fault() {
    let (_simulator, tenant) = simulator().await;
    let client = Client::of(&tenant).await;
    tenant.faults().next(1, Operation::List, Fault::status(503));
    tenant.revoke_tokens();
    assert_eq!(client.get(SECRETS).await.status, 401);
    assert_eq!(tenant.faults().pending(), 1);
    assert_eq!(Client::of(&tenant).await.get(SECRETS).await.status, 503);
}

/// A client that the tenant does not know meets its faults too.
#[tokio::test]
async fn a_fault_may_be_for_one_client_that_asks_for_a_token() {
    let (_simulator, tenant) = simulator().await;
    tenant.faults().always(Matcher::client("invented"), Fault::status(503));
    let ask = async |id: &str, secret: &str, in_header: bool| {
        let request = token_request(&tenant);
        let form = [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
        let request = if in_header {
            request.basic_auth(id, Some(secret)).form(&form[..1])
        } else {
            request.form(&form)
        };
        request.send().await.unwrap().status().as_u16()
    };
    let (id, secret) = (tenant.client_id(), tenant.client_secret());
    for in_header in [false, true] {
        assert_eq!(ask("invented", "x", in_header).await, 503);
        assert_eq!(ask("another", "x", in_header).await, 401);
        assert_eq!(ask(&id, &secret, in_header).await, 200);
    }
}
