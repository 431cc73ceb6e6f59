//! What a proxy knows: its rules, what it has seen, and what is under way.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use http::StatusCode;
use tokio::{sync::watch, time::Instant};

use super::{action::Action, request::Request};

/// A request that came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// What it asked for.
    pub request: Request,
    /// When it came.
    pub at: Instant,
    /// The answer's status, when one has begun.
    pub status: Option<StatusCode>,
    /// Bytes of the answer's body that were passed on so far.
    pub bytes: usize,
    /// Whether the answer was passed on to its end.
    pub complete: bool,
}

/// How an answer that is under way goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Passing,
    Silent,
    Cut,
}

type Which = Box<dyn Fn(&Request) -> bool + Send + Sync>;

struct Rule {
    which: Which,
    action: Action,
    /// For how many more requests; `None` for all.
    remaining: Option<usize>,
}

pub(super) struct State {
    pub(super) upstream: kube::Client,
    rules: Mutex<Vec<Rule>>,
    seen: Mutex<Vec<(Seen, watch::Sender<Flow>)>>,
    changed: watch::Sender<()>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("seen", &self.lock().len()).finish_non_exhaustive()
    }
}

/// One request that is under way.
pub(super) struct Trace {
    state: Arc<State>,
    index: usize,
    pub(super) flow: watch::Receiver<Flow>,
}

impl State {
    pub(super) fn new(upstream: kube::Client) -> Self {
        Self { upstream, rules: Mutex::default(), seen: Mutex::default(), changed: watch::Sender::new(()) }
    }

    pub(super) fn add(
        &self,
        which: impl Fn(&Request) -> bool + Send + Sync + 'static,
        action: Action,
        remaining: Option<usize>,
    ) {
        let rule = Rule { which: Box::new(which), action, remaining };
        self.rules.lock().expect("no holder panics").push(rule);
    }

    pub(super) fn clear(&self) {
        self.rules.lock().expect("no holder panics").clear();
    }

    /// Notes a request, and says what it meets.
    pub(super) fn begin(self: &Arc<Self>, request: Request) -> (Trace, Action) {
        let action = self.take(&request);
        let (sender, flow) = watch::channel(Flow::Passing);
        let mut seen = self.lock();
        seen.push((Seen { request, at: Instant::now(), status: None, bytes: 0, complete: false }, sender));
        let index = seen.len() - 1;
        drop(seen);
        self.changed.send_replace(());
        (Trace { state: Arc::clone(self), index, flow }, action)
    }

    fn take(&self, request: &Request) -> Action {
        let mut rules = self.rules.lock().expect("no holder panics");
        let rule = rules.iter_mut().find(|rule| rule.remaining != Some(0) && (rule.which)(request));
        let Some(rule) = rule else { return Action::pass() };
        rule.remaining = rule.remaining.map(|remaining| remaining - 1);
        rule.action.clone()
    }

    pub(super) fn cut(&self, which: impl Fn(&Request) -> bool) {
        self.set(which, Flow::Cut);
    }

    pub(super) fn silence(&self, which: impl Fn(&Request) -> bool) {
        self.set(which, Flow::Silent);
    }

    fn set(&self, which: impl Fn(&Request) -> bool, flow: Flow) {
        for (seen, sender) in self.lock().iter() {
            if !seen.complete && which(&seen.request) {
                sender.send_replace(flow);
            }
        }
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.lock().iter().map(|(seen, _)| seen.clone()).collect()
    }

    pub(super) fn changed(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Seen, watch::Sender<Flow>)>> {
        self.seen.lock().expect("no holder panics")
    }
}

impl Trace {
    pub(super) fn note(&self, note: impl FnOnce(&mut Seen)) {
        note(&mut self.state.lock()[self.index].0);
        self.state.changed.send_replace(());
    }
}
