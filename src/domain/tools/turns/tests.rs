use proptest::prelude::*;

use super::*;

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Takes a turn, and says how long it is until then.
fn take(places: &mut Turns, rate: Rate, uptime: Duration) -> Duration {
    let turn = places.reserve(rate, uptime);
    places.left(rate, turn, uptime)
}

#[test]
fn a_burst_is_free_then_the_rate_holds() {
    let rate = Rate::new(10.0, 3);
    let mut places = Turns::default();
    let waits: Vec<Duration> = (0..6).map(|_| take(&mut places, rate, ms(5000))).collect();
    assert_eq!(waits, [0, 0, 0, 100, 200, 300].map(ms));
    // All places are used up at 5.3 s; 0.3 s later the burst is free again.
    assert_eq!(take(&mut places, rate, ms(5600)), Duration::ZERO);
}

#[test]
fn who_cuts_in_has_the_next_place_and_the_others_come_a_gap_later() {
    let rate = Rate::new(1.0, 1);
    let mut places = Turns::default();
    let turns: Vec<Turn> = (0..230).map(|_| places.reserve(rate, ms(0))).collect();
    let left = |places: &Turns, turn: usize, uptime| places.left(rate, turns[turn], ms(uptime));
    assert_eq!(
        (left(&places, 0, 0), left(&places, 1, 0), left(&places, 229, 0)),
        (ms(0), ms(1000), ms(229_000))
    );
    assert_eq!(places.cut_in(rate, ms(10)), ms(990));
    assert_eq!(
        (left(&places, 0, 10), left(&places, 1, 10), left(&places, 229, 10)),
        (ms(0), ms(1990), ms(229_990))
    );
    // A second one does not take the place of the first.
    assert_eq!(places.cut_in(rate, ms(20)), ms(1980));
    assert_eq!(left(&places, 1, 20), ms(2980));
    // A turn that has come is not put off.
    assert_eq!(left(&places, 1, 3500), ms(0));
    assert_eq!(places.cut_in(rate, ms(3500)), ms(500));
    assert_eq!((left(&places, 1, 3500), left(&places, 2, 3500)), (ms(0), ms(1500)));
}

#[test]
fn where_nobody_waits_who_cuts_in_is_one_like_others() {
    let rate = Rate::new(10.0, 2);
    let mut places = Turns::default();
    let early = places.reserve(rate, ms(1000));
    assert_eq!(places.cut_in(rate, ms(1000)), Duration::ZERO);
    assert_eq!(places.cut_in(rate, ms(1000)), ms(100));
    assert_eq!(places.left(rate, early, ms(1000)), Duration::ZERO);
    assert_eq!(take(&mut places, rate, ms(1000)), ms(200));
    assert_eq!(
        places.cut_in(rate, ms(1000)),
        ms(200),
        "after the one who cut in before, ahead of the one who waits"
    );
}

/// Somebody who takes a turn, or cuts in, after a pause of so many milliseconds.
fn arrivals() -> impl Strategy<Value = Vec<(u64, bool)>> {
    prop::collection::vec((0_u64..200, any::<bool>()), 1..200)
}

/// Each goes when its time has come, and looks again when that was put off. Returns when each of them went, in milliseconds, those
/// who took turns first.
fn go(rate: Rate, arrivals: &[(u64, bool)]) -> (Vec<u64>, Vec<u64>) {
    let mut places = Turns::default();
    let (mut came, mut at_place) = (Vec::new(), Vec::new());
    let mut waiting: Vec<(u64, Turn)> = Vec::new();
    let mut now = 0;
    let mut coming = arrivals.iter().scan(0, |at, (gap, cuts)| {
        *at += gap;
        Some((*at, *cuts))
    });
    let mut next = coming.next();
    while next.is_some() || !waiting.is_empty() {
        let first = waiting.iter().map(|(at, _)| *at).min();
        match (next, first) {
            (Some((at, cuts)), first) if first.is_none_or(|first| at <= first) => {
                now = now.max(at);
                next = coming.next();
                if cuts {
                    at_place.push(now + whole(places.cut_in(rate, ms(now))));
                } else {
                    let turn = places.reserve(rate, ms(now));
                    waiting.push((now + whole(places.left(rate, turn, ms(now))), turn));
                }
            }
            (_, first) => {
                now = now.max(first.unwrap());
                let index = waiting.iter().position(|(at, _)| Some(*at) == first).unwrap();
                let (_, turn) = waiting[index];
                match whole(places.left(rate, turn, ms(now))) {
                    0 => {
                        waiting.remove(index);
                        came.push(now);
                    }
                    left => waiting[index].0 = now + left,
                }
            }
        }
    }
    (came, at_place)
}

fn whole(wait: Duration) -> u64 {
    u64::try_from(wait.as_micros().div_ceil(1000)).unwrap()
}

proptest! {
    #[test]
    fn no_second_has_more_requests_than_rate_and_burst(arrivals in arrivals()) {
        let rate = Rate::new(10.0, 5);
        let (came, cut_in) = go(rate, &arrivals);
        let mut all: Vec<u64> = came.iter().chain(&cut_in).copied().collect();
        prop_assert_eq!(all.len(), arrivals.len());
        all.sort_unstable();
        for (i, start) in all.iter().enumerate() {
            let within = all[i..].iter().take_while(|at| **at < start + 1000).count();
            prop_assert!(within <= 10 + 5 + 1, "{} from {} on: {:?}", within, start, all);
        }
    }

    /// Nothing is lost: while somebody waits, each gap has a request.
    #[test]
    fn all_are_through_as_soon_as_the_rate_allows(count in 1_u64..60, cuts in prop::collection::vec(0_usize..60, 0..60)) {
        let rate = Rate::new(10.0, 1);
        let arrivals: Vec<(u64, bool)> =
            (0..60).map(|i| (0, cuts.contains(&i))).take(usize::try_from(count).unwrap()).collect();
        let (came, cut_in) = go(rate, &arrivals);
        prop_assert_eq!(came.iter().chain(&cut_in).max(), Some(&((count - 1) * 100)));
    }
}
