//! The relay in front of the simulator.

use std::time::Duration;

use testbed::{
    relay::{Flow, Relay},
    simulator::{Options, Simulator},
};

async fn relayed() -> (Simulator, Relay, String) {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let upstream = simulator.url().trim_start_matches("http://").parse().unwrap();
    let relay = Relay::start(upstream, |_| Some(7)).await.unwrap();
    let url = format!("http://{}/v2/x", relay.address());
    (simulator, relay, url)
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().timeout(Duration::from_secs(30)).pool_max_idle_per_host(0).build().unwrap()
}

#[tokio::test]
async fn requests_pass_and_their_process_is_known() {
    let (simulator, relay, url) = relayed().await;
    assert_eq!(client().get(&url).send().await.unwrap().status(), 404);
    let entry = simulator.journal().entries().remove(0);
    assert_eq!(relay.client(entry.client_port, entry.received), Some(7));
}

#[tokio::test]
async fn connections_are_refused_and_accepted_again() {
    let (_simulator, relay, url) = relayed().await;
    relay.set(Flow::Refusing);
    let refused = async {
        while !client().get(&url).send().await.is_err_and(|error| error.is_connect()) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), refused).await.unwrap();
    relay.set(Flow::Passing);
    let accepted = async { while client().get(&url).send().await.is_err() {} };
    tokio::time::timeout(Duration::from_secs(30), accepted).await.unwrap();
}

#[tokio::test]
async fn what_is_silent_goes_on_when_it_may_and_ends_when_it_is_cut() {
    let (_simulator, relay, url) = relayed().await;
    relay.set(Flow::Silent);
    let request = tokio::spawn(client().get(&url).send());
    let impatient = client().get(&url).timeout(Duration::from_millis(100)).send().await;
    assert!(impatient.unwrap_err().is_timeout());
    relay.set(Flow::Passing);
    assert_eq!(request.await.unwrap().unwrap().status(), 404);

    relay.set(Flow::Silent);
    let request = tokio::spawn(client().get(&url).send());
    let cut = async {
        while !request.is_finished() {
            relay.cut();
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), cut).await.unwrap();
    assert!(request.await.unwrap().is_err());
}
