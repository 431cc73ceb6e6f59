//! Which rights the API server refuses the operator at present, and whether it knows it at all, as far as its answers have told.

use std::{collections::BTreeMap, time::Duration};

use crate::domain::parse::right::{Right, Use};

/// Missing rights that are known at a time, each in its namespaces; one place more for each right that has none of these. More are told by
/// the errors of their requests alone.
const KNOWN: usize = 64;
/// How long a refusal counts that is not repeated: what asked may be gone. Longer than the pause after any failure.
const COUNTS: Duration = Duration::from_mins(20);
/// Rights that are named in a sentence; of more the number.
const NAMED: usize = 10;
/// What is wrong when the API server answers 401.
pub(crate) const UNAUTHENTICATED: &str = "the API server does not accept the operator's own credentials (HTTP 401): check that its ServiceAccount \
                               exists, and that the pod's token is one of it";

/// What was refused, and not granted since. Times are those of the process's clock.
#[derive(Clone, Debug, Default)]
pub(crate) struct Denials {
    missing: BTreeMap<Use, Duration>,
    /// When the operator's own credentials were refused last.
    unauthenticated: Option<Duration>,
}

impl Denials {
    /// The API server has refused this. Returns whether that is news.
    pub(crate) fn refused(&mut self, used: Use, uptime: Duration) -> bool {
        self.forget(uptime);
        if let Some(last) = self.missing.get_mut(&used) {
            *last = uptime;
            return false;
        }
        let room = self.missing.len() < KNOWN || !self.missing.keys().any(|known| known.right == used.right);
        if room {
            self.missing.insert(used, uptime);
        }
        room
    }

    /// The API server has granted this. Returns whether it had refused it before.
    pub(crate) fn granted(&mut self, used: &Use) -> bool {
        self.missing.remove(used).is_some()
    }

    /// The API server has not accepted the operator's own credentials. Returns whether that is news.
    pub(crate) fn unauthenticated(&mut self, uptime: Duration) -> bool {
        self.forget(uptime);
        self.unauthenticated.replace(uptime).is_none()
    }

    /// The API server has accepted them. Returns whether it had not before.
    pub(crate) fn authenticated(&mut self) -> bool {
        self.unauthenticated.take().is_some()
    }

    /// Whether nothing is missing.
    pub(crate) fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.unauthenticated.is_none()
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
        let lacks =
            (!named.is_empty()).then(|| format!("the ServiceAccount lacks rights: {}", named.join(", ")));
        let refused =
            self.unauthenticated.filter(|last| counts(*last, uptime)).map(|_| UNAUTHENTICATED.to_owned());
        let clauses: Vec<String> = refused.into_iter().chain(lacks).collect();
        (!clauses.is_empty()).then(|| clauses.join("; "))
    }

    fn counting(&self, uptime: Duration) -> impl Iterator<Item = &Use> {
        self.missing.iter().filter(move |(_, last)| counts(**last, uptime)).map(|(used, _)| used)
    }

    fn forget(&mut self, uptime: Duration) {
        self.missing.retain(|_, last| counts(*last, uptime));
        self.unauthenticated.take_if(|last| !counts(*last, uptime));
    }
}

fn counts(last: Duration, uptime: Duration) -> bool {
    uptime.saturating_sub(last) <= COUNTS
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
        // However many namespaces lack one right, another one is told of.
        let watch = |namespace: &str| Use { right: &RIGHTS[2], namespace: Some(namespace.into()) };
        assert!(denials.refused(watch("a"), S(0)));
        assert!(!denials.refused(watch("b"), S(0)));
        assert_eq!(lacking(&denials, S(0)), ["watch aicoreregistrysecrets", "get secrets"]);
    }

    #[test]
    fn who_is_not_known_at_all_is_told_that() {
        let mut denials = Denials::default();
        assert!(denials.unauthenticated(S(0)) && !denials.unauthenticated(S(1)) && !denials.is_empty());
        assert_eq!(denials.clause(S(1)).unwrap(), UNAUTHENTICATED);
        denials.refused(read("a"), S(2));
        assert!(
            denials
                .clause(S(2))
                .unwrap()
                .ends_with("; the ServiceAccount lacks rights: get secrets in namespace \"a\"")
        );
        assert!(denials.authenticated() && !denials.authenticated());
        assert!(denials.granted(&read("a")) && denials.is_empty());
        denials.unauthenticated(S(3));
        assert_eq!(denials.clause(S(4) + COUNTS), None, "nobody has asked since");
    }
}
