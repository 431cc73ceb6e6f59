//! What is around the operator: the API server, AI Core, and users.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use crate::{
    api::{AICoreRegistrySecretSpec, AICoreRegistrySecretStatus, DeletionPolicy},
    domain::{
        parse::{
            api_url::Tenant,
            object::{Object, ObjectKey},
            resource_version::{Basis, ResourceVersion},
        },
        testing::{WithSpec, a_new_status, an_object, at, tenant},
    },
};

/// A resource, by its number: 0 is the older one.
pub(super) type Who = usize;
pub(super) const ALL: [Who; 2] = [0, 1];

/// A write without an answer is carried out within this time, or never.
pub(super) const LATEST: Duration = Duration::from_secs(59);

/// What AI Core holds: whose credential, and which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Content {
    pub(super) by: Who,
    pub(super) version: u8,
}

/// A remote secret: tenant and name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Remote {
    pub(super) tenant: usize,
    pub(super) name: usize,
}

/// How a request ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Reply {
    /// It is carried out and answered.
    Done,
    /// It is not carried out, and the answer says so.
    Refused,
    /// It is carried out, and the answer is lost.
    Lost,
    /// It is not answered, and carried out later.
    Late,
}

/// A resource as the API server has it.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) object: Arc<Object>,
    pub(super) status: Arc<AICoreRegistrySecretStatus>,
    /// Its `resourceVersion`.
    pub(super) version: u64,
}

impl Stored {
    pub(super) fn version(&self) -> Option<ResourceVersion> {
        ResourceVersion::parse(&self.version.to_string())
    }
}

/// A request that was given up, and that is still to be carried out.
#[derive(Clone, Debug)]
pub(super) struct Late {
    pub(super) until: Duration,
    pub(super) what: LateWrite,
}

#[derive(Clone, Debug)]
pub(super) enum LateWrite {
    /// `None` deletes.
    Remote(Remote, Option<Content>),
    Status(Arc<Object>, Basis, Arc<AICoreRegistrySecretStatus>),
}

/// What became of a write of a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    Taken,
    /// The resource is not what the status was made from.
    Outdated,
    /// There is no such resource.
    Gone,
}

/// What a user does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum UserStep {
    Create(Who),
    Rotate(Who),
    Suspend(Who),
    Resume(Who),
    Delete(Who),
    /// Its policy is `Retain` from now on.
    Retain(Who),
    /// The service key is for the other tenant.
    MoveKey(Who),
}

/// How the two resources are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setup {
    /// The number of the remote name of each.
    pub(super) names: [usize; 2],
    pub(super) policies: [DeletionPolicy; 2],
    /// Which exist from the start.
    pub(super) exist: [bool; 2],
}

/// All of it.
#[derive(Clone)]
pub(super) struct World {
    pub(super) now: Duration,
    pub(super) objects: [Option<Stored>; 2],
    /// Each before its last change, if there was one, as a cache that is behind may show it.
    #[expect(clippy::option_option, reason = "it has changed or not, and if so, it was there before or not")]
    pub(super) before: [Option<Option<Stored>>; 2],
    /// The version of each registry credential, which is its content too.
    pub(super) sources: [u8; 2],
    pub(super) sources_before: [u8; 2],
    /// The tenant of each service key.
    pub(super) keys: [usize; 2],
    pub(super) remotes: [[Option<Content>; 2]; 2],
    pub(super) late: Vec<Late>,
    /// The newest that was ever sent of each.
    pub(super) newest_sent: [u8; 2],
    /// Whether it was to be deleted in AI Core too when a user deleted it.
    pub(super) deletes: [bool; 2],
    /// Whose status said something of an older generation after it had said something of a newer one.
    pub(super) went_back: [bool; 2],
    pub(super) setup: Setup,
}

pub(super) fn key_of(who: Who) -> ObjectKey {
    ObjectKey::new(["older-ns", "younger-ns"][who], ["pull", "other"][who])
}

pub(super) fn who_is(key: &ObjectKey) -> Who {
    usize::from(*key == key_of(1))
}

pub(super) fn tenant_of(number: usize) -> Tenant {
    tenant(["one", "two"][number])
}

impl World {
    pub(super) fn new(setup: Setup) -> Self {
        let mut world = Self {
            now: Duration::from_secs(1000),
            objects: [None, None],
            before: [None, None],
            sources: [1, 1],
            sources_before: [1, 1],
            keys: [0, 0],
            remotes: [[None; 2]; 2],
            late: Vec::new(),
            newest_sent: [0, 0],
            deletes: [false, false],
            went_back: [false, false],
            setup,
        };
        ALL.into_iter().filter(|who| setup.exist[*who]).for_each(|who| world.create(who));
        world
    }

