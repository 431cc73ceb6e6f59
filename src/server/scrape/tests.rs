use std::task::Poll;

use futures::{StreamExt, poll};

use super::*;

fn pieces(count: usize) -> impl Iterator<Item = String> + Send {
    (0..count).map(|number| number.to_string())
}

/// One look at each scrape is what a runtime does between two looks at everything else.
#[tokio::test]
async fn between_two_pieces_all_other_work_has_its_turn_however_many_scrape() {
    const SCRAPES: usize = 5;
    const PIECES: usize = 10;
    let turns: Arc<Turns> = Arc::default();
    let mut scrapes: Vec<_> =
        (0..SCRAPES).map(|_| Box::pin(in_turn(pieces(PIECES), Arc::clone(&turns)).fuse())).collect();
    let mut written = [0; SCRAPES];
    for _ in 0..2 * SCRAPES * (PIECES + 1) {
        let before: usize = written.iter().sum();
        for (scrape, count) in scrapes.iter_mut().zip(&mut written) {
            if let Poll::Ready(Some(_)) = poll!(scrape.next()) {
                *count += 1;
            }
        }
        assert!(written.iter().sum::<usize>() <= before + 1, "more than one piece at once");
    }
    assert_eq!(written, [PIECES; SCRAPES], "each is at its end");
}
