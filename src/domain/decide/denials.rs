//! Which rights the API server refuses the operator at present, as far as its answers have told.

use std::{collections::BTreeMap, time::Duration};

use crate::domain::parse::right::{Right, Use};

/// Missing rights that are known at a time. More are told by the errors of their requests alone.
const KNOWN: usize = 64;
/// How long a refusal counts that is not repeated: what asked may be gone. Longer than the pause after any failure.
const COUNTS: Duration = Duration::from_mins(20);
/// Rights that are named in a sentence; of more the number.
const NAMED: usize = 10;

/// What was refused, and not granted since. Times are those of the process's clock.
#[derive(Clone, Debug, Default)]
pub(crate) struct Denials(BTreeMap<Use, Duration>);

impl Denials {
    /// The API server has refused this. Returns whether that is news.
    pub(crate) fn refused(&mut self, used: Use, uptime: Duration) -> bool {
        self.forget(uptime);
        if let Some(last) = self.0.get_mut(&used) {
            *last = uptime;
            return false;
        }
        let room = self.0.len() < KNOWN;
        if room {
            self.0.insert(used, uptime);
        }
        room
    }

    /// The API server has granted this. Returns whether it had refused it before.
    pub(crate) fn granted(&mut self, used: &Use) -> bool {
        self.0.remove(used).is_some()
    }

    /// Whether nothing is missing.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this right is missing somewhere.
    pub(crate) fn lacks(&self, right: &Right, uptime: Duration) -> bool {
        self.counting(uptime).any(|used| used.right == right)
    }

    /// A clause for `/readyz`; `None`: nothing is missing.
    pub(crate) fn clause(&self, uptime: Duration) -> Option<String> {
        let missing: Vec<&Use> = self.counting(uptime).collect();
        let mut named: Vec<String> = missing.iter().take(NAMED).map(ToString::to_string).collect();
        if missing.len() > NAMED {
            named.push(format!("and {} more", missing.len() - NAMED));
        }
        (!named.is_empty()).then(|| format!("the ServiceAccount lacks rights: {}", named.join(", ")))
    }

    fn counting(&self, uptime: Duration) -> impl Iterator<Item = &Use> {
        self.0.iter().filter(move |(_, last)| uptime.saturating_sub(**last) <= COUNTS).map(|(used, _)| used)
    }

    fn forget(&mut self, uptime: Duration) {
        self.0.retain(|_, last| uptime.saturating_sub(*last) <= COUNTS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::parse::right::RIGHTS;

    const S: fn(u64) -> Duration = Duration::from_secs;

    fn read(namespace: &str) -> Use {
        Use::of("GET", &format!("/api/v1/namespaces/{namespace}/secrets/s"), None).unwrap()
    }

    fn lacking(denials: &Denials, uptime: Duration) -> Vec<String> {
        RIGHTS.iter().filter(|right| denials.lacks(right, uptime)).map(ToString::to_string).collect()
    }

    #[test]
    fn a_right_is_missing_from_its_refusal_until_it_is_granted_in_the_same_place() {
        let mut denials = Denials::default();
        assert!(denials.is_empty() && denials.clause(S(0)).is_none());
        assert!(denials.refused(read("a"), S(1)), "news");
        assert!(!denials.refused(read("a"), S(2)), "told before");
        assert_eq!(lacking(&denials, S(2)), ["get secrets"]);
        assert!(!denials.granted(&read("b")));
        assert!(!denials.is_empty());
        assert!(denials.granted(&read("a")) && !denials.granted(&read("a")));
        assert!(denials.is_empty() && lacking(&denials, S(2)).is_empty());
        assert!(denials.refused(read("a"), S(3)), "news again");
    }

    #[test]
    fn what_nobody_asks_for_any_more_is_forgotten() {
        let mut denials = Denials::default();
        denials.refused(read("a"), S(0));
        denials.refused(read("b"), COUNTS);
        assert!(denials.clause(COUNTS).unwrap().contains("\"a\""));
        let later = COUNTS + S(1);
        assert!(!denials.clause(later).unwrap().contains("\"a\""));
        denials.refused(read("c"), later);
        assert!(!denials.granted(&read("a")), "it takes no room any more");
    }

    #[test]
    fn the_sentence_and_the_memory_are_bounded() {
        let mut denials = Denials::default();
        for number in 0..KNOWN {
            assert!(denials.refused(read(&format!("n{number:03}")), S(0)));
        }
        assert!(!denials.refused(read("one-more"), S(0)), "there is no room to remember that it was told");
        let clause = denials.clause(S(0)).unwrap();
        assert!(clause.starts_with(
            "the ServiceAccount lacks rights: get secrets in namespace \"n000\", get secrets in namespace \"n001\", "
        ));
        assert!(clause.ends_with("\"n009\", and 54 more"), "{clause}");
        denials.granted(&read("n000"));
        assert!(denials.refused(read("one-more"), S(0)));
    }
}
