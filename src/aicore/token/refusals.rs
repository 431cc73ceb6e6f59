//! Service keys that an authorization server has refused. That stands for a while, also when nobody uses the key meanwhile: a resource
//! that is deleted and created again must not have the account locked.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use tokio::time::Instant;

use super::REFUSAL_STANDS;
use crate::aicore::error::Error;

/// So many refused keys are remembered; of more, the newest.
const KNOWN: usize = 256;

/// Tells service keys apart without keeping them.
pub(in crate::aicore) type ServiceKeyHash = [u8; 32];

/// All that are remembered.
#[derive(Default)]
pub(in crate::aicore) struct Refusals(Mutex<HashMap<ServiceKeyHash, (Instant, Error)>>);

/// What is remembered of one service key.
pub(in crate::aicore) struct Remembered {
    pub(in crate::aicore) refusals: Arc<Refusals>,
    pub(in crate::aicore) key: ServiceKeyHash,
}

impl Remembered {
    /// When it was refused, and how; `None`: it was not, or that does not stand any more.
    pub(super) fn refusal(&self) -> Option<(Instant, Error)> {
        self.refusals.0.lock().get(&self.key).filter(|(at, _)| at.elapsed() < REFUSAL_STANDS).cloned()
    }

    /// What the authorization server has made of it now.
    pub(super) fn settled(&self, result: Result<(), &Error>) {
        let mut known = self.refusals.0.lock();
        match result {
            Ok(()) => drop(known.remove(&self.key)),
            Err(error) if error.is_final() => {
                known.retain(|_, (at, _)| at.elapsed() < REFUSAL_STANDS);
                if known.len() >= KNOWN && !known.contains_key(&self.key) {
                    let oldest = known.iter().min_by_key(|(_, (at, _))| *at).map(|(key, _)| *key);
                    oldest.and_then(|oldest| known.remove(&oldest));
                }
                known.insert(self.key, (Instant::now(), error.clone()));
            }
            // What comes of a server that does not answer is found out again.
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aicore::error::{ErrorDetails, Refusal, Server},
        domain::testing::seconds,
    };

    fn answer(status: u16) -> Error {
        Error::Refused(Refusal {
            server: Server::Authorization,
            host: "authorization".to_owned(),
            status,
            details: ErrorDetails::default(),
            retry_after: None,
        })
    }

    fn key(refusals: &Arc<Refusals>, number: usize) -> Remembered {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&number.to_be_bytes());
        Remembered { refusals: Arc::clone(refusals), key }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_stands_for_its_time_and_until_the_key_is_accepted() {
        let refusals = Arc::default();
        let (one, other) = (key(&refusals, 1), key(&refusals, 2));
        one.settled(Err(&answer(503)));
        assert!(one.refusal().is_none(), "that says nothing of the key");
        one.settled(Err(&answer(401)));
        other.settled(Err(&answer(401)));
        one.settled(Err(&answer(503)));
        assert!(one.refusal().is_some() && other.refusal().is_some());
        other.settled(Ok(()));
        assert!(other.refusal().is_none());
        tokio::time::sleep(REFUSAL_STANDS).await;
        assert!(one.refusal().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn of_very_many_the_newest_are_known() {
        let refusals = Arc::default();
        for number in 0..=KNOWN {
            key(&refusals, number).settled(Err(&answer(401)));
            tokio::time::sleep(seconds(1)).await;
        }
        let known = (0..=KNOWN).filter(|number| key(&refusals, *number).refusal().is_some());
        assert_eq!(known.collect::<Vec<_>>(), (1..=KNOWN).collect::<Vec<_>>());
    }
}
