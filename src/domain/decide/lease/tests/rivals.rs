//! Several candidates and one API server, in any order of events: two never lead at the same time.

use proptest::prelude::*;

use super::*;

const RENEW_DEADLINE: u64 = 10;
/// The API servers of a cluster, which share a store: a record at a version.
#[derive(Default)]
struct Server {
    lease: Option<Record>,
    version: u64,
    /// When it was written, by the clock of the API server that did it.
    stamp: u64,
    /// By how much the clock of the one that is asked now is ahead.
    ahead: u64,
}

impl Server {
    /// As PUT and POST do: refused unless the version is the current one.
    fn write(&mut self, version: u64, record: Record, time: u64) -> bool {
        let current = version == self.version;
        if current {
            self.lease = Some(record);
            self.version += 1;
            self.stamp = time + self.ahead;
        }
        current
    }
}

/// What a candidate has under way.
enum Phase {
    Idle,
    /// It began at this time, and has read this version.
    Looked {
        began: u64,
        version: u64,
    },
    /// Its write came to the API server at all, and the answer is on the way.
    Written {
        began: u64,
        answer: Record,
    },
}

struct Rival {
    me: Candidate,
    view: View,
    phase: Phase,
    /// Difference of its wall clock and of its uptime from the true time.
    clock: (i64, u64),
    open_until: u64,
    restarts: u32,
}

impl Rival {
    fn new(identity: &str, clock: (i64, u64)) -> Self {
        let me = Candidate { identity: identity.to_owned(), duration: DURATION };
        Self { me, view: View::default(), phase: Phase::Idle, clock, open_until: 0, restarts: 0 }
    }

    /// Its process ends, and another one starts in its place: in the same pod, or in another.
    fn restart(&mut self) {
        self.restarts += 1;
        let (restarts, mut identity) = (self.restarts, self.me.identity.clone());
        if restarts.is_multiple_of(2) {
            identity.push('\'');
        }
        *self = Self { restarts, ..Self::new(&identity, self.clock) };
    }

    fn uptime(&self, time: u64) -> Duration {
        seconds(time + self.clock.1)
    }

    fn leads(&self, time: u64) -> bool {
        time < self.open_until
    }

    /// One more event of its life at this time.
    fn step(&mut self, server: &mut Server, time: u64, answered: bool) {
        if self.open_until > 0 && !self.leads(time) {
            self.restart();
        }
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Idle => {
                let silent = (time + server.ahead).saturating_sub(server.stamp);
                self.view.see(server.lease.clone(), seconds(silent), self.uptime(time));
                self.phase = Phase::Looked { began: time, version: server.version };
            }
            Phase::Looked { began, version } => {
                let wall = at(1_000_000 + i64::try_from(time).unwrap() + self.clock.0);
                match self
                    .view
                    .decide(&self.me, Now { wall, uptime: self.uptime(time), leading: Duration::ZERO })
                {
                    Decision::Acquire(record) | Decision::Renew(record) => {
                        self.view.asks(record.clone());
                        if server.write(version, record.clone(), time) && answered {
                            self.phase = Phase::Written { began, answer: record };
                        }
                    }
                    Decision::Wait(_) | Decision::SameIdentity if self.leads(time) => self.restart(),
                    Decision::Wait(_) => {}
                    Decision::SameIdentity => panic!("no two have the same identity"),
                }
            }
            Phase::Written { began, answer } => {
                self.view.wrote(answer, self.uptime(time));
                let until = began + RENEW_DEADLINE;
                if time < until {
                    self.open_until = until;
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn two_never_lead_at_the_same_time(
        clocks in prop::collection::vec((-1_000_000_i64..1_000_000, 0_u64..1_000), 2..5),
        // Who, how often in a row while the others stand still, how long between two steps, whether the API server answers, and by
        // how much its clock is ahead.
        turns in prop::collection::vec((0_usize..5, 1_u32..12, 0_u64..4, prop::bool::weighted(0.9), 0_u64..15), 1..100),
    ) {
        let mut server = Server::default();
        let mut rivals: Vec<Rival> =
            clocks.into_iter().enumerate().map(|(number, clock)| Rival::new(&number.to_string(), clock)).collect();
        let mut time = 1;
        let count = rivals.len();
        for (who, repeats, pause, answered, ahead) in turns {
            server.ahead = ahead;
            for _ in 0..repeats {
                time += pause;
                rivals[who % count].step(&mut server, time, answered);
                prop_assert!(rivals.iter().filter(|rival| rival.leads(time)).count() <= 1);
            }
        }
    }

    /// As long as somebody looks now and then, and is answered.
    #[test]
    fn somebody_leads_again_after_the_leader_is_gone(pauses in prop::collection::vec(1_u64..4, 60..80)) {
        let mut server = Server { lease: Some(held_by("gone", 1)), version: 1, ..Server::default() };
        let mut rival = Rival::new("me", (0, 0));
        let (mut time, mut led) = (0, false);
        for pause in pauses {
            time += pause;
            rival.step(&mut server, time, true);
            led |= rival.leads(time);
        }
        prop_assert!(led);
    }
}
