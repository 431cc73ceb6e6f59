//! Rooms with few places: a tenant, of which only so many passes may be under way, and a service key that one pass is reading
//! for all who need it. Who finds a room full stands in its line and is woken when there is a place; no worker waits.

use std::{
    collections::{HashMap, HashSet, VecDeque, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::queue::{Priority, Queue};
use crate::domain::{api_url::Tenant, object::ObjectKey};

/// Which room.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Room {
    /// Requests to a tenant.
    Tenant(Arc<Tenant>),
    /// Large payloads that are being sent, of all tenants.
    LargePayloads,
    /// The first look into the Secret with a service key. Whoever waited for it needs no look any more.
    ServiceKey(ObjectKey),
}

/// All rooms that somebody is in.
pub(super) struct Rooms {
    states: Mutex<HashMap<Room, State>>,
    queue: Arc<Queue>,
}

#[derive(Default)]
struct State {
    inside: usize,
    line: VecDeque<(ObjectKey, Priority)>,
    /// Who is in the line; others in it have gone their way.
    waiting: HashSet<ObjectKey>,
}

/// A place in a room, until it is dropped.
#[must_use]
pub(super) struct Stay {
    rooms: Arc<Rooms>,
    room: Room,
}

impl Rooms {
    pub(super) fn new(queue: Arc<Queue>) -> Arc<Self> {
        Arc::new(Self { states: Mutex::default(), queue })
    }

    /// A place, if one of `places` is free; else `who` stands in line.
    pub(super) fn enter(
        self: &Arc<Self>,
        room: Room,
        places: usize,
        who: &ObjectKey,
        priority: Priority,
    ) -> Option<Stay> {
        let mut states = self.lock();
        let state = states.entry(room.clone()).or_default();
        if state.inside >= places {
            if state.waiting.insert(who.clone()) {
                state.line.push_back((who.clone(), priority));
            }
            return None;
        }
        state.inside += 1;
        state.waiting.remove(who);
        Some(Stay { rooms: Arc::clone(self), room })
    }

    fn leave(&self, room: &Room) {
        let woken: Vec<(ObjectKey, Priority)> = {
            let mut states = self.lock();
            let Entry::Occupied(mut entry) = states.entry(room.clone()) else { return };
            let State { inside, line, waiting } = entry.get_mut();
            *inside = inside.saturating_sub(1);
            let most = match room {
                Room::Tenant(_) | Room::LargePayloads => 1,
                Room::ServiceKey(_) => usize::MAX,
            };
            let woken = std::iter::from_fn(|| line.pop_front())
                .filter(|(who, _)| waiting.remove(who))
                .take(most)
                .collect();
            if *inside == 0 && waiting.is_empty() {
                entry.remove();
            }
            woken
        };
        for (who, priority) in woken {
            self.queue.wake(&who, priority);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Room, State>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.rooms.leave(&self.room);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant() -> Room {
        Room::Tenant(Arc::new(Tenant {
            api_url: "https://a".to_owned(),
            authorization_server: "b".to_owned(),
        }))
    }

    fn key(name: &str) -> ObjectKey {
        ObjectKey::new("ns", name)
    }

    #[tokio::test]
    async fn whoever_leaves_a_tenant_wakes_the_next_in_line() {
        let queue = Arc::new(Queue::default());
        let rooms = Rooms::new(Arc::clone(&queue));
        let enter = |name: &str| rooms.enter(tenant(), 2, &key(name), Priority::Routine);
        let (first, second) = (enter("a").unwrap(), enter("b").unwrap());
        for late in ["c", "d", "c"] {
            assert!(enter(late).is_none());
        }
        drop(first);
        assert_eq!(queue.load().waiting, 1);
        assert_eq!(queue.next().await, Some(key("c")));
        let third = enter("c").unwrap();
        drop(second);
        assert_eq!(queue.next().await, Some(key("d")));
        drop(third);
        assert_eq!(queue.load().waiting, 0, "nobody is woken twice");
        assert!(rooms.lock().is_empty(), "empty rooms leave no trace");
    }

    #[tokio::test]
    async fn who_got_in_by_itself_is_not_woken_again() {
        let queue = Arc::new(Queue::default());
        let rooms = Rooms::new(Arc::clone(&queue));
        let enter = |name: &str| rooms.enter(tenant(), 1, &key(name), Priority::Routine);
        let first = enter("a").unwrap();
        assert!(enter("b").is_none() && enter("c").is_none());
        drop(first);
        assert_eq!(queue.next().await, Some(key("b")));
        // Something else woke c before b came to it.
        let other = enter("c").unwrap();
        assert!(enter("b").is_none());
        drop(other);
        assert_eq!(queue.load().waiting, 0, "b is at work already");
        queue.done(&key("b"), None);
        assert_eq!(queue.next().await, Some(key("b")));
    }

    #[tokio::test]
    async fn all_who_waited_for_a_service_key_are_woken_at_once() {
        let queue = Arc::new(Queue::default());
        let rooms = Rooms::new(Arc::clone(&queue));
        let enter = |name: &str| rooms.enter(Room::ServiceKey(key("key")), 1, &key(name), Priority::Urgent);
        let reader = enter("a").unwrap();
        assert!(enter("b").is_none() && enter("c").is_none());
        drop(reader);
        assert_eq!(queue.load().waiting, 2);
        assert!(rooms.lock().is_empty());
    }
}
