//! Resources that were refused: where each stands, and for how long it has asked in vain.

use std::{collections::HashMap, sync::Arc, time::Duration};

use super::{
    SharedLimit,
    entrance::{Access, Crowd},
    lane::Lane,
};
use crate::{controller::queue::line::Ticket, domain::parse::object::ObjectKey};

/// Where a resource stands.
#[derive(Clone, Debug, Default)]
pub(super) enum Position<L> {
    #[default]
    Nowhere,
    /// In the line.
    Waits(L, Ticket),
    /// Through the line of its lane, in that of an entrance.
    AtEntrance(L, Crowd, Ticket),
    /// It was woken for a place, and has not asked for it yet.
    Promised {
        limit: L,
        /// By which way it has come: a place at an entrance is kept too.
        access: Access,
    },
}

impl<L> Position<L> {
    pub(super) fn limit(&self) -> Option<&L> {
        match self {
            Self::Nowhere => None,
            Self::Waits(limit, _) | Self::AtEntrance(limit, ..) | Self::Promised { limit, .. } => Some(limit),
        }
    }
}

/// One resource that was refused.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) lane: Position<Arc<Lane>>,
    pub(super) shared: Position<SharedLimit>,
    /// Since when it has asked in vain.
    since: Option<Duration>,
    /// When what there was to say of its wait was said.
    told: Option<Duration>,
    /// The service key for which it waits for another pass to read it, and since when. Once is enough for each.
    awaits_service_key: Option<(SharedLimit, Duration)>,
    /// Whether it was refused in the pass that is under way.
    refused: bool,
}

impl Waiting {
    /// It leaves the line of those who wait for a service key, before that was read.
    pub(super) fn leaves_service_key(&mut self) {
        self.awaits_service_key = None;
    }
}

/// What the end of a pass means to its resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// It waits on where it stands, or has not waited.
    Stays,
    /// It leaves its positions, and will ask again.
    Leaves,
    /// It wants nothing any more.
    Goes,
}

/// All of them, until they are admitted, want nothing any more, or go.
#[derive(Debug, Default)]
pub(super) struct Waiters(HashMap<ObjectKey, Waiting>);

impl Waiters {
    pub(super) fn get(&self, who: &ObjectKey) -> Option<&Waiting> {
        self.0.get(who)
    }

    pub(super) fn get_mut(&mut self, who: &ObjectKey) -> Option<&mut Waiting> {
        self.0.get_mut(who)
    }

    pub(super) fn of(&mut self, who: &ObjectKey) -> &mut Waiting {
        self.0.entry(who.clone()).or_default()
    }

    pub(super) fn remove(&mut self, who: &ObjectKey) {
        self.0.remove(who);
    }

    /// Takes the place in a lane that is kept for it. Returns by which way it has come to it.
    pub(super) fn take_promised(&mut self, who: &ObjectKey) -> Option<Access> {
        let waiting = self.0.get_mut(who)?;
        let Position::Promised { access, .. } = waiting.lane else { return None };
        waiting.lane = Position::Nowhere;
        if waiting.since.is_none() && waiting.shared.limit().is_none() {
            // It has not been refused before: nothing is to be remembered.
            self.0.remove(who);
        }
        Some(access)
    }

    /// It is refused now. Returns for how long it has asked in vain.
    pub(super) fn refused(&mut self, who: &ObjectKey, now: Duration) -> Duration {
        let waiting = self.of(who);
        waiting.refused = true;
        now.saturating_sub(*waiting.since.get_or_insert(now))
    }

    /// It goes on, whatever it was refused before in this pass.
    pub(super) fn goes_on(&mut self, who: &ObjectKey) {
        if let Some(waiting) = self.0.get_mut(who) {
            waiting.refused = false;
        }
    }

    /// What there is to say of its wait is said.
    pub(super) fn tell(&mut self, who: &ObjectKey, now: Duration) {
        if let Some(waiting) = self.0.get_mut(who) {
            waiting.told = Some(now);
        }
    }

    /// What it is about has changed at that time: what was said before may be wrong.
    pub(super) fn changed(&mut self, who: &ObjectKey, at: Duration) {
        if let Some(waiting) = self.0.get_mut(who) {
            waiting.told = waiting.told.filter(|told| *told >= at);
        }
    }

    /// Whether all that there is to say of its wait was said.
    pub(super) fn is_told(&self, who: &ObjectKey) -> bool {
        self.0.get(who).is_some_and(|waiting| waiting.told.is_some())
    }

    /// It was refused a place to hold its payload, which is large, or one is kept for it.
    pub(super) fn awaits_large_payload(&self, who: &ObjectKey) -> bool {
        let limit = self.0.get(who).and_then(|waiting| waiting.shared.limit());
        matches!(limit, Some(SharedLimit::LargePayload(_)))
    }

    /// From `now` on it waits for another pass to read this service key, unless it does already.
    pub(super) fn awaits_service_key(&mut self, limit: &SharedLimit, who: &ObjectKey, now: Duration) {
        let waiting = self.of(who);
        if waiting.awaits_service_key.as_ref().is_none_or(|(awaited, _)| awaited != limit) {
            waiting.awaits_service_key = Some((limit.clone(), now));
        }
    }

    /// Whether it has waited for another pass to read this service key, which has been done, or takes longer than `patience`. For what
    /// is read after this, it waits anew.
    pub(super) fn has_awaited(
        &mut self,
        limit: &SharedLimit,
        who: &ObjectKey,
        patience: Duration,
        now: Duration,
    ) -> bool {
        let Some(waiting) = self.0.get_mut(who) else { return false };
        let stands_in_line = matches!(&waiting.shared, Position::Waits(at, _) if at == limit);
        let ended = waiting.awaits_service_key.take_if(|(awaited, since)| {
            awaited == limit && (!stands_in_line || now.saturating_sub(*since) >= patience)
        });
        ended.is_some()
    }

    /// Its pass has ended, or was cut short (`concluded` is false).
    pub(super) fn pass_ended(&mut self, who: &ObjectKey, concluded: bool) -> After {
        match self.0.get_mut(who) {
            None => After::Stays,
            Some(waiting) if waiting.refused => {
                waiting.refused = false;
                After::Stays
            }
            Some(_) if concluded => After::Goes,
            Some(waiting) => {
                waiting.told = None;
                After::Leaves
            }
        }
    }

    /// The namespaces of those who stand in line for it.
    #[cfg(test)]
    pub(super) fn of_namespaces(&self, limit: &SharedLimit) -> Vec<Arc<str>> {
        let waits = self
            .0
            .iter()
            .filter(|(_, waiting)| matches!(&waiting.shared, Position::Waits(at, _) if at == limit));
        waits.map(|(who, _)| Arc::clone(&who.namespace)).collect()
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &Waiting> {
        self.0.values()
    }
}
