//! The finalizer, set or taken off, and what comes of that.

use std::sync::Arc;

use super::{
    pass::{Begun, Facts},
    replica::{AtWork, News},
    world::{Reply, Who},
};
use crate::domain::decide::{
    backoff::FIRST_DELAY,
    pass_outcome::PassOutcome,
    plan::{FinalizerStep, Plan},
    report::Outcome,
};

impl AtWork<'_> {
    /// Returns whether it is so now; `None`: that is not known, or there is no such resource.
    pub(super) fn set_finalizer(
        &mut self,
        who: Who,
        begun: &Begun,
        present: bool,
        reply: Reply,
    ) -> Option<bool> {
        if reply == Reply::Refused {
            return None;
        }
        let current =
            self.world.objects[who].as_ref().filter(|stored| stored.object.uid == begun.object.uid)?;
        if present && current.object.deleting {
            return Some(false);
        }
        let found_at = current.version();
        self.world.change(who, &begun.object.uid, |object| object.finalizer = present)?;
        self.replica.behind[who][News::Resource as usize] = true;
        if present && reply == Reply::Done {
            self.replica.index.is_found_at(&begun.object, found_at);
        }
        (reply == Reply::Done).then_some(true)
    }

    /// After a change of the finalizer that failed, or that nobody knows of.
    pub(super) fn without_finalizer(&mut self, who: Who, begun: &Begun, reply: Reply) {
        if reply == Reply::Done {
            self.end(who, begun, PassOutcome::Gone, None);
        } else {
            self.cut_short(who, begun);
        }
    }

    pub(super) fn finalizer(
        &mut self,
        who: Who,
        begun: Arc<Begun>,
        found: Arc<(Facts, Plan)>,
        reply: Reply,
    ) -> Result<(), String> {
        let add = found.1.finalizer == FinalizerStep::Add;
        match self.set_finalizer(who, &begun, add, reply) {
            None => {
                self.without_finalizer(who, &begun, reply);
                Ok(())
            }
            Some(false) => {
                self.report(who, begun, &found, Outcome::Postponed(FIRST_DELAY));
                Ok(())
            }
            Some(true) => self.act(who, begun, found),
        }
    }
}
