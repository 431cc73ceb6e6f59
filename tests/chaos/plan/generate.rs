//! From a seed to an episode.

use std::time::Duration;

use super::{
    Action, Answer, Asked, Episode, KeyName, NAMESPACES, Operations, REPLICAS, Right, Rotation, Round, SLOTS,
    SOURCES, Setting, TENANTS, Trouble, Wish, draw::Draw,
};

/// Names in AI Core that resources of any namespace may want.
const SHARED: [&str; 2] = ["shared0", "shared1"];

/// What a round's troubles are about. Where everything goes wrong at once, little is done that could be wrong; where one side is
/// well, the other one's faults show.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Theme {
    Everything,
    AiCore,
    ApiServer,
    Processes,
}

impl Theme {
    const ALL: [Self; 5] = [Self::Everything, Self::AiCore, Self::AiCore, Self::ApiServer, Self::Processes];

    /// Whether the trouble at this place of [`trouble`]'s list belongs to it.
    fn has(self, place: usize) -> bool {
        match self {
            Self::Everything => true,
            Self::AiCore => (12..=19).contains(&place),
            Self::ApiServer => place <= 11,
            Self::Processes => [0, 12, 20, 21, 22].contains(&place),
        }
    }
}

/// How often each trouble comes, in the order of [`trouble`].
const OFTEN: [usize; 23] = [4, 2, 2, 8, 4, 6, 4, 3, 3, 2, 1, 1, 40, 3, 3, 4, 2, 2, 2, 4, 4, 3, 3];

/// The episode of a seed, with so many rounds of this length.
pub(crate) fn episode(seed: u64, rounds: usize, length: Duration) -> Episode {
    let mut draw = Draw::new(seed);
    let setting = setting(&mut draw);
    let rounds = (0..rounds).map(|number| round(&mut draw, &setting, number == 0, length)).collect();
    Episode { seed, setting, rounds }
}

fn setting(draw: &mut Draw) -> Setting {
    let (rps, burst) = draw.one(&[(10, 20), (4, 6), (2, 3)]);
    Setting {
        replicas: 1 + draw.below(REPLICAS),
        cluster_wide: draw.percent(50),
        log_level: draw.one(&["info", "debug", "trace"]),
        rps,
        burst,
    }
}

fn round(draw: &mut Draw, setting: &Setting, first: bool, length: Duration) -> Round {
    let length_ms = u64::try_from(length.as_millis()).unwrap();
    // What is missing comes back, and what is suspended goes on, so that there is always something at work.
    let mut actions = Vec::new();
    for slot in 0..SLOTS.len() {
        actions.push((Duration::ZERO, Action::Create { slot, wish: wish(draw) }));
        if !first {
            actions.push((Duration::ZERO, Action::Suspend { slot, suspend: false }));
        }
    }
    // Calm and busy times, so that things overlap and also stand alone.
    let pace = draw.one(&[40, 80, 150, 300]);
    let mut at = draw.between(0, 2 * pace);
    while at < length_ms {
        actions.push((Duration::from_millis(at), action(draw)));
        at += draw.between(0, 2 * pace);
    }
    // Whatever a resource was last told, the last that happens to most is that their credential changes.
    for slot in 0..SLOTS.len() {
        if draw.percent(70) {
            actions.push((length, Action::Rotate { slot, source: 0, how: how(draw) }));
        }
    }
    let theme = draw.one(&Theme::ALL);
    let mut troubles = Vec::new();
    let pace = draw.one(&[150, 300, 500, 900]);
    let mut at = draw.between(0, 2 * pace);
    while at < length_ms {
        let lasting = draw.between(200, 4_000).min(length_ms.saturating_sub(at).max(200));
        let (trouble, lasting) = trouble(draw, setting, theme, lasting);
        troubles.push((Duration::from_millis(at), Duration::from_millis(lasting), trouble));
        at += draw.between(0, 2 * pace);
    }
    Round { length, actions, troubles }
}

fn wish(draw: &mut Draw) -> Wish {
    Wish {
        source: source(draw),
        key: key(draw),
        remote: draw.percent(20).then(|| draw.one(&SHARED)),
        delete: draw.percent(60),
        resync: draw.percent(30),
        suspend: draw.percent(5),
    }
}

fn how(draw: &mut Draw) -> Rotation {
    draw.one(&[Rotation::Whole, Rotation::UserName, Rotation::Back])
}

/// Mostly the first, so that what is rotated is mostly what is used.
fn source(draw: &mut Draw) -> usize {
    if draw.percent(75) { 0 } else { draw.below(SOURCES) }
}

