//! Refusals that quote what the request did not carry.

mod creation;
mod leave;

use rstest::rstest;
use serde_json::json;
use testbed::simulator::{Fault, Operation as Op, Options, Simulator};

use super::*;
use crate::{
    aicore::{Insistence, mandate::tests::Withdrawable, session::Aftermath, token::tests::connect},
    domain::{decide::opening::Listed, testing::a_payload_for},
};

const FORMER: &str = "Kp7tZq-wSecretPass-9xLm2";

fn error_of<T>(result: Result<T, Unfinished>) -> Error {
    match result.err().unwrap() {
        Unfinished::Failed { error, .. } => error,
        Unfinished::Withdrawn { .. } => panic!("withdrawn"),
    }
}

#[rstest]
#[case::stored(FORMER)]
#[case::in_hex("4b 70 37 74 5a 71 2d 77")]
#[case::in_decimal("75.112.55.116.90.113.45.119")]
#[tokio::test]
async fn a_refusal_does_not_show_what_is_stored(#[case] quote: &str) {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let tenant = simulator.tenant("acme");
    let fault = || {
        let message = format!("cannot be changed, it still holds {quote}");
        Fault::json(409, &json!({ "error": { "code": quote, "message": message, "requestId": quote } }))
    };
    tenant.faults().always(Op::Delete, fault());
    tenant.faults().always(Op::Patch, fault());
    let connection = connect(None, &tenant.service_key());
    let mandate = Withdrawable::default();
    let name = RemoteName::parse("pull").unwrap();
    let mut session = Session::new(&connection, Insistence::Patient, &mandate);
    let payload = a_payload_for(&[("ghcr.io", "robot", "another-0123456")]);
    let errors = [
        error_of(session.delete(&name).await),
        error_of(session.push(&name, &payload, Manner::UpdateOrCreate).await),
    ];
    for error in errors {
        let Error::Refused(refusal) = &error else { panic!("{error}") };
        assert_eq!(refusal.status, 409);
        assert_eq!(refusal.details.code, None);
        assert!(!error.to_string().contains(quote), "{error}");
    }
}

/// The API has no use for the client secret, and may know it all the same. It is made of plain words here.
#[tokio::test]
async fn the_client_secret_is_not_shown_whoever_quotes_it() {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let tenant = simulator.tenant("acme");
    let mut key = tenant.service_key();
    key["clientsecret"] = json!("valid-registry-access");
    let connection = connect(None, &key);
    let mandate = Withdrawable::default();
    tenant.faults().always(Op::Delete, Fault::error(400, "the tenant is valid registry access"));
    // The token of the right key.
    let good = connect(None, &tenant.service_key());
    let token = good.tokens.get(Insistence::Patient).await.ok().unwrap();
    let mut session = Session::new(&connection, Insistence::Patient, &mandate).with_token(token);
    let error = error_of(session.delete(&RemoteName::parse("pull").unwrap()).await);
    assert!(error.to_string().contains("is withheld"), "{error}");
}

#[tokio::test]
async fn plain_words_and_the_name_are_shown() {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let tenant = simulator.tenant("acme");
    let connection = connect(None, &tenant.service_key());
    let mandate = Withdrawable::default();
    let message = "Secret 'xyz-pull-7' is in use";
    tenant.faults().always(Op::Delete, Fault::error(409, message));
    let mut session = Session::new(&connection, Insistence::Patient, &mandate);
    let error = error_of(session.delete(&RemoteName::parse("xyz-pull-7").unwrap()).await);
    assert!(error.to_string().ends_with(message), "{error}");
    let error = error_of(session.delete(&RemoteName::parse("pull").unwrap()).await);
    assert!(error.to_string().contains("is withheld"), "{error}");
}
