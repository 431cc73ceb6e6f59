//! What happened in an episode, as the oracle judges it: plain data, times counted from the episode's start. It is made from
//! what users did, what the API server showed, what the proxies passed on, and the simulator's journal.

mod leads;

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

pub(crate) use self::leads::Lead;

use crate::credential::Content;

/// Time since the episode began.
pub(crate) type Time = Duration;

/// Namespace and name.
pub(crate) type Key = (String, String);

/// The name of a tenant in the simulator, and a remote name.
pub(crate) type Remote = (String, String);

/// All of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    pub(crate) specs: Vec<SpecVersion>,
    pub(crate) removals: Vec<Removal>,
    pub(crate) sources: Vec<SourceVersion>,
    pub(crate) keys: Vec<KeyVersion>,
    pub(crate) tenants: Vec<TenantVersion>,
    /// Whether the operator looks after `AICoreTenant`s.
    pub(crate) served: bool,
    /// Of resources, and of `AICoreTenant`s, which are in no namespace.
    pub(crate) states: Vec<State>,
    pub(crate) requests: Vec<Request>,
    pub(crate) lives: Vec<Life>,
    pub(crate) heard: Vec<Heard>,
    /// When which replica asked the API server to change a resource or an `AICoreTenant`.
    pub(crate) patches: Vec<(usize, Time)>,
    pub(crate) events: Vec<Event>,
    /// What AI Core holds at the end: the content as it was stored.
    pub(crate) remotes: BTreeMap<Remote, String>,
    /// Texts that people can see, with their place.
    pub(crate) visible: Vec<(String, String)>,
    /// Requests to one tenant: a second, and at once.
    pub(crate) rate: (u32, u32),
    /// When the connections to AI Core were disturbed below HTTP, so that answers may have been lost.
    pub(crate) cuts: Vec<Time>,
    /// The namespace that was deleted.
    pub(crate) ended: Option<String>,
    /// What the clock said at the beginning.
    pub(crate) began: jiff::Timestamp,
    /// When a replica's wall clock was set last, if ever: what was written before may be wrong about times.
    pub(crate) clock_set: Time,
    /// Spans in which nothing happened but that lives of credentials were told, and turned.
    pub(crate) calm: Vec<(Time, Time)>,
    pub(crate) end: Time,
}

/// A version of a resource as its user left it; the status plays no part.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SpecVersion {
    pub(crate) key: Key,
    pub(crate) uid: String,
    /// `metadata.creationTimestamp`, which sorts as text.
    pub(crate) created: String,
    pub(crate) version: u64,
    pub(crate) generation: i64,
    /// When the user began to write it, and when the API server had confirmed it.
    pub(crate) from: Time,
    pub(crate) to: Time,
    pub(crate) spec: Spec,
}

/// As far as the contract looks at it.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the spec, or whether it is there")]
pub(crate) struct Spec {
    pub(crate) source: String,
    pub(crate) service_key: KeyRef,
    /// Effective.
    pub(crate) remote: String,
    pub(crate) delete: bool,
    pub(crate) suspend: bool,
    /// The annotation `abandon-remote`.
    pub(crate) abandon: bool,
    /// `creationPolicy: Never`.
    pub(crate) never: bool,
    /// Whether it is sent again and again.
    pub(crate) resync: bool,
}

/// What a resource names as its service key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyRef {
    /// A Secret of its namespace.
    Own(String),
    /// An `AICoreTenant`.
    Shared(String),
}

/// An `AICoreTenant` from then on; without terms it is gone.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TenantVersion {
    pub(crate) name: String,
    pub(crate) uid: String,
    /// 0 when it is gone.
    pub(crate) version: u64,
    pub(crate) generation: i64,
    pub(crate) from: Time,
    pub(crate) to: Time,
    pub(crate) terms: Option<Terms>,
}

/// What an `AICoreTenant` says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Terms {
    pub(crate) secret: Key,
    pub(crate) namespaces: Vec<String>,
    /// `None`: all.
    pub(crate) names: Option<Vec<String>>,
}

/// A user deleted a resource.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Removal {
    pub(crate) uid: String,
    pub(crate) from: Time,
    pub(crate) to: Time,
    /// Of the terminating object; 0 when it went at once.
    pub(crate) version: u64,
}