fn key(draw: &mut Draw) -> KeyName {
    draw.one(&[
        KeyName::Key0,
        KeyName::Key0,
        KeyName::Key0,
        KeyName::Key0,
        KeyName::Key0,
        KeyName::Key0,
        KeyName::Key1,
        KeyName::Key1,
        KeyName::Forged,
    ])
}

fn action(draw: &mut Draw) -> Action {
    let slot = draw.below(SLOTS.len());
    let source = source(draw);
    let namespace = draw.below(NAMESPACES);
    match draw.weighted(&[40, 6, 1, 16, 5, 6, 4, 8, 5, 6, 3, 1, 3, 2, 1]) {
        0 => Action::Rotate { slot, source, how: how(draw) },
        1 => Action::Burst { slot, source, count: 2 + draw.below(8) },
        2 => Action::RemoveSource { slot, source },
        3 => Action::Create { slot, wish: wish(draw) },
        4 => Action::ChooseSource { slot, source },
        5 => Action::ChooseKey { slot, key: key(draw) },
        6 => Action::ChoosePolicy { slot, delete: draw.percent(50) },
        // More often back than away, so that most resources are at work.
        7 => Action::Suspend { slot, suspend: draw.percent(30) },
        8 => Action::Force { slot },
        9 => Action::Delete { slot },
        10 => Action::Foreign { slot, held: draw.percent(40) },
        11 => Action::Abandon { slot },
        12 => Action::RotateKey { tenant: draw.below(TENANTS), keep_old: draw.percent(50) },
        13 => Action::MoveKey { namespace, key: draw.one(&KeyName::REAL), tenant: draw.below(TENANTS) },
        _ => Action::RemoveKey { namespace, key: draw.one(&KeyName::REAL) },
    }
}

/// What goes wrong, and how long.
fn trouble(draw: &mut Draw, setting: &Setting, theme: Theme, lasting: u64) -> (Trouble, u64) {
    let asked = draw.one(&[
        Asked::Everything,
        Asked::Secret,
        Asked::Secret,
        Asked::Status,
        Asked::Status,
        Asked::Finalizer,
        Asked::Events,
        Asked::Lease,
        Asked::Lists,
        Asked::Watches,
    ]);
    let count = 1 + draw.below(6);
    let by = draw.between(100, 12_000);
    let tenant = draw.below(TENANTS);
    let replica = draw.below(setting.replicas);
    let mut often = OFTEN;
    for (place, weight) in often.iter_mut().enumerate() {
        *weight *= usize::from(theme.has(place));
    }
    if theme == Theme::Processes {
        // Beside them AI Core's faults would be nearly all.
        often[12] /= 6;
    }
    let trouble = match draw.weighted(&often) {
        0 => Trouble::CutWatches,
        1 => Trouble::SilenceWatches,
        2 => Trouble::ForgetWatches,
        3 => Trouble::Refuse { what: asked, code: draw.one(&[401, 403, 409, 429, 500, 503, 504]) },
        4 => Trouble::Delay { what: asked, by: by.min(3_000) },
        5 => Trouble::LoseAnswers { what: asked, count },
        6 => Trouble::LateAnswers { what: asked, count, by },
        7 => Trouble::Hang { what: asked, count },
        8 => Trouble::TakeRight(draw.one(&[
            Right::Secrets,
            Right::GetSecrets,
            Right::Resources,
            Right::Status,
            Right::Events,
            Right::Leases,
        ])),
        9 => Trouble::RefuseStatuses,
        10 => Trouble::RestartApiServer,
        11 => Trouble::PauseApiServer,
        12 => {
            let operations = draw.one(&[
                Operations::All,
                Operations::All,
                Operations::Patch,
                Operations::Patch,
                Operations::Create,
                Operations::Delete,
                Operations::Token,
            ]);
            Trouble::Remote { tenant, operations, answer: answer(draw, operations), count }
        }
        13 => Trouble::TenantHangs { tenant },
        14 => Trouble::AuthorizationDown { tenant },
        15 => Trouble::RevokeTokens { tenant },
        16 => Trouble::ShortTokens { tenant },
        17 => Trouble::RefuseConnections,
        18 => Trouble::SilenceConnections,
        19 => Trouble::CutConnections,
        20 => Trouble::Kill { replica },
        21 => Trouble::Terminate { replica },
        // With leader election, for longer than the Lease now and then.
        _ => {
            let long = setting.replicas > 1 && draw.percent(40);
            return (Trouble::Freeze { replica }, if long { lasting + 9_000 } else { lasting });
        }
    };
    (trouble, lasting)
}