    fn create(&mut self, who: Who) {
        let object = Object {
            key: key_of(who),
            uid: format!("uid-{who}").into(),
            created: at([1, 2][who]),
            ..an_object().with_spec(|spec| {
                spec.remote_name = Some(["pull", "other"][self.setup.names[who]].to_owned());
                spec.deletion_policy = Some(self.setup.policies[who]);
                // Nothing is due because time passes.
                spec.resync_interval = Some("0s".to_owned());
            })
        };
        self.objects[who] =
            Some(Stored { object: Arc::new(object), status: Arc::new(a_new_status()), version: 1 });
    }

    pub(super) fn wall(&self) -> Timestamp {
        at(1_750_000_000).checked_add(self.now).unwrap()
    }

    pub(super) fn remote_of(&self, who: Who) -> Remote {
        Remote { tenant: self.keys[who], name: self.setup.names[who] }
    }

    pub(super) fn remote(&self, remote: Remote) -> Option<Content> {
        self.remotes[remote.tenant][remote.name]
    }

    pub(super) fn set_remote(&mut self, remote: Remote, content: Option<Content>) {
        self.remotes[remote.tenant][remote.name] = content;
    }

    /// Changes a resource; `None`: there is none of this uid.
    pub(super) fn change(&mut self, who: Who, uid: &str, change: impl FnOnce(&mut Object)) -> Option<()> {
        let stored = self.objects[who].as_ref().filter(|stored| *stored.object.uid == *uid)?.clone();
        let mut object = (*stored.object).clone();
        change(&mut object);
        self.before[who] = Some(Some(stored.clone()));
        // The API server removes it with its last finalizer.
        let gone = object.deleting && !object.finalizer;
        let version = stored.version + 1;
        self.objects[who] = (!gone).then(|| Stored { object: Arc::new(object), version, ..stored });
        Some(())
    }

    /// Writes a status that was made for the resource as it was.
    pub(super) fn write_status(
        &mut self,
        made_for: &Object,
        basis: Basis,
        status: &Arc<AICoreRegistrySecretStatus>,
    ) -> Written {
        let who = who_is(&made_for.key);
        let Some(stored) = self.objects[who].as_mut().filter(|stored| stored.object.uid == made_for.uid)
        else {
            return Written::Gone;
        };
        if stored.object.generation != basis.generation
            || basis.version.is_some() && stored.version() != basis.version
        {
            return Written::Outdated;
        }
        if stored.status == *status {
            return Written::Taken;
        }
        self.before[who] = Some(Some(stored.clone()));
        self.went_back[who] |= status.observed_generation < stored.status.observed_generation;
        stored.status = Arc::clone(status);
        stored.version += 1;
        Written::Taken
    }

    /// Whether a user can do that now.
    pub(super) fn admits(&self, step: UserStep) -> bool {
        match step {
            UserStep::Create(who) => self.objects[who].is_none(),
            UserStep::Rotate(_) | UserStep::MoveKey(_) => true,
            UserStep::Suspend(who)
            | UserStep::Resume(who)
            | UserStep::Retain(who)
            | UserStep::Delete(who) => self.objects[who].is_some(),
        }
    }

    /// Whose object changes by it.
    pub(super) fn user(&mut self, step: UserStep) {
        let edit = |world: &mut Self, who: Who, edit: fn(&mut AICoreRegistrySecretSpec)| {
            world.change(who, &format!("uid-{who}"), |object| {
                *object = object.clone().with_spec(edit);
                object.generation += 1;
            });
        };
        match step {
            UserStep::Create(who) => {
                self.before[who] = Some(self.objects[who].take());
                self.create(who);
            }
            UserStep::Rotate(who) => {
                self.sources_before[who] = self.sources[who];
                self.sources[who] += 1;
            }
            UserStep::Suspend(who) => edit(self, who, |spec| spec.suspend = Some(true)),
            UserStep::Resume(who) => edit(self, who, |spec| spec.suspend = Some(false)),
            UserStep::Retain(who) => {
                edit(self, who, |spec| spec.deletion_policy = Some(DeletionPolicy::Retain));
            }
            UserStep::Delete(who) => {
                self.deletes[who] = self.objects[who].as_ref().is_some_and(|Stored { object, .. }| {
                    object.spec.deletion_policy() == DeletionPolicy::Delete && !object.spec.suspended()
                });
                self.change(who, &format!("uid-{who}"), |object| {
                    object.deleting = true;
                    object.generation += 1;
                });
            }
            UserStep::MoveKey(who) => self.keys[who] = 1 - self.keys[who],
        }
    }

    /// A request of that number that was given up is carried out.
    pub(super) fn land(&mut self, number: usize) {
        match self.late.remove(number).what {
            LateWrite::Remote(remote, content) => self.set_remote(remote, content),
            LateWrite::Status(made_for, basis, status) => {
                // Such a one can be older than what is there: it is written over.
                let went_back = self.went_back;
                self.write_status(&made_for, basis, &status);
                self.went_back = went_back;
            }
        }
    }
}
