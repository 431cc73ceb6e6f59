use std::sync::Arc;

use rstest::rstest;
use serde_json::json;
use testbed::simulator::{Fault, Gate, Operation as Op, Options, Simulator, Tenant};

use super::{refused::LONG_PAUSE, *};
use crate::{
    aicore::{
        Insistence,
        mandate::tests::Withdrawable,
        pool::Connection,
        token::tests::{a_pool, connect, connect_at, connect_in},
    },
    domain::tools::bucket::Rate,
};

fn name(name: &str) -> RemoteName {
    RemoteName::parse(name).unwrap()
}

async fn a_tenant() -> (Simulator, Tenant, Arc<Connection>) {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let tenant = simulator.tenant("acme");
    let connection = connect(None, &tenant.service_key());
    (simulator, tenant, connection)
}

async fn ask(connection: &Connection) -> Result<(), Unfinished> {
    let mandate = Withdrawable::default();
    Session::new(connection, Insistence::Patient, &mandate).ask_for_names().await
}

fn sent(tenant: &Tenant, operation: Op) -> usize {
    tenant.journal().entries().iter().filter(|entry| entry.operation == operation).count()
}

#[tokio::test]
async fn many_who_ask_send_one_request() {
    let (_simulator, tenant, connection) = a_tenant().await;
    tenant.put("there", "{}");
    assert_eq!(connection.names.of(&name("there")), Listed::Unknown);
    let asked = futures::future::join_all((0..20).map(|_| ask(&connection))).await;
    assert!(asked.iter().all(Result::is_ok));
    assert_eq!((sent(&tenant, Op::List), sent(&tenant, Op::Token)), (1, 1));
    assert_eq!(connection.names.of(&name("there")), Listed::Present);
    assert_eq!(connection.names.of(&name("new")), Listed::Absent);
    let entries = tenant.journal().entries();
    let list = entries.iter().find(|entry| entry.operation == Op::List).unwrap();
    assert_eq!(list.query.as_deref(), Some("$count=true"));
}

/// Whatever is wrong with it, nobody is told, and nobody asks again.
#[rstest]
#[case::forbidden(Fault::status(403))]
#[case::refused_token(Fault::status(401))]
#[case::unknown(Fault::status(404))]
#[case::broken(Fault::status(500))]
#[case::throttled(Fault::status(429))]
#[case::cut(Fault::cut())]
#[case::cut_in_body(Fault::cut_in_body())]
#[case::page_of_a_proxy(Fault::html(200, "<html>"))]
#[case::a_part(Fault::json(200, &json!({"count": 3, "resources": [{"name": "other"}]})))]
#[case::huge(Fault::text(200, vec![b' '; 70 * 1024]))]
#[case::redirect(Fault::status(302))]
#[tokio::test]
async fn an_answer_of_no_use_is_a_reason_to_do_without(#[case] fault: Fault) {
    let (_simulator, tenant, connection) = a_tenant().await;
    tenant.put("other", "{}");
    tenant.faults().always(Op::List, fault);
    for _ in 0..3 {
        ask(&connection).await.unwrap();
        assert_eq!(connection.names.of(&name("new")), Listed::Unavailable);
    }
    assert_eq!((sent(&tenant, Op::List), sent(&tenant, Op::Token)), (1, 1));
}

