//! What happens in an episode, and when: a pure function of the seed. Nothing here knows a cluster, a clock or chance.
//!
//! An episode has a setting (how the operator runs) and rounds. In a round people and tools act ([`Action`]) while things go
//! wrong ([`Trouble`]); after it everything works again, and what must then be true is judged. The state lives on to the next
//! round. Times are those of the plan: on a busy machine things happen later, in the same order for one lane.

mod draw;
mod generate;

use std::time::Duration;

pub(crate) use self::generate::episode;

/// Namespaces, service keys in each of them, tenants.
pub(crate) const NAMESPACES: usize = 2;
pub(crate) const TENANTS: usize = 3;
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

/// The service key that a resource names.
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

/// The spec of a resource that is created.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the spec, or whether it is there")]
pub(crate) struct Wish {
    pub(crate) source: usize,
    pub(crate) key: KeyName,
    /// `remoteName`.
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
        key: KeyName,
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
}

/// Requests to the API server that a trouble is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Everything,
    Secret,
    Status,
    Finalizer,
    Events,
    Lease,
    Lists,
    Watches,
}

/// Rights of the operator that are taken and given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right {
    Secrets,
    GetSecrets,
    Resources,
    Status,
    Events,
    Leases,
}

/// What AI Core does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Status(u16),
    RetrySeconds(u64),
    RetryDate(u64),
    RetryUtc(u64),
    RetryPast,
    RetryPastUtc,
    RetryText(&'static str),
    Page(u16),
    Echo(u16),
    Malformed,
    Late(u64),
    Drip,
    Cut,
    CutBody,
    Hang,
    /// Stored, and then answered like this.
    StoredThen(u16),
    StoredThenCut,
    StoredThenLate(u64),
    /// Carried out so long after the client was let go.
    GoesOnAlone {
        by: u64,
        left: Left,
    },
}

/// How a client leaves a request that goes on without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// Its connection is cut.
    Cut,
    /// It waits in vain.
    TimedOut,
    /// A gateway answers for the server.
    GatewayTimeout,
}

/// Operations of AI Core that a trouble is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operations {
    All,
    Token,
    Patch,
    Create,
    Delete,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Trouble {
    CutWatches,
    /// Half-open connections, until they are cut at the end.
    SilenceWatches,
    /// What a client sees after a compaction of etcd.
    ForgetWatches,
    Refuse {
        what: Asked,
        code: u16,
    },
    Delay {
        what: Asked,
        by: u64,
    },
    LoseAnswers {
        what: Asked,
        count: usize,
    },
    LateAnswers {
        what: Asked,
        count: usize,
        by: u64,
    },
    Hang {
        what: Asked,
        count: usize,
    },
    /// Answers end after so many bytes.
    Truncate {
        what: Asked,
        count: usize,
        bytes: usize,
    },
    TakeRight(Right),
    RefuseStatuses,
    /// Versions before this moment are gone, and the watches are cut.
    Compact,
    RestartApiServer,
    PauseApiServer,
    Remote {
        tenant: usize,
        operations: Operations,
        answer: Answer,
        count: usize,
    },
    TenantHangs {
        tenant: usize,
    },
    AuthorizationDown {
        tenant: usize,
    },
    RevokeTokens {
        tenant: usize,
    },
    ShortTokens {
        tenant: usize,
    },
    /// The tenant has room for so many secrets.
    Quota {
        tenant: usize,
        room: usize,
    },
    /// Names are not found, at once or after a long wait; connections that are open may be cut as well.
    LoseNames {
        silent: bool,
        cut: bool,
    },
    RefuseConnections,
    SilenceConnections,
    CutConnections,
    Kill {
        replica: usize,
    },
    Terminate {
        replica: usize,
    },
    /// SIGSTOP, and SIGCONT at the end.
    Freeze {
        replica: usize,
    },
    /// The wall clock is so many seconds ahead.
    ShiftClock {
        replica: usize,
        ahead: i64,
    },
}
