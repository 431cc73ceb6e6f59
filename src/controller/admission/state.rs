//! The bookkeeping of admission. Synchronous, and without a clock: each change is told the time, and adds whom to wake because
//! of it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use super::{
    PATIENCE, Places, Request, SharedLimit, entrance::Entrance, shared::Shared, tenant::TenantState,
};
use crate::{
    aicore::rate_limit::RateLimiter,
    controller::queue::{Priority, line::Ticket},
    domain::parse::{api_url::Tenant, object::ObjectKey},
};

/// Whom to wake.
pub(super) type Woken = Vec<(ObjectKey, Priority)>;

/// Tells one pass from another.
pub(super) type PassId = u64;

#[derive(Debug)]
pub(super) struct State {
    places: Places,
    /// Tenants with passes or waiters, and what is known of the others for as long as somebody holds their connection.
    pub(super) tenants: HashMap<Arc<Tenant>, TenantState>,
    /// How many tenants there may be before those are looked for that nobody holds.
    sweep_at: usize,
    pub(super) entrance: Entrance,
    pub(super) shared: Shared,
    /// Resources that were refused, until they are admitted, want nothing any more, or go.
    pub(super) waiting: HashMap<ObjectKey, Waiting>,
    pub(super) passes: BTreeMap<PassId, Pass>,
    next_pass: PassId,
    /// Passes that have asked and count, in the order in which their patience ends.
    unanswered: BTreeSet<(Duration, PassId)>,
    /// Passes that do not count among those that are handed out at a time.
    pub(super) aside: usize,
    /// When lines go on by themselves.
    alarms: BTreeSet<(Duration, Arc<Tenant>)>,
    /// Whom to wake.
    woken: Woken,
}

/// A pass that has a place in its tenant.
#[derive(Debug)]
pub(super) struct Pass {
    pub(super) tenant: Arc<Tenant>,
    who: ObjectKey,
    /// Since when it waits for an answer.
    asked_at: Option<Duration>,
    /// Whether it has come so far that it asks.
    has_asked: bool,
    /// Whether its turn in the rate has come.
    has_turn: bool,
    /// Whether it has one of the places of the unproven.
    pub(super) at_entrance: bool,
    pub(super) aside: bool,
}

/// One resource that was refused.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) tenant: Position<Arc<Tenant>>,
    pub(super) shared: Position<SharedLimit>,
    /// Since when it has asked in vain.
    since: Option<Duration>,
    /// Whether it went on without a place once, because the status has to say that it waits.
    told: bool,
    /// Whether it has waited for another pass to read the service key. Once is enough.
    awaited_service_key: bool,
    /// Whether it was refused in the pass that is under way.
    refused: bool,
}

/// Where a resource stands.
#[derive(Clone, Debug, Default)]
pub(super) enum Position<L> {
    #[default]
    Nowhere,
    /// In the line.
    Waits(L, Ticket),
    /// Through the line of its tenant, in that of the entrance.
    AtEntrance(L, Ticket),
    /// It was woken for a place, and has not asked for it yet.
    Promised {
        limit: L,
        /// Whether one of the places of the unproven is kept too.
        at_entrance: bool,
    },
}

impl<L> Position<L> {
    fn limit(&self) -> Option<&L> {
        match self {
            Self::Nowhere => None,
            Self::Waits(limit, _) | Self::AtEntrance(limit, _) | Self::Promised { limit, .. } => Some(limit),
        }
    }
}

impl State {
    pub(super) fn new(places: Places) -> Self {
        Self {
            places,
            tenants: HashMap::new(),
            sweep_at: 64,
            entrance: Entrance::new(places.unproven),
            shared: Shared::default(),
            waiting: HashMap::new(),
            passes: BTreeMap::new(),
            next_pass: 0,
            unanswered: BTreeSet::new(),
            aside: 0,
            alarms: BTreeSet::new(),
            woken: Woken::new(),
        }
    }

    /// Whom to wake because of what has changed.
    pub(super) fn take_woken(&mut self) -> Woken {
        std::mem::take(&mut self.woken)
    }

