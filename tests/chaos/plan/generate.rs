//! From a seed to an episode.

mod troubles;

use std::time::Duration;

use self::troubles::{Theme, trouble};
use super::{
    Action, Admitted, End, Episode, KeyName, Leaving, NAMESPACES, Named, Place, REPLICAS, Rotation, Round,
    SHARED, SLOTS, SOURCES, Saying, Setting, Sharing, TENANTS, Wish, draw::Draw,
};

/// Names in AI Core that resources of any namespace may want.
const MEETING: [&str; 2] = ["shared0", "shared1"];
/// A name that only one namespace may have, where names are kept apart.
const APART: &str = "{namespace}.own";
/// `remoteNames` of `AICoreTenant`s that do not allow all. The names of resources begin with an r.
const NAMES: [&[&str]; 4] = [&["r*"], &["shared*", "r*"], &["{namespace}.*"], &["{namespace}.*", "*0"]];

const YEAR: u64 = 365 * 24 * 3_600;
/// Ends that turn while the episode lasts, that do not, that are over, and that do not count.
const ENDS: [End; 8] = [
    End::Ahead(5),
    End::Ahead(25),
    End::Ahead(3_600),
    End::Ahead(YEAR),
    End::Ago(3_600),
    End::Ago(3 * YEAR),
    End::Ahead(20 * YEAR),
    End::Nonsense,
];

/// The episode of a seed, with so many rounds of this length.
pub(crate) fn episode(seed: u64, rounds: usize, length: Duration) -> Episode {
    let mut draw = Draw::new(seed);
    let setting = setting(&mut draw);
    let rounds = (0..rounds).map(|number| round(&mut draw, &setting, number == 0, length)).collect();
    let farewell = draw.percent(40).then(|| leaving(&mut draw));
    Episode { seed, setting, rounds, farewell }
}

fn setting(draw: &mut Draw) -> Setting {
    let (rps, burst) = draw.one(&[(10, 20), (4, 6), (2, 3)]);
    Setting {
        replicas: 1 + draw.below(REPLICAS),
        cluster_wide: draw.percent(50),
        log_level: draw.one(&["info", "debug", "trace"]),
        rps,
        burst,
        neighbours: draw.percent(50),
        certificates: draw.percent(35),
    }
}

fn leaving(draw: &mut Draw) -> Vec<Leaving> {
    let mut all = vec![Leaving::Resources, Leaving::Sources, Leaving::Keys];
    (0..3).map(|_| all.remove(draw.below(all.len()))).collect()
}

