//! Who stands in line together: passes of one tenant, as far as what happens to one of them says something about the others.

use std::sync::Arc;

use crate::domain::{decide::credit::Credit, parse::api_url::Tenant};

/// A lane of a tenant. What is unproven, or was not answered, has a lane of its own, so that it neither makes the tenant look
/// unavailable nor holds the places of those that are answered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::controller) struct Lane {
    tenant: Arc<Tenant>,
    part: Part,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Part {
    Proven,
    Doubtful,
    /// By the number of the connection, which each service key has for itself.
    Unproven(u64),
}

impl Lane {
    /// The lane of a resource that reaches the tenant by this connection.
    pub(in crate::controller) fn of(tenant: &Arc<Tenant>, connection: u64, credit: Credit) -> Arc<Self> {
        let part = match credit {
            Credit::Proven => Part::Proven,
            Credit::Doubtful => Part::Doubtful,
            Credit::Unproven => Part::Unproven(connection),
        };
        Arc::new(Self { tenant: Arc::clone(tenant), part })
    }

    /// Whether whoever stands in it has proof that the tenant has answered.
    pub(super) fn is_proven(&self) -> bool {
        self.part == Part::Proven
    }

    #[cfg(test)]
    pub(super) fn tenant(&self) -> Arc<Tenant> {
        Arc::clone(&self.tenant)
    }

    /// Whether somebody else than lanes holds the tenant: a connection, and who claims something by it. There are three lanes of a
    /// connection at most.
    pub(super) fn is_held(&self) -> bool {
        Arc::strong_count(&self.tenant) > 3
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::testing::tenant;

    #[test]
    fn what_anybody_can_write_down_and_what_is_not_answered_stand_apart() {
        let one = Arc::new(tenant("one"));
        let proven = Lane::of(&one, 1, Credit::Proven);
        assert_eq!(proven, Lane::of(&Arc::new(tenant("one")), 2, Credit::Proven), "whatever the key");
        let others = [
            Lane::of(&one, 1, Credit::Doubtful),
            Lane::of(&one, 1, Credit::Unproven),
            Lane::of(&one, 2, Credit::Unproven),
            Lane::of(&Arc::new(tenant("two")), 1, Credit::Proven),
        ];
        for (number, lane) in others.iter().enumerate() {
            assert_ne!(*lane, proven);
            assert!(others.iter().skip(number + 1).all(|other| other != lane), "{lane:?}");
        }
        assert_eq!(others.iter().filter(|lane| lane.is_proven()).count(), 1);
    }
}