    /// Takes a place in the tenant; else stands in line, and tells how long it has waited in vain.
    pub(super) fn ask_tenant(
        &mut self,
        tenant: &Arc<Tenant>,
        request: Request<'_>,
        now: Duration,
    ) -> Result<PassId, Duration> {
        self.goes_on(request.who);
        let position = self.waiting.get(request.who).map(|waiting| &waiting.tenant);
        let stays = match position {
            Some(Position::Waits(at, ticket) | Position::AtEntrance(at, ticket)) => {
                at == tenant && ticket.priority >= request.priority
            }
            Some(Position::Promised { limit, .. }) => limit == tenant,
            Some(Position::Nowhere) | None => false,
        };
        if !stays {
            self.leave_tenant(request.who, now);
            let ticket = self.tenant(tenant).line.push(request.who, request.priority);
            self.waiting_of(request.who).tenant = Position::Waits(Arc::clone(tenant), ticket);
        }
        self.go_on(tenant, now);
        let waiting = self.waiting.entry(request.who.clone()).or_default();
        if let Position::Promised { limit, at_entrance } = &waiting.tenant {
            let (limit, at_entrance) = (Arc::clone(limit), *at_entrance);
            waiting.tenant = Position::Nowhere;
            if waiting.since.is_none() && waiting.shared.limit().is_none() {
                // It has not been refused before: nothing is to be remembered.
                self.waiting.remove(request.who);
            }
            self.woken.retain(|(who, _)| who != request.who);
            return Ok(self.passes_now(limit, request.who, at_entrance));
        }
        let waited = self.refused(request.who, now);
        // What is kept for it elsewhere is of no use to it before it has a place here.
        self.leave_shared(request.who);
        Err(waited)
    }

    fn passes_now(&mut self, tenant: Arc<Tenant>, who: &ObjectKey, at_entrance: bool) -> PassId {
        let id = self.next_pass;
        self.next_pass += 1;
        let aside = at_entrance && self.aside < self.places.aside;
        self.aside += usize::from(aside);
        let pass = Pass {
            tenant,
            who: who.clone(),
            asked_at: None,
            has_asked: false,
            has_turn: false,
            at_entrance,
            aside,
        };
        self.passes.insert(id, pass);
        id
    }

    /// From now on the pass waits for an answer.
    pub(super) fn asks(&mut self, id: PassId, now: Duration) {
        if let Some(pass) = self.passes.get_mut(&id) {
            pass.has_asked = true;
            if let Some(before) = pass.asked_at.replace(now) {
                self.unanswered.remove(&(before + PATIENCE, id));
            }
            self.unanswered.insert((now + PATIENCE, id));
        }
    }

    /// Takes a turn in the tenant's rate. Whoever gets it waits for nothing any more. Whoever does not is the next in its
    /// namespace, and tells how long it is until there is one.
    pub(super) fn turn(
        &mut self,
        id: PassId,
        rate: &Arc<RateLimiter>,
        priority: Priority,
        now: Duration,
    ) -> Result<(), Duration> {
        let Some(pass) = self.passes.get_mut(&id) else {
            return Ok(());
        };
        let (tenant, who) = (Arc::clone(&pass.tenant), pass.who.clone());
        let result = rate.take();
        let state = self.tenants.entry(Arc::clone(&tenant)).or_default();
        state.keep_to(rate);
        if result.is_ok() {
            pass.has_turn = true;
            state.before_turn = state.before_turn.saturating_sub(1);
            self.asks(id, now);
            self.remove(&who, now);
        } else {
            self.leave_tenant(&who, now);
            let ticket = self.tenant(&tenant).line.push_ahead(&who, priority);
            self.waiting_of(&who).tenant = Position::Waits(Arc::clone(&tenant), ticket);
            self.refused(&who, now);
        }
        self.go_on(&tenant, now);
        result
    }

    /// A server has answered the pass.
    pub(super) fn answered(&mut self, id: PassId, now: Duration) {
        let Some(pass) = self.passes.get_mut(&id) else {
            return;
        };
        let asked_at = pass.asked_at.take().unwrap_or(now);
        self.unanswered.remove(&(asked_at + PATIENCE, id));
        let (tenant, has_turn) = (Arc::clone(&pass.tenant), pass.has_turn);
        let most = self.places.tenant;
        let state = self.tenants.entry(Arc::clone(&tenant)).or_default();
        state.answered(now.saturating_sub(asked_at), has_turn, now, most);
        if state.is_proven() {
            self.counts_again(id);
            self.open_to(&tenant);
        } else if !pass.at_entrance {
            self.counts_again(id);
        }
        self.go_on(&tenant, now);
    }

