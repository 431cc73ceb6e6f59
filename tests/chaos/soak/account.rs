//! What was written, and what has arrived.

use std::{collections::VecDeque, fmt, time::Duration};

/// Of all Secrets. Times are those since the beginning.
#[derive(Clone, Debug)]
pub(super) struct Account {
    secrets: Vec<Secret>,
    /// How long each rotation took to arrive, or a later one of its Secret, after the API server had confirmed it.
    took: Vec<Duration>,
    /// Writes that AI Core accepted.
    accepted: usize,
    against: Vec<String>,
}

#[derive(Clone, Debug, Default)]
struct Secret {
    written: u32,
    arrived: u32,
    /// Versions that have not arrived, nor a later one, and when they were written.
    pending: VecDeque<(u32, Duration)>,
}

impl Account {
    pub(super) fn new(secrets: usize) -> Self {
        let secrets = vec![Secret::default(); secrets];
        Self { secrets, took: Vec::new(), accepted: 0, against: Vec::new() }
    }

    /// The API server has confirmed this version.
    pub(super) fn written(&mut self, place: usize, version: u32, at: Duration) {
        let secret = &mut self.secrets[place];
        secret.written = version;
        if version <= secret.arrived {
            // Faster than the answer to who wrote it.
            self.took.push(Duration::ZERO);
        } else {
            secret.pending.push_back((version, at));
        }
    }

    /// AI Core has accepted this version.
    pub(super) fn arrived(&mut self, place: usize, version: u32, at: Duration) {
        self.accepted += 1;
        let secret = &mut self.secrets[place];
        if version < secret.arrived {
            self.against.push(format!("version {version} of {place} at {at:?}, after {}", secret.arrived));
        }
        secret.arrived = version;
        while let Some((_, written)) = secret.pending.pop_front_if(|(pending, _)| *pending <= version) {
            self.took.push(at.saturating_sub(written));
        }
    }

    /// Whose last version has not arrived.
    pub(super) fn pending(&self) -> Vec<usize> {
        let late = |secret: &Secret| !secret.pending.is_empty() || secret.arrived != secret.written;
        (0..self.secrets.len()).filter(|place| late(&self.secrets[*place])).collect()
    }

    /// What must not be.
    pub(super) fn against(&self) -> Vec<String> {
        self.against.clone()
    }

    pub(super) fn longest(&self) -> Duration {
        self.took.iter().max().copied().unwrap_or_default()
    }

    /// The version that was written last.
    pub(super) fn last(&self, place: usize) -> u32 {
        self.secrets[place].written
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut took = self.took.clone();
        took.sort_unstable();
        let at = |thousandth: usize| {
            let place = (took.len() * thousandth / 1000).min(took.len().saturating_sub(1));
            took.get(place).copied().unwrap_or_default()
        };
        write!(
            f,
            "{} rotations, {} accepted pushes; half arrived within {:.1?}, 99 % within {:.1?}, all within {:.1?}; {} lost",
            took.len(),
            self.accepted,
            at(500),
            at(990),
            at(1000),
            self.pending().len(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_later_version_answers_for_those_before() {
        let mut account = Account::new(2);
        account.written(0, 1, at(1));
        account.written(0, 2, at(3));
        account.written(1, 1, at(3));
        assert_eq!(account.pending(), [0, 1]);
        account.arrived(0, 2, at(4));
        assert_eq!((account.pending(), account.longest()), (vec![1], at(3)));
        account.arrived(1, 1, at(4));
        assert_eq!((account.pending(), account.against()), (vec![], vec![]));
    }

    #[test]
    fn one_that_arrives_before_its_answer_is_not_pending() {
        let mut account = Account::new(1);
        account.arrived(0, 1, at(1));
        account.written(0, 1, at(2));
        assert_eq!((account.pending(), account.longest()), (vec![], at(0)));
    }

    #[test]
    fn an_older_one_after_a_newer_is_found() {
        let mut account = Account::new(1);
        account.written(0, 1, at(1));
        account.written(0, 2, at(1));
        account.arrived(0, 2, at(2));
        account.arrived(0, 1, at(3));
        assert_eq!((account.against().len(), account.pending()), (1, vec![0]));
    }
}
