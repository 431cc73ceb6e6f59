//! A mandate that ends while a request, a token or a place in the rate is waited for: nothing is sent after that.

use std::time::Duration;

use rstest::rstest;
use testbed::simulator::{Fault, Gate, Operation as Op, Options, Simulator};

use super::*;
use crate::aicore::token::tests::connect_at;

/// What a push meets, one after the other, until the mandate ends while the last of them is under way; and whether AI Core has said by
/// then that it has no such secret.
#[rstest]
#[case::first_patch(&[(Op::Patch, Fault::status(404))], true)]
#[case::patch_of_a_token_that_is_refused(&[(Op::Patch, Fault::status(401))], false)]
#[case::patch_of_another_type(&[(Op::Patch, Fault::unsupported_media_type())], false)]
#[case::post(&[(Op::Patch, Fault::status(404)), (Op::Create, Fault::status(409))], true)]
#[case::post_of_a_token_that_is_refused(&[(Op::Patch, Fault::status(404)), (Op::Create, Fault::status(401))], true)]
#[case::post_that_is_forbidden(&[(Op::Patch, Fault::status(404)), (Op::Create, Fault::status(403))], true)]
#[case::look(&[(Op::Patch, Fault::status(404)), (Op::Create, Fault::status(409)), (Op::Get, Fault::json(200, &json!({})))], true)]
#[case::look_in_vain(&[(Op::Patch, Fault::status(404)), (Op::Create, Fault::status(409)), (Op::Get, Fault::status(404))], true)]
#[tokio::test]
async fn a_push_sends_nothing_more(#[case] steps: &[(Op, Fault)], #[case] remote_absent: bool) {
    sends_nothing_more(Manner::UpdateOrCreate, steps, remote_absent).await;
}

async fn sends_nothing_more(manner: Manner, steps: &[(Op, Fault)], remote_absent: bool) {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let tenant = simulator.tenant("acme");
    let connection = connect(None, &tenant.service_key());
    connection.authorize(Insistence::Patient).await.result.unwrap();
    let mandate = Withdrawable::default();
    let gate = Gate::new();
    let (last, before) = steps.split_last().unwrap();
    for (operation, fault) in before {
        tenant.faults().next(1, *operation, fault.clone());
    }
    tenant.faults().next(1, last.0, last.1.clone().through(&gate));
    let name = RemoteName::parse("pull").unwrap();
    let payload = a_payload_for(&[("ghcr.io", "robot", "another-0123456")]);
    let mut session = Session::new(&connection, Insistence::Patient, &mandate);
    let meanwhile = async {
        gate.arrived().await.unwrap();
        mandate.withdraw();
        gate.release();
    };
    let (result, ()) = tokio::join!(session.push(&name, &payload, manner), meanwhile);
    assert_eq!(result, Err(Unfinished::Withdrawn { remote_absent }));
    let sent: Vec<Op> = tenant.journal().entries().iter().map(|entry| entry.operation).collect();
    let expected: Vec<Op> =
        std::iter::once(Op::Token).chain(steps.iter().map(|(operation, _)| *operation)).collect();
    assert_eq!(sent, expected);
}

#[rstest]
#[tokio::test]
async fn nothing_is_sent_without_a_mandate(#[values(true, false)] push: bool) {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let tenant = simulator.tenant("acme");
    let connection = connect(None, &tenant.service_key());
    connection.authorize(Insistence::Patient).await.result.unwrap();
    let mandate = Withdrawable::default();
    mandate.withdraw();
    let name = RemoteName::parse("pull").unwrap();
    let payload = a_payload_for(&[("ghcr.io", "robot", "another-0123456")]);
    let mut session = Session::new(&connection, Insistence::Deleting, &mandate);
    let result = if push {
        session.push(&name, &payload, Manner::UpdateOrCreate).await.map(drop)
    } else {
        session.delete(&name).await
    };
    assert_eq!(result, Err(Unfinished::Withdrawn { remote_absent: false }));
    assert_eq!(tenant.journal().writes().len(), 0);
}

/// The same of a push that begins with the creation: only a look shows that there is no such secret.
#[rstest]
#[case::post(&[(Op::Create, Fault::status(409))], false)]
#[case::post_of_a_token_that_is_refused(&[(Op::Create, Fault::status(401))], false)]
#[case::post_that_is_forbidden(&[(Op::Create, Fault::status(403))], false)]
#[case::look(&[(Op::Create, Fault::status(409)), (Op::Get, Fault::json(200, &json!({})))], false)]
#[case::look_in_vain(&[(Op::Create, Fault::status(409)), (Op::Get, Fault::status(404))], true)]
#[case::patch(&[(Op::Create, Fault::status(400)), (Op::Get, Fault::json(200, &json!({}))), (Op::Patch, Fault::status(401))], false)]
#[tokio::test]
async fn a_creation_sends_nothing_more(#[case] steps: &[(Op, Fault)], #[case] remote_absent: bool) {
    sends_nothing_more(Manner::CreateOrUpdate, steps, remote_absent).await;
}

