//! Tenants that have worked and then hang: neither their token endpoint nor their API answers, and their credentials go on to
//! change.

use std::time::Duration;

use testbed::simulator::{Fault, Gate, Matcher, Tenant};

use super::{CONCURRENCY, Run, beside, warm_up};
use crate::{counts::events_end, fleet::Fleet, neighbours::Neighbours, subject::Which};

/// Between two rotations of tenants that hang.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) async fn run(fleet: &Fleet, run: &mut Run<'_>) -> anyhow::Result<()> {
    let trouble = &run.parameters.trouble;
    let most = trouble.hung.iter().copied().max().unwrap_or_default();
    let tenants: Vec<Tenant> =
        (0..most).map(|number| fleet.simulator.tenant(&format!("hung-{number}"))).collect();
    let mut neighbours = Neighbours::of(fleet);
    for tenant in &tenants {
        neighbours.add(tenant.name(), std::slice::from_ref(tenant), trouble.hung_resources).await?;
    }
    let first = fleet.launch(Which::Product, CONCURRENCY, &[])?.start_ready().await?;
    neighbours.in_sync(neighbours.len(), "hung-first").await?;
    first.stop().await?;
    for &count in &trouble.hung {
        let hang = if count == 1 { "1 tenant hangs".to_owned() } else { format!("{count} tenants hang") };
        run.step(&hang);
        let mut pairs = Vec::new();
        for pair in 0..trouble.pairs {
            pairs.push(self::pair(fleet, run, &neighbours, &tenants[..count], pair).await?);
        }
        let scenario = format!("{hang}, {} resources each", trouble.hung_resources);
        beside::report(run.report, &scenario, beside::QUIET, &pairs);
    }
    neighbours.remove().await
}

async fn pair(
    fleet: &Fleet,
    run: &Run<'_>,
    neighbours: &Neighbours<'_>,
    tenants: &[Tenant],
    pair: usize,
) -> anyhow::Result<(beside::Round, beside::Round)> {
    let trouble = &run.parameters.trouble;
    let resources = tenants.len() * trouble.hung_resources;
    let mark = format!("hung-{}-{pair}", tenants.len());
    let timeout = format!("--request-timeout={}s", trouble.request_timeout.as_secs());
    let subject = fleet.launch(Which::Product, CONCURRENCY, &[&timeout])?.start_ready().await?;
    fleet.settled().await?;
    warm_up(fleet, &format!("{mark}-warm")).await?;
    // They are well until now: they have tokens and connections.
    neighbours.in_sync(resources, &format!("{mark}-well")).await?;
    events_end(&fleet.client).await?;
    let quiet = beside::healthy(fleet, trouble.round, &format!("{mark}-quiet")).await?;

    let gate = Gate::new();
    for (number, tenant) in tenants.iter().enumerate() {
        tenant.faults().always(Matcher::any(), Fault::gate(&gate));
        if number % 2 == 0 {
            // The API says 401 at once, and the token endpoint hangs; of the others, the API.
            tenant.revoke_tokens();
        }
    }
    neighbours.rotate_all(resources, &format!("{mark}-hang")).await?;
    gate.arrived().await?;
    let on = format!("{mark}-on");
    let others = neighbours.keep_rotating(resources, PAUSE, &on);
    let hung = beside::healthy_beside(fleet, trouble.round, &format!("{mark}-beside"), others).await?;
    for tenant in tenants {
        tenant.faults().clear();
    }
    gate.release();
    subject.stop().await?;
    Ok((hung, quiet))
}