/// A source Secret from then on; without content it is gone.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SourceVersion {
    pub(crate) key: Key,
    pub(crate) version: String,
    pub(crate) from: Time,
    pub(crate) to: Time,
    pub(crate) content: Option<Content>,
    /// What it says of when its credential ends.
    pub(crate) says: Vec<Said>,
}

/// A text that tells when a credential ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// In the operator's own annotation, which counts for more than all others.
    pub(crate) own: bool,
    pub(crate) text: String,
}

/// The Secret with a service key from then on; without a tenant it is gone.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct KeyVersion {
    pub(crate) key: Key,
    pub(crate) from: Time,
    pub(crate) to: Time,
    /// The tenant that it leads to, and whether its client secret was ever one of it.
    pub(crate) tenant: Option<(String, bool)>,
    /// It is there, and holds no service key.
    pub(crate) broken: bool,
    /// Between which seconds since 1970 its certificate ends.
    pub(crate) ends: Option<(i64, i64)>,
}

/// A state of a resource or an `AICoreTenant` that a watch showed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct State {
    pub(crate) key: Key,
    pub(crate) uid: String,
    pub(crate) version: u64,
    pub(crate) generation: i64,
    pub(crate) seen: Time,
    pub(crate) terminating: bool,
    /// Whether it holds the operator's finalizer.
    pub(crate) finalizer: bool,
    /// As JSON.
    pub(crate) status: Value,
    /// The object was deleted; this is its last state.
    pub(crate) gone: bool,
}

/// What was asked of AI Core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    Token,
    Get,
    List,
    Quota,
    Create,
    Patch,
    Delete,
    Other,
}

/// A request to AI Core.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Request {
    /// Process id of the client, where it could be told.
    pub(crate) pid: Option<u32>,
    pub(crate) operation: Operation,
    /// The tenant that was meant, and the remote name; empty where there is none.
    pub(crate) remote: Remote,
    /// Of a write: what was sent; `Err` holds nothing: it is nothing that a user wrote.
    pub(crate) content: Option<Result<Content, ()>>,
    pub(crate) received: Time,
    pub(crate) answered: Time,
    /// When it changed what AI Core holds.
    pub(crate) applied: Option<Time>,
    pub(crate) status: Option<u16>,
    /// The answer was spoilt, or late.
    pub(crate) spoilt: bool,
    /// It changed what AI Core holds only when its client had been let go: another write may have come before.
    pub(crate) late: bool,
}

/// A process of the operator.
#[derive(Clone, Debug, PartialEq, Default)]
pub(crate) struct Life {
    pub(crate) replica: usize,
    pub(crate) pid: u32,
    pub(crate) started: Time,
    pub(crate) ended: Option<Time>,
    /// The exit code of a process that ended by itself, or on SIGTERM; `None` when it was killed or lives.
    pub(crate) code: Option<i32>,
    /// Whether it was asked to end.
    pub(crate) told: bool,
    /// When it was stopped and went on.
    pub(crate) frozen: Vec<(Time, Time)>,
    /// When it began to work: by its own log; with leader election, to lead.
    pub(crate) working: Option<Time>,
    /// Answers of `/livez`: when it was asked, and the status; 0 for no answer.
    pub(crate) livez: Vec<(Time, u16)>,
    /// Memory in KiB and open files.
    pub(crate) sizes: Vec<(Time, u64, u64)>,
    /// Series of the last scrape: name with labels, value. Empty for one that could not be asked at the end.
    pub(crate) metrics: BTreeMap<String, f64>,
    pub(crate) scraped: Time,
}

/// What a process was told of a resource or an `AICoreTenant` by a watch or list.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Heard {
    pub(crate) replica: usize,
    pub(crate) uid: String,
    pub(crate) version: u64,
    pub(crate) gone: bool,
    pub(crate) at: Time,
}

/// An event about a resource.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) uid: String,
    pub(crate) reason: String,
    pub(crate) warning: bool,
}

impl Request {
    /// Whether it asks to change something.
    pub(crate) fn writes(&self) -> bool {
        matches!(self.operation, Operation::Create | Operation::Patch | Operation::Delete)
    }
}

impl Record {
    /// The requests that send a credential.
    pub(crate) fn pushes(&self) -> impl Iterator<Item = &Request> {
        let pushes = |request: &&Request| matches!(request.operation, Operation::Create | Operation::Patch);
        self.requests.iter().filter(pushes)
    }