/// The token is fetched again after a refusal; meanwhile the mandate ends.
#[tokio::test]
async fn a_new_token_is_not_used_without_a_mandate() {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let tenant = simulator.tenant("acme");
    let connection = connect(None, &tenant.service_key());
    connection.authorize(Insistence::Patient).await.result.unwrap();
    tenant.revoke_tokens();
    let gate = Gate::new();
    tenant.faults().next(1, Op::Token, Fault::gate(&gate));
    let mandate = Withdrawable::default();
    let name = RemoteName::parse("pull").unwrap();
    let mut session = Session::new(&connection, Insistence::Deleting, &mandate);
    let meanwhile = async {
        gate.arrived().await.unwrap();
        mandate.withdraw();
        gate.release();
    };
    let (result, ()) = tokio::join!(session.delete(&name), meanwhile);
    assert_eq!(result, Err(Unfinished::Withdrawn { remote_absent: false }));
    assert_eq!(tenant.journal().writes().len(), 1, "the one whose token was refused");
}

/// A place in the rate that is an hour away is not waited for when the process ends, nor used when the mandate has ended.
#[tokio::test]
async fn who_waits_for_a_second_place_ends_with_the_process() {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let tenant = simulator.tenant("acme");
    let connection = connect_at(0.0001, &tenant.service_key());
    let mandate = Withdrawable::default();
    let name = RemoteName::parse("pull").unwrap();
    let payload = a_payload_for(&[("ghcr.io", "robot", "another-0123456")]);
    let mut session = Session::new(&connection, Insistence::Patient, &mandate);
    connection.rate_limiter().wait("ns").await;
    let meanwhile = async {
        let patched = |entry: &testbed::simulator::Entry| entry.operation == Op::Patch;
        tenant.journal().wait_for(patched, Duration::from_secs(30)).await.unwrap();
        mandate.end();
    };
    let (result, ()) = tokio::join!(session.push(&name, &payload, Manner::UpdateOrCreate), meanwhile);
    assert_eq!(result, Err(Unfinished::Withdrawn { remote_absent: true }));
    assert_eq!(tenant.journal().writes().len(), 1);
}

/// What a write that failed leaves behind.
#[rstest]
#[case::refused(Fault::status(400), Aftermath::Nothing)]
#[case::too_many(Fault::status(429), Aftermath::Nothing)]
#[case::slow_client(Fault::status(408), Aftermath::Doubt)]
#[case::broken(Fault::status(500), Aftermath::Doubt)]
#[case::overloaded(Fault::status(503), Aftermath::Doubt)]
#[case::bad_gateway(Fault::status(502), Aftermath::Late)]
#[case::gateway_timeout(Fault::status(504), Aftermath::Late)]
#[case::cut(Fault::cut(), Aftermath::Late)]
#[tokio::test]
async fn a_write_that_failed_says_what_it_leaves_behind(#[case] fault: Fault, #[case] expected: Aftermath) {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let tenant = simulator.tenant("acme");
    let connection = connect(None, &tenant.service_key());
    let name = RemoteName::parse("pull").unwrap();
    let payload = a_payload_for(&[("ghcr.io", "robot", "another-0123456")]);
    let mandate = Withdrawable::default();
    let mut session = Session::new(&connection, Insistence::Patient, &mandate);
    for operation in [Op::Patch, Op::Delete] {
        tenant.faults().always(operation, fault.clone());
    }
    for result in
        [session.push(&name, &payload, Manner::UpdateOrCreate).await.map(drop), session.delete(&name).await]
    {
        let Err(Unfinished::Failed { aftermath, .. }) = result else { panic!("{result:?}") };
        assert_eq!(aftermath, expected);
    }
    // Of the two requests of a creation the second counts.
    tenant.faults().clear();
    tenant.faults().next(1, Op::Create, fault.clone());
    let result = session.push(&name, &payload, Manner::UpdateOrCreate).await;
    let Err(Unfinished::Failed { aftermath, remote_absent, .. }) = result else { panic!("{result:?}") };
    assert_eq!((aftermath, remote_absent), (expected, true));
    // Of one that begins with it, the first. What is refused for good is looked at, and is not there.
    tenant.faults().next(1, Op::Create, fault);
    let result = session.push(&name, &payload, Manner::CreateOrUpdate).await;
    let Err(Unfinished::Failed { aftermath, remote_absent, error }) = result else { panic!("{result:?}") };
    let looked = error.status_of(crate::aicore::error::Server::Api) == Some(400);
    assert_eq!((aftermath, remote_absent), (expected, looked));
}

/// Where nobody listens, nothing can have arrived; and a token that is not given is no write.
#[tokio::test]
async fn what_was_not_sent_leaves_nothing_behind() {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let tenant = simulator.tenant("acme");
    let mut key = tenant.service_key();
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    key["serviceurls"]["AI_API_URL"] = json!(format!("http://{}", closed.local_addr().unwrap()));
    drop(closed);
    let mandate = Withdrawable::default();
    let name = RemoteName::parse("pull").unwrap();
    let connection = connect(None, &key);
    let mut session = Session::new(&connection, Insistence::Deleting, &mandate);
    let unreachable = session.delete(&name).await;
    tenant.faults().always(Op::Token, Fault::cut());
    let connection = connect(None, &tenant.service_key());
    let mut session = Session::new(&connection, Insistence::Deleting, &mandate);
    for result in [unreachable, session.delete(&name).await] {
        let Err(Unfinished::Failed { error, aftermath, .. }) = result else { panic!("{result:?}") };
        assert!(!error.is_answer());
        assert_eq!(aftermath, Aftermath::Nothing);
    }
}
