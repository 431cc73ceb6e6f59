//! A push that begins with the creation, because the name was not in the tenant's list.

use rstest::rstest;
use testbed::simulator::{Operation as Op, Options, Simulator, Tenant};

use super::*;

fn sent(tenant: &Tenant) -> Vec<Op> {
    let entries = tenant.journal().entries();
    entries.iter().map(|entry| entry.operation).filter(|operation| *operation != Op::Token).collect()
}

#[tokio::test]
async fn it_is_one_request() {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let tenant = simulator.tenant("acme");
    let connection = connect(None, &tenant.service_key());
    let mandate = Withdrawable::default();
    let payload = a_payload_for(&[("ghcr.io", "robot", "another-0123456")]);
    let mut session = Session::new(&connection, Insistence::Patient, &mandate);
    let name = RemoteName::parse("pull").unwrap();
    assert_eq!(session.push(&name, &payload, Manner::CreateOrUpdate).await, Ok(Pushed::Created));
    assert_eq!(sent(&tenant), [Op::Create]);
    assert_eq!(tenant.secrets()["pull"], payload.expose());
}

/// Whatever a server answers to the creation of what is there. Nobody relies on the list from then on.
#[rstest]
#[case::bad_request(400)]
#[case::conflict(409)]
#[case::unprocessable(422)]
#[tokio::test]
async fn what_somebody_else_has_created_meanwhile_is_replaced(#[case] status: u16) {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let tenant = simulator.tenant("acme");
    tenant.configure(|options| options.exists_status = http::StatusCode::from_u16(status).unwrap());
    let connection = connect(None, &tenant.service_key());
    let mandate = Withdrawable::default();
    let payload = a_payload_for(&[("ghcr.io", "robot", "another-0123456")]);
    let mut session = Session::new(&connection, Insistence::Patient, &mandate);
    session.ask_for_names().await.unwrap();
    let [pull, other] = ["pull", "other"].map(|name| RemoteName::parse(name).unwrap());
    assert_eq!([&pull, &other].map(|name| connection.names().of(name)), [Listed::Absent; 2]);
    tenant.put("pull", "{}");
    assert_eq!(session.push(&pull, &payload, Manner::CreateOrUpdate).await, Ok(Pushed::Updated));
    assert_eq!(sent(&tenant), [Op::List, Op::Create, Op::Get, Op::Patch]);
    assert_eq!(tenant.secrets()["pull"], payload.expose());
    assert_eq!(connection.names().of(&other), Listed::Unavailable);
}

#[tokio::test]
async fn a_quota_that_is_used_up_is_told() {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let tenant = simulator.tenant("acme");
    tenant.configure(|options| options.quota = 1);
    tenant.put("other", "{}");
    let connection = connect(None, &tenant.service_key());
    let mandate = Withdrawable::default();
    let payload = a_payload_for(&[("ghcr.io", "robot", "another-0123456")]);
    let mut session = Session::new(&connection, Insistence::Patient, &mandate);
    let name = RemoteName::parse("pull").unwrap();
    let error = error_of(session.push(&name, &payload, Manner::CreateOrUpdate).await);
    assert_eq!(error, Error::QuotaExceeded { used: 1, limit: 1 });
    assert_eq!(sent(&tenant), [Op::Create, Op::Get, Op::Quota]);
}
