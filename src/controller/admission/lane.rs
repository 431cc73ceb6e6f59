//! Who stands in line together: passes of one tenant, as far as what happens to one of them says something about the others.

use std::sync::Arc;

use super::entrance::{Access, Crowd};
use crate::domain::{decide::credit::Credit, parse::api_url::Tenant};

/// A lane of a tenant. What is unproven, was never accepted or was not answered has a lane of its own, so that it neither makes the tenant
/// look unavailable nor holds the places of those that are answered. In the order of lanes they have a turn of the rate that all wait for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::controller) struct Lane {
    tenant: Arc<Tenant>,
    part: Part,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Part {
    Proven,
    Untried,
    Doubtful,
    /// By the number of the connection, which each service key has for itself.
    Unproven(u64),
}

impl Lane {
    /// The lane of a resource that reaches the tenant by this connection.
    pub(in crate::controller) fn of(tenant: &Arc<Tenant>, connection: u64, credit: Credit) -> Arc<Self> {
        let part = match credit {
            Credit::Proven => Part::Proven,
            Credit::Untried => Part::Untried,
            Credit::Doubtful => Part::Doubtful,
            Credit::Unproven => Part::Unproven(connection),
        };
        Arc::new(Self { tenant: Arc::clone(tenant), part })
    }

    /// How its passes come to a place as long as nothing is known of it, and again when one was not answered. Whoever has no proof
    /// begins with those that nobody has heard of, also where the tenant is known.
    pub(super) fn begins(&self) -> Access {
        match self.part {
            Part::Proven | Part::Untried => Access::Open,
            Part::Doubtful => Access::Shared(Crowd::Silent),
            Part::Unproven(_) => Access::Shared(Crowd::Unheard),
        }
    }

    /// The first of its tenant's lanes in the order of lanes.
    pub(super) fn first_beside(&self) -> Self {
        Self { tenant: Arc::clone(&self.tenant), part: Part::Proven }
    }

    /// The last one of those whose service keys were given a token.
    pub(super) fn last_with_proof(&self) -> Self {
        Self { tenant: Arc::clone(&self.tenant), part: Part::Doubtful }
    }

    /// The last one.
    pub(super) fn last_beside(&self) -> Self {
        Self { tenant: Arc::clone(&self.tenant), part: Part::Unproven(u64::MAX) }
    }

    /// Whether both are lanes of one tenant.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        self.tenant == other.tenant
    }

    /// Whether its tenant has accepted nothing yet of those who stand in it, as far as is known.
    pub(super) fn is_for_first_pushes(&self) -> bool {
        matches!(self.part, Part::Untried | Part::Unproven(_))
    }

    #[cfg(test)]
    pub(super) fn tenant(&self) -> Arc<Tenant> {
        Arc::clone(&self.tenant)
    }

    /// Which object in memory the tenant is, and how many hold it.
    pub(super) fn hold(&self) -> (*const Tenant, usize) {
        (Arc::as_ptr(&self.tenant), Arc::strong_count(&self.tenant))
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
            Lane::of(&one, 1, Credit::Untried),
            Lane::of(&one, 1, Credit::Doubtful),
            Lane::of(&one, 1, Credit::Unproven),
            Lane::of(&one, 2, Credit::Unproven),
            Lane::of(&Arc::new(tenant("two")), 1, Credit::Proven),
        ];
        for (number, lane) in others.iter().enumerate() {
            assert_ne!(*lane, proven);
            assert!(others.iter().skip(number + 1).all(|other| other != lane), "{lane:?}");
        }
        assert!(others.iter().take(4).all(|other| *other > proven), "it has its turn first");
        let own = [&proven, &others[0], &others[1], &others[2], &others[3]];
        for lane in own {
            assert!(own.iter().all(|other| (lane.first_beside()..=lane.last_beside()).contains(&**other)));
            assert!(!(lane.first_beside()..=lane.last_beside()).contains(&*others[4]));
        }
        let with_proof = own.map(|lane| (lane.first_beside()..=lane.last_with_proof()).contains(&**lane));
        assert_eq!(with_proof, [true, true, true, false, false]);
        assert_eq!(own.map(|lane| lane.is_for_first_pushes()), [false, true, false, true, true]);
        assert_eq!([proven.begins(), others[0].begins()], [Access::Open; 2]);
        assert_eq!(others[1].begins(), Access::Shared(Crowd::Silent));
        assert_eq!(others[2].begins(), Access::Shared(Crowd::Unheard));
    }
}
