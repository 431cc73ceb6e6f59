//! A resource, its Secret and AI Core over many passes, restarts and failures: whenever `Ready` says that AI Core holds the
//! current credential, it does.

use proptest::prelude::*;

use super::{
    properties::{Happens, Turn, turns},
    *,
};

/// What AI Core holds under the name: whose credential, if any.
type Remote = Option<&'static str>;

fn turn_for_truth() -> impl Strategy<Value = (Turn, bool, bool)> {
    (turns(), any::<bool>(), prop::bool::weighted(0.2)).prop_map(|(turn, arrives, lost)| {
        let turn = Turn {
            source: None,
            service_key: None,
            tenant: "one",
            deleting: false,
            ownership: u8::from(lost && !turn.suspend),
            ..turn
        };
        (turn, arrives, lost)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn ready_is_true(turns in prop::collection::vec(turn_for_truth(), 1..15)) {
        let mut life = Life::new();
        let mut remote: Remote = None;
        for (turn, arrives, _) in turns {
            turn.prepare(&mut life);
            // A request without an answer may have arrived; what was answered tells the truth.
            let holds = turn.password;
            let now = life.now.wall;
            let mut outcome = Outcome::NothingSent;
            let mut absent = false;
            let (step, _) = life.pass(|observed| turn.see(observed), |step| {
                outcome = match (step, &turn.outcome) {
                    (Step::Push(_), Happens::Accepted) => {
                        remote = Some(holds);
                        turn.outcome(step, now)
                    }
                    (Step::Push(_), Happens::Fails { reason, absent: gone, .. }) => {
                        if *gone {
                            absent = true;
                            remote = None;
                        }
                        if arrives && *reason == Reason::RemoteUnavailable {
                            remote = Some(holds);
                        }
                        turn.outcome(step, now)
                    }
                    (step, _) => turn.outcome(step, now),
                };
                outcome.clone()
            });
            if let Step::NoPush(Why::OwnedBy(_)) = step {
                remote = Some("of another");
            }
            let said = condition::find(&life.status.conditions, READY)
                .is_some_and(|ready| ready.status == "True" && ready.reason == "Synced");
            if said && !matches!(outcome, Outcome::Postponed(_)) {
                prop_assert_eq!(remote, Some(holds), "{:?} {:?} {:?}", step, outcome, life.conditions());
            }
        }
    }
}
