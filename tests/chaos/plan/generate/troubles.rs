//! What goes wrong in a round.

use crate::plan::{Answer, Asked, Left, Operations, Right, Setting, TENANTS, Trouble, draw::Draw};

/// What a round's troubles are about. Where everything goes wrong at once, little is done that could be wrong; where one side is
/// well, the other one's faults show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Theme {
    Everything,
    AiCore,
    ApiServer,
    Processes,
}

use Theme::{AiCore, ApiServer, Processes};

impl Theme {
    pub(super) const ALL: [Self; 5] =
        [Self::Everything, Self::AiCore, Self::AiCore, Self::ApiServer, Self::Processes];
}

/// A kind of trouble.
struct Kind {
    /// How often it comes, in comparison.
    often: usize,
    /// Where it comes beside [`Theme::Everything`].
    themes: &'static [Theme],
    draw: fn(&mut Draw, &Setting) -> Trouble,
}

const fn kind(often: usize, themes: &'static [Theme], draw: fn(&mut Draw, &Setting) -> Trouble) -> Kind {
    Kind { often, themes, draw }
}

const KINDS: [Kind; 27] = [
    kind(4, &[ApiServer, Processes], |_, _| Trouble::CutWatches),
    kind(2, &[ApiServer], |_, _| Trouble::SilenceWatches),
    kind(2, &[ApiServer], |_, _| Trouble::ForgetWatches),
    kind(8, &[ApiServer], |draw, _| Trouble::Refuse {
        what: asked(draw),
        code: draw.one(&[401, 403, 409, 429, 500, 503, 504]),
    }),
    kind(4, &[ApiServer], |draw, _| Trouble::Delay { what: asked(draw), by: draw.between(100, 3_000) }),
    kind(6, &[ApiServer], |draw, _| Trouble::LoseAnswers { what: asked(draw), count: count(draw) }),
    kind(4, &[ApiServer], |draw, _| Trouble::LateAnswers {
        what: asked(draw),
        count: count(draw),
        by: draw.between(100, 12_000),
    }),
    kind(3, &[ApiServer], |draw, _| Trouble::Hang { what: asked(draw), count: count(draw) }),
    kind(4, &[ApiServer], |draw, _| Trouble::Truncate {
        what: asked(draw),
        count: count(draw),
        bytes: draw.below(1_500),
    }),
    kind(3, &[ApiServer], |draw, _| {
        Trouble::TakeRight(draw.one(&[
            Right::Secrets,
            Right::GetSecrets,
            Right::Resources,
            Right::Tenants,
            Right::Status,
            Right::Events,
            Right::Leases,
        ]))
    }),
    kind(2, &[ApiServer], |_, _| Trouble::RefuseStatuses),
    kind(1, &[ApiServer], |_, _| Trouble::Compact),
    kind(1, &[ApiServer], |_, _| Trouble::RestartApiServer),
    kind(1, &[ApiServer], |_, _| Trouble::PauseApiServer),
    kind(40, &[AiCore], remote),
    // Beside them AI Core's faults would be nearly all.
    kind(6, &[Processes], remote),
    kind(3, &[AiCore], |draw, _| Trouble::TenantHangs { tenant: draw.below(TENANTS) }),
    kind(3, &[AiCore], |draw, _| Trouble::AuthorizationDown { tenant: draw.below(TENANTS) }),
    kind(4, &[AiCore], |draw, _| Trouble::RevokeTokens { tenant: draw.below(TENANTS) }),
    kind(2, &[AiCore], |draw, _| Trouble::ShortTokens { tenant: draw.below(TENANTS) }),
    kind(2, &[AiCore], |draw, _| Trouble::Quota { tenant: draw.below(TENANTS), room: draw.below(4) }),
    kind(2, &[AiCore], |draw, _| Trouble::LoseNames { silent: draw.percent(50), cut: draw.percent(50) }),
    kind(6, &[AiCore], |draw, _| {
        draw.one(&[Trouble::RefuseConnections, Trouble::SilenceConnections, Trouble::CutConnections])
    }),
    kind(4, &[Processes], |draw, setting| Trouble::Kill { replica: draw.below(setting.replicas) }),
    kind(3, &[Processes], |draw, setting| Trouble::Terminate { replica: draw.below(setting.replicas) }),
    kind(3, &[Processes], |draw, setting| Trouble::Freeze { replica: draw.below(setting.replicas) }),
    kind(3, &[AiCore, Processes], |draw, setting| Trouble::ShiftClock {
        replica: draw.below(setting.replicas),
        ahead: draw.one(&[-40_000_000, -3_600, -20, 20, 3_600, 40_000_000]),
    }),
];

