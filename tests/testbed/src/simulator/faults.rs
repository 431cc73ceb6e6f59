//! Which request meets which fault.

use std::sync::{Arc, Mutex, MutexGuard, Weak};

use super::{fault::Fault, route::Operation};

/// Which requests a fault is for. The default matches all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matcher {
    /// Only this operation.
    pub op: Option<Operation>,
    /// Only the secret of this name, by path or by the body of a POST.
    pub name: Option<String>,
    /// Only requests for a token by this OAuth client.
    pub client: Option<String>,
}

impl Matcher {
    /// Every request of the tenant, those for tokens included.
    #[must_use]
    pub fn any() -> Self {
        Self::default()
    }

    /// Requests for one operation.
    #[must_use]
    pub fn op(op: Operation) -> Self {
        Self { op: Some(op), ..Self::default() }
    }

    /// Requests for one secret.
    #[must_use]
    pub fn name(name: impl Into<String>) -> Self {
        Self::default().named(name)
    }

    /// Requests for a token by one OAuth client, whether the tenant knows it or not.
    #[must_use]
    pub fn client(id: impl Into<String>) -> Self {
        Self { client: Some(id.into()), ..Self::op(Operation::Token) }
    }

    /// The same, for one secret.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    fn matches(&self, operation: Operation, name: Option<&str>, client: Option<&str>) -> bool {
        self.op.is_none_or(|op| op == operation)
            && (self.name.is_none() || self.name.as_deref() == name)
            && (self.client.is_none() || self.client.as_deref() == client)
    }
}

impl From<Operation> for Matcher {
    fn from(op: Operation) -> Self {
        Self::op(op)
    }
}

/// The faults that wait for a tenant's requests. Requests without a valid token are refused before they meet one.
#[derive(Default)]
pub struct Faults(Arc<Mutex<Vec<Rule>>>);

/// A fault that all requests meet that match, until this is dropped.
#[must_use]
#[derive(Debug)]
pub struct Lasting {
    rules: Weak<Mutex<Vec<Rule>>>,
    mark: Arc<()>,
}

impl Drop for Lasting {
    fn drop(&mut self) {
        if let Some(rules) = self.rules.upgrade() {
            let is_own = |rule: &Rule| rule.mark.as_ref().is_some_and(|mark| Arc::ptr_eq(mark, &self.mark));
            rules.lock().expect("no holder panics").retain(|rule| !is_own(rule));
        }
    }
}

#[derive(Debug)]
struct Rule {
    matcher: Matcher,
    fault: Fault,
    /// For how many more requests; `None` for all.
    remaining: Option<usize>,
    /// Whose it is, of one that lasts.
    mark: Option<Arc<()>>,
}

impl Faults {
    /// The next `count` requests that match meet `fault`. Where several rules match, the oldest is used first.
    pub fn next(&self, count: usize, matcher: impl Into<Matcher>, fault: Fault) {
        self.add(matcher.into(), fault, Some(count));
    }

    /// All requests that match meet `fault`.
    pub fn always(&self, matcher: impl Into<Matcher>, fault: Fault) {
        self.add(matcher.into(), fault, None);
    }

    /// All requests that match meet `fault` for as long as the answer is kept. Older rules come first.
    pub fn lasting(&self, matcher: impl Into<Matcher>, fault: Fault) -> Lasting {
        let mark = Arc::new(());
        let rule = Rule { matcher: matcher.into(), fault, remaining: None, mark: Some(Arc::clone(&mark)) };
        self.lock().push(rule);
        Lasting { rules: Arc::downgrade(&self.0), mark }
    }

    /// From now on there are no faults; requests that have met one are not let go.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// For how many requests, told with [`Faults::next`], faults still wait.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.lock().iter().filter_map(|rule| rule.remaining).sum()
    }

    /// The fault for a request. `client` asks for a token.
    pub(super) fn take(
        &self,
        operation: Operation,
        name: Option<&str>,
        client: Option<&str>,
    ) -> Option<Fault> {
        let mut rules = self.lock();
        let rule = rules
            .iter_mut()
            .find(|rule| rule.remaining != Some(0) && rule.matcher.matches(operation, name, client))?;
        rule.remaining = rule.remaining.map(|remaining| remaining - 1);
        let fault = rule.fault.clone();
        rules.retain(|rule| rule.remaining != Some(0));
        Some(fault)
    }

    fn add(&self, matcher: Matcher, fault: Fault, remaining: Option<usize>) {
        self.lock().push(Rule { matcher, fault, remaining, mark: None });
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Rule>> {
        self.0.lock().expect("no holder panics")
    }
}
