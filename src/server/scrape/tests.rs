use std::task::Poll;

use futures::{StreamExt, poll};
use tokio::time::{Instant, advance};

use super::*;

fn pieces(count: usize) -> impl Iterator<Item = String> + Send {
    (0..count).map(|number| number.to_string())
}

/// One look at each scrape is what a runtime does between two looks at everything else.
#[tokio::test(start_paused = true)]
async fn between_two_pieces_all_other_work_has_its_turn_however_many_scrape() {
    const SCRAPES: usize = 5;
    const PIECES: usize = 10;
    let turns: Arc<Turns> = Arc::default();
    let mut scrapes: Vec<_> =
        (0..SCRAPES).map(|_| Box::pin(in_turn(pieces(PIECES), Arc::clone(&turns)).fuse())).collect();
    let mut written = [0; SCRAPES];
    for _ in 0..4 * SCRAPES * (PIECES + 1) {
        let before: usize = written.iter().sum();
        for (scrape, count) in scrapes.iter_mut().zip(&mut written) {
            if let Poll::Ready(Some(_)) = poll!(scrape.next()) {
                *count += 1;
            }
        }
        assert!(written.iter().sum::<usize>() <= before + 1, "more than one piece at once");
        advance(REST).await;
    }
    assert_eq!(written, [PIECES; SCRAPES], "each is at its end");
}

#[tokio::test(start_paused = true)]
async fn a_scrape_rests_before_each_piece_and_each_rests_for_itself() {
    const PIECES: u32 = 100;
    let turns: Arc<Turns> = Arc::default();
    let scrape = async || {
        let mut scrape = Box::pin(in_turn(pieces(PIECES as usize), Arc::clone(&turns)));
        let mut last = Instant::now();
        while scrape.next().await.is_some() {
            assert!(last.elapsed() >= REST);
            last = Instant::now();
        }
    };
    let start = Instant::now();
    tokio::join!(scrape(), scrape(), scrape());
    let (least, most) = (REST * PIECES, 2 * REST * (PIECES + 1));
    assert!((least..=most).contains(&start.elapsed()), "{:?}", start.elapsed());
}

/// What has no series is passed over without a word, and not all at once.
#[tokio::test(start_paused = true)]
async fn empty_pieces_are_not_sent_and_each_has_its_turn() {
    const EMPTY: usize = 7;
    let pieces = (0..EMPTY).map(|_| String::new()).chain(["last".to_owned()]);
    let mut scrape = Box::pin(in_turn(pieces, Arc::default()));
    let mut looks = 0;
    let mut next = scrape.next();
    let piece = loop {
        match poll!(&mut next) {
            Poll::Ready(piece) => break piece,
            Poll::Pending => looks += 1,
        }
        advance(REST).await;
    };
    assert_eq!(piece, Some(Ok(Bytes::from("last"))));
    assert!(looks > EMPTY, "{looks}");
    assert_eq!(scrape.next().await, None);
}
