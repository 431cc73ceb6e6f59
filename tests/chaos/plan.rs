//! What happens in an episode, and when: a pure function of the seed. Nothing here knows a cluster, a clock or chance.
//!
//! An episode has a setting (how the operator runs) and rounds. In a round people and tools act ([`Action`]) while things go
//! wrong ([`Trouble`]); after it everything works again, and what must then be true is judged. The state lives on to the next
//! round. Times are those of the plan: on a busy machine things happen later, in the same order for one lane.

mod draw;
mod generate;
mod trouble;

use std::time::Duration;

pub(crate) use self::{
    generate::episode,
    trouble::{Answer, Asked, Left, Operations, Right, Trouble},
};

/// Namespaces of resources, and tenants.
pub(crate) const NAMESPACES: usize = 2;
pub(crate) const TENANTS: usize = 3;
/// Place of the namespace of whoever shares service keys: after those of the resources.
pub(crate) const ADMINISTRATOR: usize = NAMESPACES;
/// `AICoreTenant`s.
pub(crate) const SHARED: usize = 2;
/// The resources: place of the namespace, and name. Some names are in both namespaces, so that their default remote names meet.
pub(crate) const SLOTS: [(usize, &str); 8] =
    [(0, "r0"), (0, "r1"), (0, "r2"), (0, "r3"), (1, "r0"), (1, "r1"), (1, "r4"), (1, "r5")];
/// How many source Secrets each resource can choose from.
pub(crate) const SOURCES: usize = 2;
/// Replicas of the operator at most.
pub(crate) const REPLICAS: usize = 2;

/// One seed's worth of chaos.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Episode {
    pub(crate) seed: u64,
    pub(crate) setting: Setting,
    pub(crate) rounds: Vec<Round>,
    /// In which order the objects of the second namespace go, if it is deleted at last.
    pub(crate) farewell: Option<Vec<Leaving>>,
}

/// How the operator runs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Setting {
    /// With more than one there is leader election.
    pub(crate) replicas: usize,
    /// All namespaces, or those of the episode one by one.
    pub(crate) cluster_wide: bool,
    pub(crate) log_level: &'static str,
    /// Requests a second to one tenant, and at once.
    pub(crate) rps: u32,
    pub(crate) burst: u32,
    /// Whether the service keys of both namespaces lead to the same tenants, so that their resources meet.
    pub(crate) neighbours: bool,
    /// Whether AI Core is spoken to by TLS, and every second service key is an X.509 certificate, which ends.
    pub(crate) certificates: bool,
}

/// What happens while things go wrong.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Round {
    pub(crate) length: Duration,
    /// By time.
    pub(crate) actions: Vec<(Duration, Action)>,
    /// By time; each lasts as long as the second says, where it lasts.
    pub(crate) troubles: Vec<(Duration, Duration, Trouble)>,
}

/// A Secret with a service key; each namespace has all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum KeyName {
    Key0,
    Key1,
    /// Leads to tenant 0, with a client secret that was never valid.
    Forged,
}

impl KeyName {
    pub(crate) const REAL: [Self; 2] = [Self::Key0, Self::Key1];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Key0 => "key0",
            Self::Key1 => "key1",
            Self::Forged => "forged",
        }
    }
}

/// What a resource names as its service key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// A Secret of its namespace.
    Own(KeyName),
    /// An `AICoreTenant`.
    Shared(usize),
}

/// What an `AICoreTenant` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sharing {
    /// The Secret, in the administrator's namespace.
    pub(crate) key: KeyName,
    pub(crate) namespaces: Admitted,
    /// `remoteNames`; `None`: all.
    pub(crate) names: Option<&'static [&'static str]>,
}

/// Which of the namespaces an `AICoreTenant` allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admitted {
    /// By `*`, or by a pattern.
    All {
        pattern: bool,
    },
    /// This one by its name, and one that does not exist.
    One(usize),
    Nobody,
}

/// The spec of a resource that is created.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the spec, or whether it is there")]
pub(crate) struct Wish {
    pub(crate) source: usize,
    pub(crate) key: Named,
    /// `remoteName`; `{namespace}` stands for the namespace.
    pub(crate) remote: Option<&'static str>,
    pub(crate) delete: bool,
    /// `resyncInterval: 10s`.
    pub(crate) resync: bool,
    pub(crate) suspend: bool,
    /// `creationPolicy: Never`.
    pub(crate) never: bool,
}

/// What goes with a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaving {
    Resources,
    Sources,
    Keys,
}

/// What a source Secret says of when its credential ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Saying {
    pub(crate) place: Place,
    pub(crate) end: End,
    /// As seconds since 1970; else as RFC 3339.
    pub(crate) seconds: bool,
}

/// Where that stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The operator's own annotation.
    Annotation,
    /// External Secrets' annotation.
    External,
    /// A key of the Secret.
    Key(&'static str),
}

/// When it ends, seen from when the Secret is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// In so many seconds.
    Ahead(u64),
    Ago(u64),
    /// That is no time.
    Nonsense,
}

/// How a source Secret changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rotation {
    Whole,
    /// The password stays.
    UserName,
    /// To the content before the present one.
    Back,
}

/// What people and their tools do. Slots are places in [`SLOTS`].
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    Rotate {
        slot: usize,
        source: usize,
        how: Rotation,
    },
    Burst {
        slot: usize,
        source: usize,
        count: usize,
    },
    RemoveSource {
        slot: usize,
        source: usize,
    },
    /// The Secret says this of its end, now and whenever it changes; the credential stays.
    Say {
        slot: usize,
        source: usize,
        says: Vec<Saying>,
    },
    Create {
        slot: usize,
        wish: Wish,
    },
    ChooseSource {
        slot: usize,
        source: usize,
    },
    ChooseKey {
        slot: usize,
        key: Named,
    },
    ChoosePolicy {
        slot: usize,
        delete: bool,
    },
    Suspend {
        slot: usize,
        suspend: bool,
    },
    Force {
        slot: usize,
    },
    Delete {
        slot: usize,
    },
    /// Somebody else's finalizer is set or taken away.
    Foreign {
        slot: usize,
        held: bool,
    },
    Abandon {
        slot: usize,
    },
    /// The tenant's client secret, and the Secrets that hold it.
    RotateKey {
        tenant: usize,
        keep_old: bool,
    },
    /// The service key of this name in a namespace leads to another tenant from now on.
    MoveKey {
        namespace: usize,
        key: KeyName,
        tenant: usize,
    },
    /// Somebody else creates the remote secret of the resource in AI Core, if there is none.
    CreateRemote {
        slot: usize,
    },
    /// The Secret with the service key goes, and comes back when the round ends.
    RemoveKey {
        namespace: usize,
        key: KeyName,
    },
    /// It is there, and holds no service key until the round ends.
    BreakKey {
        namespace: usize,
        key: KeyName,
    },
    /// An `AICoreTenant` is created, or says this from now on.
    Share {
        shared: usize,
        sharing: Sharing,
    },
    /// An `AICoreTenant` is deleted.
    Unshare {
        shared: usize,
    },
}