    /// A server was asked by the pass, and has not answered.
    pub(super) fn unanswered(&mut self, id: PassId, now: Duration) {
        let Some(pass) = self.passes.get_mut(&id) else {
            return;
        };
        if let Some(asked_at) = pass.asked_at.take() {
            self.unanswered.remove(&(asked_at + PATIENCE, id));
        }
        let tenant = Arc::clone(&pass.tenant);
        self.tenants.entry(Arc::clone(&tenant)).or_default().was_silent();
        self.go_on(&tenant, now);
    }

    /// The pass has asked no server, and will not.
    pub(super) fn asked_nothing(&mut self, id: PassId) {
        if let Some(pass) = self.passes.get_mut(&id) {
            pass.has_asked = false;
            if let Some(asked_at) = pass.asked_at.take() {
                self.unanswered.remove(&(asked_at + PATIENCE, id));
            }
        }
    }

    /// The pass holds no place any more.
    pub(super) fn leaves(&mut self, id: PassId, now: Duration) {
        self.counts_again(id);
        let Some(pass) = self.passes.remove(&id) else {
            return;
        };
        if let Some(asked_at) = pass.asked_at {
            self.unanswered.remove(&(asked_at + PATIENCE, id));
        }
        let state = self.tenants.entry(Arc::clone(&pass.tenant)).or_default();
        state.in_flight = state.in_flight.saturating_sub(1);
        state.before_turn = state.before_turn.saturating_sub(usize::from(!pass.has_turn));
        match pass.asked_at {
            Some(asked_at) if pass.has_turn || now.saturating_sub(asked_at) >= PATIENCE => {
                state.was_silent();
                state.was_available(false, &pass.who, now);
            }
            _ if !pass.has_asked => state.unused(now),
            _ => {}
        }
        self.go_on(&pass.tenant, now);
    }

    /// An attempt ended.
    pub(super) fn was_available(
        &mut self,
        tenant: &Arc<Tenant>,
        who: &ObjectKey,
        available: bool,
        now: Duration,
    ) {
        self.tenant(tenant).was_available(available, who, now);
        self.go_on(tenant, now);
    }

    /// The status of a resource shows an accepted push.
    pub(super) fn vouch(&mut self, tenant: &Arc<Tenant>) {
        self.tenant(tenant).vouch();
    }

    /// Takes a place; else stands in line, and tells how long it has waited in vain.
    pub(super) fn ask_shared(
        &mut self,
        limit: &SharedLimit,
        request: Request<'_>,
        now: Duration,
    ) -> Result<(), Duration> {
        if matches!(limit, SharedLimit::ServiceKey(_)) {
            // Which tenant it is for is not known any more.
            self.leave_tenant(request.who, now);
        }
        if self.shared.take(limit) {
            self.goes_on(request.who);
            self.leave_shared(request.who);
            return Ok(());
        }
        let stays = self
            .waiting
            .get(request.who)
            .is_some_and(|waiting| matches!(&waiting.shared, Position::Waits(at, _) if at == limit));
        if !stays {
            self.leave_shared(request.who);
            let ticket = self.shared.push(limit, request.who, request.priority);
            self.waiting_of(request.who).shared = Position::Waits(limit.clone(), ticket);
        }
        if matches!(limit, SharedLimit::ServiceKey(_)) {
            self.waiting_of(request.who).awaited_service_key = true;
        }
        Err(self.refused(request.who, now))
    }

    pub(super) fn give_back(&mut self, limit: &SharedLimit) {
        self.shared.give_back(limit);
        self.promise_shared(limit);
    }

    pub(super) fn has_awaited_service_key(&self, who: &ObjectKey) -> bool {
        self.waiting.get(who).is_some_and(|waiting| waiting.awaited_service_key)
    }