fn answer(draw: &mut Draw, operations: Operations) -> Answer {
    let late = draw.between(50, 6_000);
    let seconds = draw.one(&[0, 1, 2, 3, 600]);
    // That a secret is gone, or was stored, is believed: an AI Core that lies about these cannot be served.
    let misses = matches!(operations, Operations::Patch | Operations::Token);
    let status = draw.one(&[400, 401, 403, 404, 408, 409, 415, 418, 425, 500, 502, 503, 504]);
    let page = draw.one(&[200, 403, 502, 503]);
    match draw.weighted(&[14, 4, 3, 3, 2, 3, 4, 2, 6, 2, 5, 4, 3, 6, 6, 4]) {
        0 => Answer::Status(if status == 404 && !misses { 500 } else { status }),
        1 => Answer::RetrySeconds(seconds),
        2 => Answer::RetryDate(seconds),
        3 => Answer::RetryUtc(seconds),
        4 => Answer::RetryPast,
        5 => Answer::Page(if page == 200 && operations != Operations::Token { 504 } else { page }),
        6 => Answer::Echo(draw.one(&[400, 500])),
        7 if operations == Operations::Token => Answer::Malformed,
        8 => Answer::Late(late),
        9 => Answer::Drip,
        11 => Answer::CutBody,
        12 => Answer::Hang,
        13 => Answer::StoredThen(draw.one(&[500, 502, 503, 504, 429])),
        14 => Answer::StoredThenCut,
        15 => Answer::StoredThenLate(late),
        _ => Answer::Cut,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const LENGTH: Duration = Duration::from_secs(20);

    /// The name of a variant.
    fn kind(value: &impl std::fmt::Debug) -> String {
        format!("{value:?}").split([' ', '(', '{']).next().unwrap().to_owned()
    }

    #[test]
    fn an_episode_follows_from_its_seed() {
        assert_eq!(episode(7, 3, LENGTH), episode(7, 3, LENGTH));
        assert_ne!(episode(7, 3, LENGTH).rounds, episode(8, 3, LENGTH).rounds);
    }

    #[test]
    fn everything_is_in_its_time() {
        for seed in 0..200 {
            for round in episode(seed, 2, LENGTH).rounds {
                assert!(round.actions.is_sorted_by_key(|(at, _)| *at));
                assert!(round.troubles.is_sorted_by_key(|(at, ..)| *at));
                assert!(round.actions.iter().all(|(at, _)| *at <= LENGTH));
                assert!(round.troubles.iter().all(|(at, lasting, _)| {
                    *at < LENGTH && *lasting <= Duration::from_secs(14) && !lasting.is_zero()
                }));
            }
        }
    }

    #[test]
    fn everything_that_can_happen_happens() {
        let (mut actions, mut troubles, mut answers) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut settings = BTreeSet::new();
        for seed in 0..200 {
            let episode = episode(seed, 2, LENGTH);
            settings.insert((
                episode.setting.replicas,
                episode.setting.cluster_wide,
                episode.setting.log_level,
            ));
            for round in episode.rounds {
                actions.extend(round.actions.iter().map(|(_, action)| kind(action)));
                troubles.extend(round.troubles.iter().map(|(.., trouble)| kind(trouble)));
                for (.., trouble) in round.troubles {
                    if let Trouble::Remote { answer, .. } = trouble {
                        answers.insert(kind(&answer));
                    }
                }
            }
        }
        assert_eq!((actions.len(), troubles.len(), answers.len()), (15, 23, 16), "{troubles:?}");
        assert_eq!(settings.len(), 12);
    }

    #[test]
    fn ai_core_does_not_lie() {
        for seed in 0..200 {
            for round in episode(seed, 2, LENGTH).rounds {
                for (.., trouble) in round.troubles {
                    let Trouble::Remote { operations, answer, .. } = trouble else { continue };
                    match answer {
                        Answer::Page(200) => assert_eq!(operations, Operations::Token),
                        Answer::Status(404) => {
                            assert!(matches!(operations, Operations::Token | Operations::Patch));
                        }
                        _ => {}
                    }
                }
            }
        }
    }

    #[test]
    fn troubles_overlap() {
        let round = &episode(1, 1, LENGTH).rounds[0];
        let open = |time: Duration| {
            round.troubles.iter().filter(|(at, lasting, _)| *at <= time && time < *at + *lasting).count()
        };
        let most = (0..20).map(|second| open(Duration::from_secs(second))).max().unwrap();
        assert!(most >= 2);
    }
}
