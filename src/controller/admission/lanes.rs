//! What is known of lanes: of those with passes or waiters, and of the others for as long as somebody holds their tenant.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use super::{
    lane::Lane,
    lane_state::{LaneState, Standing},
};
use crate::domain::parse::api_url::Tenant;

/// So many lanes are known before those are looked for that nobody holds.
const FEW: usize = 64;

/// All of them.
#[derive(Debug)]
pub(super) struct Lanes {
    /// In the order of lanes: those of one tenant are found without looking at others.
    known: BTreeMap<Arc<Lane>, LaneState>,
    sweep_at: usize,
}

impl Default for Lanes {
    fn default() -> Self {
        Self { known: BTreeMap::new(), sweep_at: FEW }
    }
}

impl Lanes {
    /// What is known of the lane. Makes room first: of those that nobody waits in, and whose tenant nobody holds.
    pub(super) fn of(&mut self, lane: &Arc<Lane>) -> &mut LaneState {
        if self.known.len() >= self.sweep_at && !self.known.contains_key(lane) {
            let held = self.held_tenants();
            self.known.retain(|lane, state| !state.is_idle() || held.contains(&lane.hold().0));
            self.sweep_at = (2 * self.known.len()).max(FEW);
        }
        self.known.entry(Arc::clone(lane)).or_insert_with(|| LaneState::new(lane.begins()))
    }

    /// The tenants that somebody else holds than lanes: connections, and who claims something by them.
    fn held_tenants(&self) -> HashSet<*const Tenant> {
        let mut lanes_of: HashMap<_, usize> = HashMap::new();
        self.known.keys().for_each(|lane| *lanes_of.entry(lane.hold()).or_default() += 1);
        lanes_of
            .into_iter()
            .filter(|((_, holders), lanes)| holders > lanes)
            .map(|((tenant, _), _)| tenant)
            .collect()
    }

    /// Those in which somebody waits because many passes of all lanes wait for long for an answer.
    pub(super) fn kept_by_a_crowd(&self) -> Vec<Arc<Lane>> {
        let kept = self.known.iter().filter(|(_, state)| state.is_kept_by_a_crowd());
        kept.map(|(lane, _)| Arc::clone(lane)).collect()
    }

    /// The other lanes of its tenant.
    pub(super) fn beside(&self, lane: &Lane) -> Vec<Arc<Lane>> {
        self.of_its_tenant(lane)
            .filter(|(other, _)| ***other != *lane)
            .map(|(other, _)| Arc::clone(other))
            .collect()
    }

    /// Whether the next one in the lane is the next of the tenant: no namespace that waits in another lane has had fewer turns. Lanes
    /// whose service keys were given no token count for nobody but themselves, as anybody can write down the tenant's URLs; and whoever is
    /// only probed waits for no rate.
    pub(super) fn standing(&self, lane: &Lane) -> Standing {
        let own = self.known.get(lane).and_then(LaneState::lead).unwrap_or_default();
        if own == 0 {
            return Standing::Next;
        }
        let (mut comes_first, mut promised) = (false, 0_u32);
        for (_, state) in self.with_proof_beside(lane) {
            promised = promised.saturating_add(state.promised());
            comes_first |= state.lead().is_some_and(|lead| lead < own);
        }
        if comes_first || promised > 0 { Standing::Behind { promised } } else { Standing::Next }
    }

    /// Those of them in which somebody waits.
    pub(super) fn waiting_beside(&self, lane: &Lane) -> Vec<Arc<Lane>> {
        let waiting = self.with_proof_beside(lane).filter(|(_, state)| !state.line.is_empty());
        waiting.map(|(other, _)| Arc::clone(other)).collect()
    }

    fn with_proof_beside(&self, lane: &Lane) -> impl Iterator<Item = (&Arc<Lane>, &LaneState)> {
        let with_proof = self.known.range::<Lane, _>(lane.first_beside()..=lane.last_with_proof());
        with_proof.filter(move |(other, _)| ***other != *lane)
    }

    /// Whether others than the one pass that is asked for are in the lane, in its line, or in another one for those of whom its tenant
    /// has accepted nothing yet.
    pub(super) fn has_company(&self, lane: &Lane) -> bool {
        self.of_its_tenant(lane).any(|(other, state)| {
            if **other == *lane { state.is_shared() } else { other.is_for_first_pushes() && !state.is_idle() }
        })
    }

    fn of_its_tenant(&self, lane: &Lane) -> impl Iterator<Item = (&Arc<Lane>, &LaneState)> {
        self.known.range::<Lane, _>(lane.first_beside()..=lane.last_beside())
    }

    #[cfg(test)]
    pub(super) fn get(&self, lane: &Lane) -> Option<&LaneState> {
        self.known.get(lane)
    }

    pub(super) fn get_mut(&mut self, lane: &Arc<Lane>) -> Option<&mut LaneState> {
        self.known.get_mut(lane)
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<Lane>, &LaneState)> {
        self.known.iter()
    }
}
