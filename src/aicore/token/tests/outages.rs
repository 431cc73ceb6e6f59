//! Authorization servers that do not answer for a while, in virtual time.

use std::{
    ops::Range,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
};

use futures::{FutureExt, StreamExt, stream::FuturesUnordered};

use super::*;
use crate::{
    aicore::{
        error,
        token::flight::{ANOTHER_AFTER, MOST_UNDER_WAY},
    },
    domain::testing::{HOUR, seconds},
};

const LIMIT: Duration = Duration::from_secs(15);
const LATENCY: Duration = Duration::from_millis(50);
const NEVER: Range<Duration> = Duration::MAX..Duration::MAX;

/// One that loses what it is asked for during an outage.
#[derive(Clone)]
struct Server {
    started: Instant,
    outage: Range<Duration>,
    latency: Duration,
    life: Duration,
    /// When requests came.
    asked: Arc<Mutex<Vec<Duration>>>,
    under_way: Arc<AtomicUsize>,
    at_once: Arc<AtomicUsize>,
}

impl Server {
    fn new(outage: Range<Duration>, latency: Duration) -> Self {
        Self {
            started: Instant::now(),
            outage,
            latency,
            life: HOUR,
            asked: Arc::default(),
            under_way: Arc::default(),
            at_once: Arc::default(),
        }
    }

    async fn answer(&self, lost: bool) -> Result<Token, Error> {
        let asked = Instant::now();
        let answers_after = if lost { Duration::MAX } else { self.latency };
        if answers_after > LIMIT {
            tokio::time::sleep(LIMIT).await;
            let server = error::Server::Authorization;
            return Err(Error::Silent { server, host: self.host(), limit: LIMIT });
        }
        tokio::time::sleep(answers_after).await;
        Ok(Token::new("abc".into(), asked, self.life))
    }

    fn requests(&self) -> Vec<Duration> {
        self.asked.lock().clone()
    }
}

impl Endpoint for Server {
    async fn token(&self) -> Result<Token, Error> {
        let at = self.started.elapsed();
        self.asked.lock().push(at);
        let at_once = self.under_way.fetch_add(1, SeqCst) + 1;
        self.at_once.fetch_max(at_once, SeqCst);
        let _under_way = UnderWay(&self.under_way);
        self.answer(self.outage.contains(&at)).await
    }

    fn limit(&self) -> Duration {
        LIMIT
    }

    fn host(&self) -> String {
        "authorization".to_owned()
    }
}

/// Counts down when it is dropped: requests that are given up end, too.
struct UnderWay<'a>(&'a AtomicUsize);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

/// One asks, and again a second after it was told that there is no answer.
async fn one_asks(tokens: &TokenSource<Server>) {
    while tokens.get(Insistence::Patient).await.is_err() {
        tokio::time::sleep(seconds(1)).await;
    }
}

/// Another one asks after each time span, as a tenant that is unavailable is probed.
async fn others_ask(tokens: &TokenSource<Server>, every: Duration) {
    let mut asking = FuturesUnordered::new();
    let mut ticks = tokio::time::interval(every);
    loop {
        tokio::select! {
            _ = ticks.tick() => asking.push(tokens.get(Insistence::Patient)),
            Some(result) = asking.next() => if result.is_ok() { return },
        }
    }
}

/// At whatever moment it comes back, and however many wait for it.
#[tokio::test(start_paused = true)]
async fn a_server_that_comes_back_is_found_at_once() {
    for half_seconds in 1..=140 {
        let back = Duration::from_millis(500) * half_seconds;
        for every in [None, Some(seconds(1)), Some(seconds(10))] {
            let server = Server::new(Duration::ZERO..back, LATENCY);
            let tokens = TokenSource::new(server.clone());
            match every {
                None => one_asks(&tokens).await,
                Some(every) => others_ask(&tokens, every).await,
            }
            let found = server.started.elapsed().saturating_sub(back);
            assert!(found <= ANOTHER_AFTER + LATENCY, "{every:?}: {found:?} after {back:?}");
            let requests = server.requests();
            assert!(server.at_once.load(SeqCst) <= MOST_UNDER_WAY);
            let apart =
                requests.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).min().unwrap_or(LIMIT);
            assert!(apart >= seconds(4), "{every:?}: {requests:?}");
        }
    }
}