    /// The writes that changed something, in the order in which they did.
    pub(crate) fn applied(&self) -> Vec<&Request> {
        let mut applied: Vec<&Request> =
            self.requests.iter().filter(|request| request.applied.is_some()).collect();
        applied.sort_by_key(|request| request.applied);
        applied
    }

    /// The versions of one object, oldest first.
    pub(crate) fn versions_of<'a>(
        &'a self,
        uid: &'a str,
    ) -> impl DoubleEndedIterator<Item = &'a SpecVersion> + Clone {
        self.specs.iter().filter(move |version| version.uid == uid)
    }

    /// The last version of each object.
    pub(crate) fn objects(&self) -> BTreeMap<&str, &SpecVersion> {
        self.specs.iter().map(|version| (&*version.uid, version)).collect()
    }

    /// The last version of each object that its user has not deleted.
    pub(crate) fn living(&self) -> Vec<&SpecVersion> {
        let removed = |uid: &str| self.removals.iter().any(|removal| removal.uid == uid);
        self.objects().into_values().filter(|version| !removed(&version.uid)).collect()
    }

    /// The last state that was seen of an object.
    pub(crate) fn last_state(&self, uid: &str) -> Option<&State> {
        self.states.iter().filter(|state| state.uid == uid).max_by_key(|state| state.version)
    }

    /// What a source Secret holds at the end, and in which versions it held the same.
    pub(crate) fn source_now(&self, key: &Key) -> Option<(&Content, Vec<&str>)> {
        let versions = self.sources.iter().filter(|version| version.key == *key);
        let content = versions.clone().next_back()?.content.as_ref()?;
        let same = versions.filter(|version| version.content.as_ref() == Some(content));
        Some((content, same.map(|version| &*version.version).collect()))
    }

    /// The objects whose credential a write holds: any that ever named this Secret and this remote name.
    pub(crate) fn senders(&self, request: &Request) -> Vec<&SpecVersion> {
        let Some(Ok(content)) = &request.content else { return Vec::new() };
        let names = |version: &&SpecVersion| {
            version.key.0 == content.namespace
                && version.spec.source == content.secret
                && version.spec.remote == request.remote.1
                && version.from <= request.received
        };
        self.specs.iter().filter(names).collect()
    }
}

impl Record {
    /// Everything that processes asked to change, in AI Core and of resources: who, and when. A request whose process could not be told
    /// is left out.
    pub(crate) fn changes(&self) -> Vec<(u32, Time)> {
        let writes = self.requests.iter().filter(|request| request.writes());
        let in_ai_core = writes.filter_map(|write| Some((write.pid?, write.received)));
        let of_resources = self.patches.iter().filter_map(|(replica, at)| {
            let own = self.lives.iter().filter(|life| life.replica == *replica);
            Some((own.rev().find(|life| life.started <= *at)?.pid, *at))
        });
        in_ai_core.chain(of_resources).collect()
    }
}

impl Life {
    /// Whether the process could work at this time and had been able to for so long.
    pub(crate) fn awake(&self, at: Time, since: Duration) -> bool {
        let from = at.saturating_sub(since);
        self.started + since <= at
            && self.ended.is_none_or(|ended| at < ended)
            && !self.frozen.iter().any(|(stop, go)| *stop <= at && from <= *go)
    }
}

/// A condition in a status as JSON.
pub(crate) fn condition<'a>(status: &'a Value, type_: &str) -> Option<&'a Value> {
    status["conditions"].as_array()?.iter().find(|condition| condition["type"] == type_)
}

/// Status and reason of a condition; empty when it is absent.
pub(crate) fn said<'a>(status: &'a Value, type_: &str) -> (&'a str, &'a str) {
    let condition = condition(status, type_);
    let text = |name: &str| condition.and_then(|condition| condition[name].as_str()).unwrap_or_default();
    (text("status"), text("reason"))
}

impl State {
    /// Whether the status shows that a push was accepted there.
    pub(crate) fn shows_push(&self, remote: &Remote) -> bool {
        self.pushed().is_some_and(|pushed| pushed == *remote)
    }

    /// Where the status says that a push was accepted last.
    pub(crate) fn pushed(&self) -> Option<Remote> {
        self.status["lastSyncTime"].as_str()?;
        // Each tenant has an authorization server of its own.
        let (_, tenant) = self.status["authorizationServer"].as_str()?.rsplit_once("/uaa/")?;
        Some((tenant.to_owned(), self.status["remoteName"].as_str()?.to_owned()))
    }
}