/// What goes wrong, and how many milliseconds of at least `lasting`.
pub(super) fn trouble(draw: &mut Draw, setting: &Setting, theme: Theme, lasting: u64) -> (Trouble, u64) {
    let comes = |kind: &Kind| theme == Theme::Everything || kind.themes.contains(&theme);
    let often: Vec<usize> = KINDS.iter().map(|kind| if comes(kind) { kind.often } else { 0 }).collect();
    let mut trouble = (KINDS[draw.weighted(&often)].draw)(draw, setting);
    if let Trouble::Remote { answer, .. } = &mut trouble
        && theme == AiCore
        && draw.percent(12)
    {
        let left = draw.one(&[Left::Cut, Left::TimedOut, Left::GatewayTimeout]);
        *answer = Answer::GoesOnAlone { by: draw.between(300, 9_000), left };
    }
    // With leader election, for longer than the Lease now and then.
    let long = matches!(trouble, Trouble::Freeze { .. }) && setting.replicas > 1 && draw.percent(40);
    (trouble, if long { lasting + 9_000 } else { lasting })
}

fn count(draw: &mut Draw) -> usize {
    1 + draw.below(6)
}

fn asked(draw: &mut Draw) -> Asked {
    draw.one(&[
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
    ])
}

fn remote(draw: &mut Draw, _: &Setting) -> Trouble {
    let operations = draw.one(&[
        Operations::All,
        Operations::All,
        Operations::Patch,
        Operations::Patch,
        Operations::Create,
        Operations::Delete,
        Operations::Token,
    ]);
    let answer = answer(draw, operations);
    Trouble::Remote { tenant: draw.below(TENANTS), operations, answer, count: count(draw) }
}

fn answer(draw: &mut Draw, operations: Operations) -> Answer {
    let late = draw.between(50, 6_000);
    let seconds = draw.one(&[0, 1, 2, 3, 600]);
    // That a secret is gone, or was stored, is believed: an AI Core that lies about these cannot be served.
    let misses = matches!(operations, Operations::Patch | Operations::Token);
    let status = draw.one(&[400, 401, 403, 404, 408, 409, 415, 418, 425, 500, 502, 503, 504]);
    let page = draw.one(&[200, 403, 502, 503]);
    match draw.weighted(&[14, 4, 3, 3, 2, 1, 2, 3, 4, 2, 6, 2, 5, 4, 3, 6, 6, 4]) {
        0 => Answer::Status(if status == 404 && !misses { 500 } else { status }),
        1 => Answer::RetrySeconds(seconds),
        2 => Answer::RetryDate(seconds),
        3 => Answer::RetryUtc(seconds),
        4 => Answer::RetryPast,
        5 => Answer::RetryPastUtc,
        6 => Answer::RetryText(draw.one(&["", "-5", "soon", "1e3", "2.5", "99999999999999999999"])),
        7 => Answer::Page(if page == 200 && operations != Operations::Token { 504 } else { page }),
        8 => Answer::Echo(draw.one(&[400, 500])),
        9 if operations == Operations::Token => Answer::Malformed,
        10 => Answer::Late(late),
        11 => Answer::Drip,
        12 => Answer::CutBody,
        13 => Answer::Hang,
        14 => Answer::StoredThen(draw.one(&[500, 502, 503, 504, 429])),
        15 => Answer::StoredThenCut,
        16 => Answer::StoredThenLate(late),
        _ => Answer::Cut,
    }
}
