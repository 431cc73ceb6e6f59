//! The decisions that a run of the model is made with: the program's, or one of them broken on purpose.

use std::time::Duration;

use super::pass::Held;
use crate::{
    aicore::mandate::Mandate,
    api::AICoreRegistrySecretStatus,
    controller::{errand::Errand, index::Index},
    domain::{
        decide::{
            arrival,
            conflict::Claim,
            known::{Known, Unchanged},
            late_writes::LateWrites,
            observed::Observed,
            plan::{Plan, Step, plan},
            report::{Jitter, Outcome, Report, report},
            warm_up::opening::{Opening, Unseen},
        },
        parse::{
            api_url::Tenant,
            object::{Object, ObjectKey},
            resource_version::Basis,
        },
    },
};

/// What decides.
#[derive(Clone, Copy)]
pub(super) struct Decisions {
    pub(super) opening: fn(&Known<'_>, Unseen) -> Opening,
    pub(super) unchanged: fn(&Known<'_>) -> Option<Unchanged>,
    pub(super) plan: fn(&Observed<'_>) -> Plan,
    pub(super) stands: fn(&Errand<'_, Held>) -> bool,
    pub(super) announced:
        fn(&Object, &AICoreRegistrySecretStatus, &Tenant) -> Option<AICoreRegistrySecretStatus>,
    pub(super) writes: fn(&Index<Held>, &Object, &Claim),
    pub(super) unanswered: fn(&mut LateWrites, &Claim, Duration),
    /// From what a status is made.
    pub(super) basis: fn(&Index<Held>, &Object) -> Basis,
    pub(super) report: fn(&Observed<'_>, &Step, Outcome, Duration, Jitter) -> Report,
    /// Who of those hears that its ownership may have changed.
    pub(super) woken: fn(Vec<ObjectKey>) -> Vec<ObjectKey>,
}

impl Decisions {
    /// As the program decides.
    pub(super) const REAL: Self = Self {
        opening: Opening::of_resource,
        unchanged: |known| known.unchanged(),
        plan,
        stands: |errand| errand.stands(),
        announced: arrival::announced,
        writes: |index, object, claim| index.writes(object, claim),
        unanswered: |late, claim, uptime| late.unanswered(claim, uptime),
        basis: Index::basis,
        report,
        woken: |woken| woken,
    };
}