    /// Lets one that was refused go on without a place, once.
    pub(super) fn tell(&mut self, who: &ObjectKey) -> bool {
        let Some(waiting) = self.waiting.get_mut(who).filter(|waiting| !waiting.told) else {
            return false;
        };
        waiting.told = true;
        waiting.refused = false;
        true
    }

    /// It goes on, whatever it was refused before in this pass.
    fn goes_on(&mut self, who: &ObjectKey) {
        if let Some(waiting) = self.waiting.get_mut(who) {
            waiting.refused = false;
        }
    }

    fn refused(&mut self, who: &ObjectKey, now: Duration) -> Duration {
        let waiting = self.waiting_of(who);
        waiting.refused = true;
        now.saturating_sub(*waiting.since.get_or_insert(now))
    }

    pub(super) fn pass_ended(&mut self, who: &ObjectKey, concluded: bool, now: Duration) {
        match self.waiting.get_mut(who) {
            None => {}
            Some(waiting) if waiting.refused => waiting.refused = false,
            Some(_) if concluded => self.remove(who, now),
            Some(waiting) => {
                waiting.told = false;
                self.leave_tenant(who, now);
                self.leave_shared(who);
            }
        }
    }

    pub(super) fn remove(&mut self, who: &ObjectKey, now: Duration) {
        self.leave_tenant(who, now);
        self.leave_shared(who);
        self.waiting.remove(who);
    }

    fn waiting_of(&mut self, who: &ObjectKey) -> &mut Waiting {
        self.waiting.entry(who.clone()).or_default()
    }

    /// What is known of the tenant. Makes room first: what is known of those that nobody waits for or holds a connection to.
    fn tenant(&mut self, tenant: &Arc<Tenant>) -> &mut TenantState {
        if self.tenants.len() >= self.sweep_at && !self.tenants.contains_key(tenant) {
            self.tenants.retain(|tenant, state| !state.is_idle() || Arc::strong_count(tenant) > 1);
            self.sweep_at = (2 * self.tenants.len()).max(64);
        }
        self.tenants.entry(Arc::clone(tenant)).or_default()
    }

    /// Leaves its position. What was kept for it goes to the next.
    fn leave_tenant(&mut self, who: &ObjectKey, now: Duration) {
        let Some(waiting) = self.waiting.get_mut(who) else {
            return;
        };
        let position = std::mem::take(&mut waiting.tenant);
        let Some(tenant) = position.limit().map(Arc::clone) else {
            return;
        };
        let state = self.tenants.entry(Arc::clone(&tenant)).or_default();
        match position {
            Position::Nowhere => {}
            Position::Waits(_, ticket) => state.line.remove(who, ticket),
            Position::AtEntrance(_, ticket) => {
                state.at_entrance.retain(|other| other != who);
                state.unused(now);
                self.entrance.remove(who, ticket);
            }
            Position::Promised { at_entrance, .. } => {
                state.in_flight = state.in_flight.saturating_sub(1);
                state.before_turn = state.before_turn.saturating_sub(1);
                state.unused(now);
                if at_entrance {
                    self.entrance.give_back(&who.namespace);
                }
            }
        }
        self.go_on(&tenant, now);
    }

    fn leave_shared(&mut self, who: &ObjectKey) {
        let Some(waiting) = self.waiting.get_mut(who) else {
            return;
        };
        let position = std::mem::take(&mut waiting.shared);
        let Some(limit) = position.limit().cloned() else {
            return;
        };
        match position {
            Position::Waits(_, ticket) => self.shared.remove(&limit, who, ticket),
            Position::Promised { .. } => self.shared.unpromise(&limit),
            Position::Nowhere | Position::AtEntrance(..) => {}
        }
        self.promise_shared(&limit);
    }

    fn promise_shared(&mut self, limit: &SharedLimit) {
        for (who, priority) in self.shared.next(limit) {
            if let Some(waiting) = self.waiting.get_mut(&who) {
                waiting.shared = if limit.keeps_places() {
                    Position::Promised { limit: limit.clone(), at_entrance: false }
                } else {
                    Position::Nowhere
                };
            }
            self.woken.push((who, priority));
        }
    }

