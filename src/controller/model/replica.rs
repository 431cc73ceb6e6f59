//! One process: what it knows, and its passes.

use std::{collections::BTreeSet, time::Duration};

use super::{
    decisions::Decisions,
    pass::{Held, Pass, Stage, key_version, source_version},
    world::{ALL, Remote, Who, World, key_of, who_is},
};
use crate::{
    controller::{errand::Purpose, index::Index},
    domain::{
        decide::{
            conflict::Claim,
            late_writes::LateWrites,
            plan::{Plan, Step},
            unwritten::Unwritten,
        },
        parse::{
            object::{Now, ObjectKey},
            resource_version::Basis,
        },
    },
};

/// The process that leads.
#[derive(Clone)]
pub(super) struct Replica {
    pub(super) index: Index<Held>,
    pub(super) late_writes: LateWrites,
    /// Who is to be looked at.
    pub(super) queue: BTreeSet<Who>,
    /// When who is to be looked at without being woken, by the clock of the world.
    pub(super) timers: [Option<Duration>; 2],
    pub(super) passes: [Option<Pass>; 2],
    pub(super) unwritten: [Option<Unwritten>; 2],
    /// From what the status was made that is being written.
    pub(super) basis: [Basis; 2],
    /// From what a status was made that was refused because the resource is not so.
    pub(super) outdated: [Option<Basis>; 2],
    /// Who has had a push accepted, and where, by what this process was answered.
    pub(super) pushed: BTreeSet<(Who, Remote)>,
    /// Over whose pushes this process has sent something since they were accepted, and where.
    pub(super) pushed_over: BTreeSet<(Who, Remote)>,
    /// Service keys that were given a token.
    pub(super) tokens: BTreeSet<u64>,
    /// Whether the watch has yet to show the newest of a resource, of its source Secret, and of its service key.
    pub(super) behind: [[bool; 3]; 2],
    /// Whether it lists the Secrets for the first time.
    pub(super) lists: bool,
    pub(super) started: Duration,
}

/// What a watch has yet to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum News {
    Resource,
    Source,
    Key,
}

pub(super) const NEWS: [News; 3] = [News::Resource, News::Source, News::Key];

/// A process at work in its world.
pub(super) struct AtWork<'a> {
    pub(super) world: &'a mut World,
    pub(super) replica: &'a mut Replica,
    pub(super) decisions: &'a Decisions,
}

impl Replica {
    /// Takes over with caches that show the world as it is, or, of some resources, as it was before the last change. One that `lists`
    /// has seen no Secret yet.
    pub(super) fn leading(world: &World, behind: [bool; 2], lists: bool) -> Self {
        let mut replica = Self {
            index: Index::following(),
            late_writes: LateWrites::default(),
            queue: BTreeSet::new(),
            timers: [None; 2],
            passes: [None, None],
            unwritten: [None; 2],
            basis: [Basis::any_of(0); 2],
            outdated: [None; 2],
            pushed: BTreeSet::new(),
            pushed_over: BTreeSet::new(),
            tokens: BTreeSet::new(),
            behind: [[false; 3]; 2],
            lists,
            started: world.now,
        };
        if lists {
            replica.index.secrets_are_awaited(&None);
        }
        for who in ALL {
            let before = world.before[who].as_ref().filter(|_| behind[who]);
            let seen = before.unwrap_or(&world.objects[who]);
            if let Some(stored) = seen {
                replica.index.list_resource((*stored.object).clone(), (*stored.status).clone());
                replica.index.is_shown_at(&key_of(who), stored.version());
            }
            if lists {
                let named = seen.is_some();
                replica.behind[who] = [behind[who], named, named];
                continue;
            }
            let source = if behind[who] { world.sources_before[who] } else { world.sources[who] };
            let key = key_of(who);
            replica.index.apply_secret(&key.sibling("registry"), &source_version(source));
            replica.index.apply_secret(&key.sibling("aicore-key"), &key_version(world.keys[who]));
            replica.behind[who] = [behind[who], behind[who] && source != world.sources[who], false];
        }
        replica.queue = replica.index.lead().iter().map(who_is).collect();
        replica
    }

    pub(super) fn now(&self, world: &World) -> Now {
        let uptime = world.now.saturating_sub(self.started);
        Now { wall: world.wall(), uptime, leading: uptime }
    }

    /// When a status is written again beside the passes, in time since the start of the process.
    pub(super) fn writes_again(&self, who: Who) -> Option<Duration> {
        let unwritten = self.unwritten[who]?;
        let known = self.index.status(&key_of(who)).map(|(object, _)| object.generation);
        let is_left_to_pass = self.outdated[who].is_some_and(|refused| known != Some(refused.generation));
        (!is_left_to_pass).then(|| unwritten.due())
    }

    /// Whether requests for the remote secret are in the hands of a pass other than that of `who`.
    pub(super) fn is_taken(&self, remote: &Claim, who: Who) -> bool {
        ALL.into_iter().filter(|other| *other != who).any(|other| {
            self.passes[other].as_ref().is_some_and(|pass| {
                matches!(pass.stage, Stage::Announcing(_) | Stage::Sending)
                    && pass.found.as_ref().is_some_and(|found| found.0.claim == *remote)
            })
        })
    }
}

impl AtWork<'_> {
    pub(super) fn uptime(&self) -> Duration {
        self.replica.now(self.world).uptime
    }

    pub(super) fn enqueue(&mut self, woken: Vec<ObjectKey>) {
        self.replica.queue.extend((self.decisions.woken)(woken).iter().map(who_is));
    }
}

pub(super) fn purpose(plan: &Plan) -> Purpose {
    match plan.step {
        Step::DeleteRemote { .. } => Purpose::Delete,
        _ => Purpose::Push,
    }
}
