//! What a pass was decided to do in AI Core, and whether that is still to be done. Between the decision and a request lie waits: for
//! answers, a token, a turn. Meanwhile the watches go on, so the index knows.

use std::sync::Arc;

use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::{index::Index, queue::Queue};
use crate::{
    aicore::mandate::Mandate,
    domain::{
        decide::{conflict::Claim, key_place::KeyPlace},
        parse::object::{Object, ObjectKey},
    },
};

/// What a pass wants of the remote secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To hold what the source Secret holds.
    Push,
    /// To be gone.
    Delete,
}

/// The Secret with the service key, as the pass found it.
#[derive(Clone, Debug, Default)]
pub(super) struct KeyFound {
    /// Where it was.
    pub(super) place: Option<Arc<KeyPlace>>,
    /// The version that the watch had shown when the pass began.
    pub(super) watched: Option<Arc<str>>,
    /// The version that the pass uses. It can be ahead of the watch.
    pub(super) used: Option<Arc<str>>,
}

impl KeyFound {
    /// Whether it still is in that place, and the watch, which shows the version `now`, has shown no other one since.
    pub(super) fn holds(&self, place: &KeyPlace, now: Option<&str>) -> bool {
        let same = now == self.watched.as_deref() || now.is_some_and(|now| Some(now) == self.used.as_deref());
        self.place.as_deref() == Some(place) && same
    }
}

/// The mandate of one pass.
pub(super) struct Errand<'a, K> {
    pub(super) index: &'a Index<K>,
    /// Where it is heard of changes: what concerns the resource has it looked at again.
    pub(super) queue: &'a Queue,
    pub(super) object: &'a Object,
    pub(super) claim: &'a Claim,
    pub(super) key: &'a KeyFound,
    pub(super) purpose: Purpose,
    /// A successor that a deletion does not wait for any more.
    pub(super) passed_over: Option<&'a ObjectKey>,
    pub(super) ending: &'a CancellationToken,
}

impl<K: Send + Sync> Mandate for Errand<'_, K> {
    fn stands(&self) -> bool {
        let may = match self.purpose {
            Purpose::Push => self.index.may_write(self.object, self.claim),
            Purpose::Delete => self.index.may_delete(self.object, self.claim, self.passed_over),
        };
        may && self.index.asks_for_the_same(self.object, self.key)
    }

    fn withdrawn(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let listener = self.queue.listen(&self.object.key);
            while self.stands() {
                listener.enqueued().await;
            }
        })
    }

    fn namespace(&self) -> &str {
        &self.object.key.namespace
    }

    fn ending(&self) -> &CancellationToken {
        self.ending
    }
}