    /// The pass counts among those that are handed out at a time, and has no place of the unproven.
    fn counts_again(&mut self, id: PassId) {
        let Some(pass) = self.passes.get_mut(&id) else {
            return;
        };
        self.aside -= usize::from(std::mem::take(&mut pass.aside));
        if std::mem::take(&mut pass.at_entrance) {
            let namespace = Arc::clone(&pass.who.namespace);
            self.entrance.give_back(&namespace);
        }
    }

    /// Promises a place to those who stand at the entrance for a tenant that is proven now.
    fn open_to(&mut self, tenant: &Arc<Tenant>) {
        let Some(state) = self.tenants.get_mut(tenant) else {
            return;
        };
        for who in std::mem::take(&mut state.at_entrance) {
            if let Some(waiting) = self.waiting.get_mut(&who)
                && let Position::AtEntrance(_, ticket) = waiting.tenant
            {
                self.entrance.remove(&who, ticket);
                waiting.tenant = Position::Promised { limit: Arc::clone(tenant), at_entrance: false };
                state.in_flight += 1;
                state.before_turn += 1;
                self.woken.push((who, ticket.priority));
            }
        }
    }

    /// Lets in whom the tenant admits, and whom the entrance does.
    fn go_on(&mut self, tenant: &Arc<Tenant>, now: Duration) {
        if let Some(state) = self.tenants.get_mut(tenant) {
            while state.admits(now, self.places.tenant)
                && let Some((who, priority)) = state.line.pop(|_| true)
            {
                state.let_in(now);
                let Some(waiting) = self.waiting.get_mut(&who) else {
                    continue;
                };
                if state.is_proven() {
                    waiting.tenant = Position::Promised { limit: Arc::clone(tenant), at_entrance: false };
                    state.in_flight += 1;
                    state.before_turn += 1;
                    self.woken.push((who, priority));
                } else {
                    let ticket = self.entrance.push(&who, priority);
                    waiting.tenant = Position::AtEntrance(Arc::clone(tenant), ticket);
                    state.at_entrance.push(who);
                }
            }
            let alarm = state.goes_on_at(now);
            if alarm != state.alarm {
                if let Some(before) = std::mem::replace(&mut state.alarm, alarm) {
                    self.alarms.remove(&(before, Arc::clone(tenant)));
                }
                self.alarms.extend(alarm.map(|at| (at, Arc::clone(tenant))));
            }
        }
        self.open_entrance();
    }

    fn open_entrance(&mut self) {
        while let Some((who, priority)) = self.entrance.let_in() {
            let Some(waiting) = self.waiting.get_mut(&who) else {
                continue;
            };
            if let Position::AtEntrance(tenant, _) = &waiting.tenant {
                let tenant = Arc::clone(tenant);
                if let Some(state) = self.tenants.get_mut(&tenant) {
                    state.at_entrance.retain(|other| *other != who);
                    state.in_flight += 1;
                    state.before_turn += 1;
                }
                waiting.tenant = Position::Promised { limit: tenant, at_entrance: true };
                self.woken.push((who, priority));
            }
        }
    }

    /// When there is something to do although nothing changes.
    pub(super) fn next_event(&self) -> Option<Duration> {
        let patience = self.unanswered.first().filter(|_| self.aside < self.places.aside).map(|(at, _)| *at);
        let alarm = self.alarms.first().map(|(at, _)| *at);
        patience.into_iter().chain(alarm).min()
    }

    /// Does what is to be done by that time.
    pub(super) fn time_is(&mut self, now: Duration) {
        while let Some((at, id)) = self.unanswered.first().copied()
            && at <= now
            && self.aside < self.places.aside
        {
            self.unanswered.remove(&(at, id));
            if let Some(pass) = self.passes.get_mut(&id) {
                if !pass.aside {
                    pass.aside = true;
                    self.aside += 1;
                }
                if let Some(state) = self.tenants.get_mut(&pass.tenant) {
                    state.keeps_waiting();
                }
            }
        }
        while let Some((at, tenant)) = self.alarms.first().cloned()
            && at <= now
        {
            self.alarms.pop_first();
            if let Some(state) = self.tenants.get_mut(&tenant) {
                state.alarm = None;
            }
            self.go_on(&tenant, now);
        }
    }
}