#[tokio::test]
async fn whoever_asks_takes_another_turn_before_it_goes_on() {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let tenant = simulator.tenant("acme");
    let connection = connect_at(0.0001, &tenant.service_key());
    connection.rate_limiter().wait("ns").await;
    let mandate = Withdrawable::default();
    let mut session = Session::new(&connection, Insistence::Patient, &mandate);
    let meanwhile = async {
        while connection.names.of(&name("new")) == Listed::Unknown {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        mandate.end();
    };
    let (result, ()) = tokio::join!(session.ask_for_names(), meanwhile);
    assert_eq!(result, Err(Unfinished::Withdrawn { remote_absent: false }));
    // The others, who have waited for that, have their own.
    ask(&connection).await.unwrap();
}

#[tokio::test]
async fn whoever_goes_away_while_it_asks_leaves_it_to_the_next() {
    let (_simulator, tenant, connection) = a_tenant().await;
    let gate = Gate::new();
    tenant.faults().next(1, Op::List, Fault::gate(&gate));
    let mandate = Withdrawable::default();
    let mut first = Session::new(&connection, Insistence::Patient, &mandate);
    let meanwhile = async {
        gate.arrived().await.unwrap();
        mandate.withdraw();
    };
    let (first, second, ()) = tokio::join!(first.ask_for_names(), ask(&connection), meanwhile);
    assert_eq!((first, second), (Err(Unfinished::Withdrawn { remote_absent: false }), Ok(())));
    assert_eq!(connection.names.of(&name("new")), Listed::Absent);
    gate.release();
}

fn these(names: &[&str]) -> HashSet<Box<str>> {
    names.iter().map(|name| (*name).into()).collect()
}

#[tokio::test(start_paused = true)]
async fn who_is_not_answered_waits_for_a_moment_only() {
    let names = Names::new(Arc::default(), "client");
    let began = Instant::now();
    let silent = || names.ask_once(std::future::pending());
    let (first, second) = tokio::join!(silent(), silent());
    assert_eq!((first.unwrap(), second.unwrap()), (Asked::Itself, Asked::Not));
    assert_eq!(began.elapsed(), LIMIT);
    assert_eq!(names.of(&name("new")), Listed::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn what_is_known_counts_for_a_while() {
    let names = Names::new(Arc::default(), "client");
    for (answer, listed, counts) in [
        (Ok(these(&["there"])), Listed::Absent, LIFE),
        (Err(Unlisted::Unanswered), Listed::Unavailable, PAUSE),
        (Err(Unlisted::Useless), Listed::Unavailable, LONG_PAUSE),
    ] {
        assert_eq!(names.ask_once(async { answer }).await.unwrap(), Asked::Itself);
        tokio::time::advance(counts.checked_sub(Duration::from_millis(1)).unwrap()).await;
        assert_eq!(names.of(&name("new")), listed);
        assert_eq!(names.ask_once(async { unreachable!() }).await.unwrap(), Asked::Not);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(names.of(&name("new")), Listed::Unknown);
    }
}

#[tokio::test(start_paused = true)]
async fn what_happens_meanwhile_is_taken_in() {
    let names = Names::new(Arc::default(), "client");
    names.may_exist(&name("first"));
    names.ask_once(async { Ok(these(&[])) }).await.unwrap();
    assert_eq!(names.of(&name("first")), Listed::Absent);
    names.may_exist(&name("first"));
    assert_eq!(names.of(&name("first")), Listed::Present, "it is created without a look once");
    names.disproved();
    assert_eq!(names.of(&name("second")), Listed::Unavailable);
    names.forget();
    assert_eq!(names.of(&name("second")), Listed::Unavailable, "it is not asked again at once");
    tokio::time::advance(LIFE).await;
    names.ask_once(async { Ok(these(&[])) }).await.unwrap();
    names.forget();
    assert_eq!(names.of(&name("second")), Listed::Unknown);
}

/// One of them lacks the right, or gets what it cannot use. The others ask as if it had not, and what they are told is for all.
#[tokio::test(start_paused = true)]
async fn a_refusal_is_a_matter_of_the_client_that_has_asked() {
    let tenant = Arc::<TenantNames>::default();
    let [poor, poorer, rich] =
        ["poor", "poorer", "rich"].map(|client| Names::new(Arc::clone(&tenant), client));
    let new = name("new");
    for refused in [&poor, &poorer] {
        assert_eq!(refused.of(&new), Listed::Unknown);
        assert_eq!(refused.ask_once(async { Err(Unlisted::Useless) }).await.unwrap(), Asked::Itself);
        assert_eq!(refused.ask_once(async { unreachable!() }).await.unwrap(), Asked::Not);
        assert_eq!((refused.of(&new), rich.of(&new)), (Listed::Unavailable, Listed::Unknown));
    }
    rich.ask_once(async { Ok(these(&["there"])) }).await.unwrap();
    for names in [&poor, &poorer, &rich] {
        assert_eq!((names.of(&new), names.of(&name("there"))), (Listed::Absent, Listed::Present));
    }
    // Another connection of the same client, as after its Secret was read again, has not asked either.
    tokio::time::advance(LIFE).await;
    let again = Names::new(Arc::clone(&tenant), "poor");
    assert_eq!((again.of(&new), rich.of(&new)), (Listed::Unavailable, Listed::Unknown));
    tokio::time::advance(LONG_PAUSE.checked_sub(LIFE).unwrap()).await;
    assert_eq!(again.of(&new), Listed::Unknown, "by now the right may be there");
}

/// By its id, whatever else is in its service key: a new secret of the same client has the same rights.
#[tokio::test]
async fn a_tenant_tells_its_clients_apart_by_their_ids() {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let tenant = simulator.tenant("acme");
    let pool = a_pool(None, Rate::new(1000.0, 1000));
    let of = |id: &str, secret: &str| {
        let mut key = tenant.service_key();
        (key["clientid"], key["clientsecret"]) = (id.into(), secret.into());
        connect_in(&pool, &key)
    };
    let [first, renewed, rich] =
        [("poor", "a"), ("poor", "b"), ("rich", "a")].map(|(id, secret)| of(id, secret));
    first.names.ask_once(async { Err(Unlisted::Useless) }).await.unwrap();
    let listed = [first, renewed, rich].map(|connection| connection.names.of(&name("new")));
    assert_eq!(listed, [Listed::Unavailable, Listed::Unavailable, Listed::Unknown]);
}

/// What is not answered is not answered to anybody.
#[tokio::test(start_paused = true)]
async fn silence_is_a_matter_of_the_tenant() {
    let tenant = Arc::<TenantNames>::default();
    let [one, other] = ["one", "other"].map(|client| Names::new(Arc::clone(&tenant), client));
    one.ask_once(async { Err(Unlisted::Unanswered) }).await.unwrap();
    assert_eq!(other.of(&name("new")), Listed::Unavailable);
    assert_eq!(other.ask_once(async { unreachable!() }).await.unwrap(), Asked::Not);
    tokio::time::advance(PAUSE).await;
    assert_eq!((one.of(&name("new")), other.of(&name("new"))), (Listed::Unknown, Listed::Unknown));
}