/// A server that takes long is no server that is silent.
#[rstest]
#[case(seconds(5), 1)]
#[case(seconds(8), 2)]
#[case(Duration::from_millis(14_900), 3)]
#[tokio::test(start_paused = true)]
async fn the_first_request_is_waited_for_all_the_same(#[case] latency: Duration, #[case] requests: usize) {
    let server = Server::new(NEVER, latency);
    let tokens = TokenSource::new(server.clone());
    let all = futures::future::join_all((0..5).map(|_| tokens.get(Insistence::Patient))).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!((server.started.elapsed(), server.requests().len()), (latency, requests));
    tokio::time::sleep(seconds(60)).await;
    assert_eq!(server.under_way.load(SeqCst), 0, "nobody waits for the others");
}

/// Whoever asks and goes away again, and again, finds the request that is under way.
#[tokio::test(start_paused = true)]
async fn those_who_do_not_wait_for_the_answer_do_not_flood_the_server() {
    let server = Server::new(Duration::ZERO..HOUR, LATENCY);
    let tokens = TokenSource::new(server.clone());
    for _ in 0..100 {
        let given_up = tokio::time::timeout(Duration::from_millis(100), tokens.get(Insistence::Forced)).await;
        assert!(given_up.is_err());
    }
    assert!(server.requests().len() <= 2, "{:?}", server.requests());
    // One that stays is not kept waiting by them.
    let before = Instant::now();
    assert!(tokens.get(Insistence::Patient).await.is_err());
    assert_eq!(before.elapsed(), LIMIT);
}

/// While a token still works, nobody waits for an authorization server that does not answer; and its successor comes all the same.
#[tokio::test(start_paused = true)]
async fn a_token_that_works_is_used_while_it_is_renewed() {
    let server = Server { life: seconds(100), ..Server::new(seconds(50)..seconds(88), LATENCY) };
    let tokens = TokenSource::new(server.clone());
    let token = tokens.get(Insistence::Patient).await.ok().unwrap();
    for (at, wait) in [(85, RENEWAL_PATIENCE), (86, Duration::ZERO), (87, Duration::ZERO)] {
        tokio::time::sleep_until(server.started + seconds(at)).await;
        let old = tokens.authorize(Insistence::Patient).await;
        assert_eq!(server.started.elapsed(), seconds(at) + wait);
        assert!(old.origin == Origin::Kept && Arc::ptr_eq(&old.result.ok().unwrap(), &token));
    }
    tokio::time::sleep_until(server.started + seconds(95)).await;
    let new = tokens.get(Insistence::Patient).now_or_never().unwrap().ok().unwrap();
    assert!(!Arc::ptr_eq(&new, &token), "nobody has waited for it");
    assert_eq!(server.requests(), [0, 85, 91].map(seconds));
}

/// Those who hold a token that was refused share the requests for another, and what comes of them.
#[tokio::test(start_paused = true)]
async fn who_finds_no_other_token_is_not_told_that_the_key_is_refused() {
    let server = Server::new(seconds(1)..HOUR, LATENCY);
    let tokens = TokenSource::new(server.clone());
    let refused = tokens.get(Insistence::Patient).await.ok().unwrap();
    tokio::time::sleep(seconds(2)).await;
    let replaced = || tokens.replace(&refused, Insistence::Patient);
    let (one, other) = tokio::join!(replaced(), replaced());
    for result in [one, other, replaced().await] {
        assert_eq!(result.err().unwrap().reason(), Reason::RemoteUnavailable);
    }
}

/// Nobody can wait any more for what was asked for with a key that nobody uses.
#[tokio::test(start_paused = true)]
async fn a_key_that_is_used_no_more_takes_its_requests_along() {
    let server = Server::new(Duration::ZERO..HOUR, LATENCY);
    for _ in 0..100 {
        let tokens = TokenSource::new(server.clone());
        let given_up =
            tokio::time::timeout(Duration::from_millis(100), tokens.get(Insistence::Patient)).await;
        assert!(given_up.is_err());
        assert_eq!(server.under_way.load(SeqCst), 1, "whoever comes next finds it");
        drop(tokens);
        tokio::task::yield_now().await;
        assert_eq!(server.under_way.load(SeqCst), 0);
    }
}
