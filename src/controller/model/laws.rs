//! What has to hold: of each request when it is sent, and of the world when nothing is due any more.

use std::time::Duration;

use super::{
    operation::State,
    pass::{Begun, Facts, held},
    replica::{AtWork, purpose},
    world::{ALL, Content, Remote, Stored, Who, key_of, tenant_of},
};
use crate::{
    api::{
        DeletionPolicy,
        condition::{self, READY},
    },
    controller::errand::Purpose,
    domain::decide::{conflict::proven_tenant, plan::Plan},
};

/// For so long, at least, one that goes waits for its heir to push.
const PATIENCE: Duration = Duration::from_secs(15);

impl State {
    /// What has to hold of each resource when nothing is due any more.
    pub(super) fn is_as_it_should_be(&self, who: Who) -> Result<(), String> {
        let world = &self.world;
        let Some(replica) = &self.replica else { return Ok(()) };
        let remote = world.remote_of(who);
        let held = world.remote(remote);
        let Some(Stored { object, status, .. }) = &world.objects[who] else {
            return match held {
                Some(Content { by, .. }) if by == who && world.deletes[who] => {
                    Err(format!("{who} is gone, and AI Core still holds what it was to delete"))
                }
                _ => Ok(()),
            };
        };
        if object.deleting {
            return Err(format!("{who} is being deleted for ever"));
        }
        if replica.index.status(&object.key).is_none_or(|(_, newest)| newest != *status) {
            return Err(format!("the status of {who} is not the newest"));
        }
        if world.went_back[who] {
            return Err(format!("the status of {who} has gone back to an older generation"));
        }
        let ready = condition::find(&status.conditions, READY);
        let says = ready.map(|ready| (&*ready.status, &*ready.reason));
        if object.spec.suspended() {
            return match says {
                Some((_, "Suspended")) => Ok(()),
                _ => Err(format!("{who} is suspended, and its status says {says:?}")),
            };
        }
        let loses = ALL.into_iter().any(|other| other < who && self.owns(other, who));
        if loses {
            return match says {
                Some(("False", "RemoteConflict")) => Ok(()),
                _ => Err(format!("{who} has lost to an older one, and its status says {says:?}")),
            };
        }
        let newest = Content { by: who, version: world.sources[who] };
        if held != Some(newest) {
            return Err(format!("AI Core holds {held:?}, and not the newest of {who}, {newest:?}"));
        }
        match says {
            Some(("True", "Synced")) if status.observed_generation == Some(object.generation) => Ok(()),
            _ => Err(format!("{who} is in sync, and its status says {says:?}")),
        }
    }

    /// Whether `other` has proof and claims what `who` does.
    fn owns(&self, other: Who, who: Who) -> bool {
        let world = &self.world;
        let Some(Stored { object, status, .. }) = &world.objects[other] else { return false };
        let tokens = self.replica.as_ref().map(|replica| &replica.tokens);
        let by_token = tokens.is_some_and(|tokens| tokens.contains(&held(other, world.keys[other]).id));
        let by_status = proven_tenant(status).is_some_and(|tenant| tenant == tenant_of(world.keys[other]));
        world.remote_of(other) == world.remote_of(who) && !object.deleting && (by_token || by_status)
    }
}

impl AtWork<'_> {
    /// The laws of a request that writes, right when it is sent.
    pub(super) fn judge(&mut self, who: Who, begun: &Begun, found: &(Facts, Plan)) -> Result<(), String> {
        let index = &self.replica.index;
        let Some((known, _)) =
            index.status(&begun.object.key).filter(|(known, _)| known.uid == begun.object.uid)
        else {
            return Err(format!("a request for {who}, of which the process knows that it is gone"));
        };
        if known.spec.suspended() {
            return Err(format!("a request for {who}, of which the process knows that it is suspended"));
        }
        let rival = ALL.into_iter().find(|other| *other != who && self.is_rival(*other, &found.0));
        match purpose(&found.1) {
            Purpose::Push => {
                if known.deleting {
                    return Err(format!(
                        "a push for {who}, of which the process knows that it is being deleted"
                    ));
                }
                if rival.is_some_and(|rival| rival < who) {
                    return Err(format!("a push for {who}, which an older one owns"));
                }
                let content = found.0.source.ok_or("a push without content")?;
                if content.version < self.world.newest_sent[who] {
                    return Err(format!("{who} sends an older credential than it has sent before"));
                }
                self.world.newest_sent[who] = content.version;
                let stored =
                    self.world.objects[who].as_ref().filter(|stored| stored.object.uid == begun.object.uid);
                let forgets = |stored: &Stored| {
                    begun.object.spec.deletion_policy() == DeletionPolicy::Delete && !stored.object.finalizer
                };
                if stored.is_some_and(forgets) {
                    return Err(format!("a push for {who}, which has no finalizer yet"));
                }
            }
            Purpose::Delete => {
                if known.spec.deletion_policy() == DeletionPolicy::Retain {
                    return Err(format!("a DELETE for {who}, whose policy is Retain"));
                }
                if !known.deleting {
                    return Err(format!("a DELETE for {who}, which is not being deleted"));
                }
                if rival.is_some_and(|rival| rival < who || self.has_pushed(rival, &found.0)) {
                    return Err(format!("a DELETE for {who}, of what another one claims with proof"));
                }
                let waited = begun.memory.handing_over.map(|since| self.uptime().saturating_sub(since));
                if rival.is_some_and(|rival| !self.is_suspended(rival))
                    && waited.is_none_or(|waited| waited < PATIENCE)
                {
                    return Err(format!("a DELETE for {who}, before its heir has had time to push"));
                }
            }
        }
        Ok(())
    }

    /// Whether AI Core accepted a push of `other` there, by what this process knows, which has sent nothing for another one since: then
    /// it is the heir's.
    fn has_pushed(&self, other: Who, found: &Facts) -> bool {
        let remote = Remote { tenant: found.tenant, name: self.world.setup.names[other] };
        if self.replica.pushed_over.contains(&(other, remote)) {
            return false;
        }
        let by_status = self.replica.index.status(&key_of(other)).is_some_and(|(_, status)| {
            proven_tenant(&status).is_some_and(|tenant| tenant == *found.claim.tenant)
        });
        by_status || self.replica.pushed.contains(&(other, remote))
    }

    fn is_suspended(&self, other: Who) -> bool {
        self.replica.index.status(&key_of(other)).is_some_and(|(object, _)| object.spec.suspended())
    }

    /// Whether another one claims the same by what this process has read, and was given a token by it, or has pushed there before.
    fn is_rival(&self, other: Who, found: &Facts) -> bool {
        let Some((there, status)) = self.replica.index.status(&key_of(other)) else { return false };
        let by_token = self.replica.tokens.contains(&held(other, found.tenant).id);
        let by_status = proven_tenant(&status).is_some_and(|tenant| tenant == *found.claim.tenant);
        !there.deleting
            && there.remote_name.as_ref() == Ok(&found.claim.remote_name)
            && self.world.keys[other] == found.tenant
            && (by_token || by_status)
    }
}
