//! Which OAuth clients of a tenant have asked for its names in vain: it says nothing about the others, which may have the right.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

/// How long a client does not ask again for what it was refused, or cannot use: by then the right may be there.
pub(super) const LONG_PAUSE: Duration = Duration::from_mins(15);
/// So many clients are remembered. While they are, nobody else asks either, so that each of them is asked for once in its time.
pub(super) const MOST: usize = 64;

/// Until when each of them does not ask.
#[derive(Debug, Default)]
pub(super) struct RefusedClients(HashMap<Box<str>, Instant>);

impl RefusedClients {
    /// The client has asked, at that time.
    pub(super) fn note(&mut self, client: &str, asked: Instant) {
        self.0.insert(client.into(), asked + LONG_PAUSE);
    }

    /// Whether the client does without, because it was refused, or so many others were.
    pub(super) fn keeps_from_asking(&mut self, client: &str) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let now = Instant::now();
        self.0.retain(|_, until| *until > now);
        self.0.contains_key(client) || self.0.len() >= MOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_client_asks_once_in_its_time_and_none_beyond_so_many() {
        let (mut refused, mut questions) =
            (RefusedClients::default(), HashMap::<String, Vec<Instant>>::new());
        let began = Instant::now();
        for step in 0..3000_u64 {
            let client = format!("client-{}", step % 97);
            if !refused.keeps_from_asking(&client) {
                refused.note(&client, Instant::now());
                questions.entry(client).or_default().push(Instant::now());
            }
            assert!(refused.0.len() <= MOST);
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        let times = began.elapsed().as_secs().div_ceil(LONG_PAUSE.as_secs());
        assert!(questions.values().flatten().count() <= MOST * usize::try_from(times).unwrap());
        for times in questions.values() {
            assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= LONG_PAUSE));
        }
        assert!(questions.len() > MOST, "those beyond have their time when the first ends");
    }
}
