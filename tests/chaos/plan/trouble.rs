//! What can go wrong: between the operator and the API server, in AI Core, and with the operator's processes.

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
    Tenants,
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

impl Trouble {
    /// Its name, to be counted by.
    pub(crate) fn kind(&self) -> String {
        let text = format!("{self:?}");
        text.split([' ', '(', '{']).next().unwrap_or_default().to_owned()
    }
}