fn round(draw: &mut Draw, setting: &Setting, first: bool, length: Duration) -> Round {
    let length_ms = u64::try_from(length.as_millis()).unwrap();
    // What is missing comes back, and what is suspended goes on, so that there is always something at work.
    let mut actions = Vec::new();
    for shared in 0..SHARED {
        if first || draw.percent(60) {
            actions.push((Duration::ZERO, Action::Share { shared, sharing: sharing(draw) }));
        }
    }
    for slot in 0..SLOTS.len() {
        actions.push((Duration::ZERO, Action::Create { slot, wish: wish(draw, setting) }));
        if !first {
            actions.push((Duration::ZERO, Action::Suspend { slot, suspend: false }));
        }
    }
    // Calm and busy times, so that things overlap and also stand alone.
    let pace = draw.one(&[40, 80, 150, 300]);
    let mut at = draw.between(0, 2 * pace);
    while at < length_ms {
        actions.push((Duration::from_millis(at), action(draw, setting)));
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
    // A key or a right that changes when all is well again must be felt without a restart.
    for shared in 0..SHARED {
        if draw.percent(40) {
            actions.push((length, Action::Share { shared, sharing: sharing(draw) }));
        }
    }
    Round { length, actions, troubles }
}

fn wish(draw: &mut Draw, setting: &Setting) -> Wish {
    // Those that meet often share a name as well.
    let shared = if setting.neighbours { 40 } else { 15 };
    Wish {
        source: source(draw),
        key: named(draw, setting),
        remote: draw.percent(shared).then(|| draw.one(&[MEETING[0], MEETING[1], APART])),
        delete: draw.percent(60),
        resync: draw.percent(30),
        suspend: draw.percent(5),
        never: draw.percent(8),
    }
}

fn how(draw: &mut Draw) -> Rotation {
    draw.one(&[Rotation::Whole, Rotation::UserName, Rotation::Back])
}

/// Mostly the first, so that what is rotated is mostly what is used.
fn source(draw: &mut Draw) -> usize {
    if draw.percent(75) { 0 } else { draw.below(SOURCES) }
}

/// Mostly one thing; some say two, or what cannot be meant.
fn says(draw: &mut Draw) -> Vec<Saying> {
    let count = draw.one(&[0, 1, 1, 1, 1, 2, 2, 3]);
    let mut places = vec![
        Place::Annotation,
        Place::Key("expires_at"),
        Place::Key("expiry"),
        Place::Key("expiresAt"),
        Place::External,
    ];
    (0..count)
        .map(|_| Saying {
            place: places.remove(draw.below(places.len())),
            end: draw.one(&ENDS),
            seconds: draw.percent(50),
        })
        .collect()
}

/// Where no `AICoreTenant` is served, few resources name one: they only say so.
fn named(draw: &mut Draw, setting: &Setting) -> Named {
    let shared = if setting.cluster_wide { 45 } else { 8 };
    if draw.percent(shared) { Named::Shared(draw.below(SHARED)) } else { Named::Own(key(draw)) }
}

/// Mostly everything is allowed, so that there is something that can be taken away.
fn sharing(draw: &mut Draw) -> Sharing {
    let namespaces = match draw.weighted(&[5, 3, 1]) {
        0 => Admitted::All { pattern: draw.percent(50) },
        1 => Admitted::One(draw.below(NAMESPACES)),
        _ => Admitted::Nobody,
    };
    Sharing { key: key(draw), namespaces, names: draw.percent(50).then(|| draw.one(&NAMES)) }
}

/// A namespace with service keys.
fn keeper(draw: &mut Draw) -> usize {
    draw.below(NAMESPACES + 1)
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

fn action(draw: &mut Draw, setting: &Setting) -> Action {
    let slot = draw.below(SLOTS.len());
    let source = source(draw);
    match draw.weighted(&[40, 6, 1, 16, 5, 8, 4, 8, 5, 6, 3, 1, 3, 2, 3, 1, 2, 6, 1, 8]) {
        0 => Action::Rotate { slot, source, how: how(draw) },
        1 => Action::Burst { slot, source, count: 2 + draw.below(8) },
        2 => Action::RemoveSource { slot, source },
        3 => Action::Create { slot, wish: wish(draw, setting) },
        4 => Action::ChooseSource { slot, source },
        5 => Action::ChooseKey { slot, key: named(draw, setting) },
        6 => Action::ChoosePolicy { slot, delete: draw.percent(50) },
        // More often back than away, so that most resources are at work.
        7 => Action::Suspend { slot, suspend: draw.percent(30) },
        8 => Action::Force { slot },
        9 => Action::Delete { slot },
        10 => Action::Foreign { slot, held: draw.percent(40) },
        11 => Action::Abandon { slot },
        12 => Action::RotateKey { tenant: draw.below(TENANTS), keep_old: draw.percent(50) },
        13 => Action::CreateRemote { slot },
        14 => Action::MoveKey {
            namespace: keeper(draw),
            key: draw.one(&KeyName::REAL),
            tenant: draw.below(TENANTS),
        },
        15 => Action::RemoveKey { namespace: keeper(draw), key: draw.one(&KeyName::REAL) },
        16 => Action::BreakKey { namespace: keeper(draw), key: draw.one(&KeyName::REAL) },
        17 => Action::Share { shared: draw.below(SHARED), sharing: sharing(draw) },
        18 => Action::Unshare { shared: draw.below(SHARED) },
        _ => Action::Say { slot, source, says: says(draw) },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::plan::{Answer, Operations, Trouble};

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
        let (mut settings, mut farewells) = (BTreeSet::new(), BTreeSet::new());
        for seed in 0..400 {
            let episode = episode(seed, 2, LENGTH);
            farewells.insert(format!("{:?}", episode.farewell));
            settings.insert((
                episode.setting.replicas,
                episode.setting.cluster_wide,
                episode.setting.log_level,
                episode.setting.neighbours,
                episode.setting.certificates,
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
        assert_eq!((actions.len(), troubles.len(), answers.len()), (20, 28, 19), "{troubles:?}");
        assert_eq!((settings.len(), farewells.len()), (48, 7));
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

    /// Who was told to end does not remember what is still under way.
    #[test]
    fn requests_go_on_alone_only_where_their_process_lives() {
        let mut alone = 0;
        for seed in 0..200 {
            for round in episode(seed, 2, LENGTH).rounds {
                let goes_on = |trouble: &Trouble| {
                    matches!(trouble, Trouble::Remote { answer: Answer::GoesOnAlone { .. }, .. })
                };
                let ends = |trouble: &Trouble| {
                    matches!(
                        trouble,
                        Trouble::Kill { .. } | Trouble::Terminate { .. } | Trouble::Freeze { .. }
                    )
                };
                let has = |which: &dyn Fn(&Trouble) -> bool| {
                    round.troubles.iter().any(|(.., trouble)| which(trouble))
                };
                assert!(!(has(&goes_on) && has(&ends)));
                alone += usize::from(has(&goes_on));
            }
        }
        assert!(alone > 20);
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
