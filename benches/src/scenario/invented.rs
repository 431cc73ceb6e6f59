//! A namespace that invents tenants: many resources, each with a service key of its own that names another path or another
//! server, where each answer takes about as long as the operator waits.

use std::time::Duration;

use testbed::simulator::{Fault, Matcher, Options, Simulator, Tenant};

use super::{CONCURRENCY, Run, beside, warm_up};
use crate::{counts::events_end, fleet::Fleet, neighbours::Neighbours, subject::Which};

/// Between two rotations of these resources.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) async fn run(fleet: &Fleet, run: &mut Run<'_>) -> anyhow::Result<()> {
    let trouble = &run.parameters.trouble;
    let mut pairs = Vec::new();
    for pair in 0..trouble.pairs {
        pairs.push(self::pair(fleet, run, pair).await?);
    }
    let scenario = format!(
        "a namespace invents {} tenants that answer after {} s",
        trouble.invented,
        trouble.invented_delay.as_secs()
    );
    beside::report(run.report, &scenario, beside::QUIET, &pairs);
    Ok(())
}

async fn pair(fleet: &Fleet, run: &Run<'_>, pair: usize) -> anyhow::Result<(beside::Round, beside::Round)> {
    let trouble = &run.parameters.trouble;
    let timeout = format!("--request-timeout={}s", trouble.request_timeout.as_secs());
    let subject = fleet.launch(Which::Product, CONCURRENCY, &[&timeout])?.start_ready().await?;
    fleet.settled().await?;
    let mark = format!("invented-{pair}");
    warm_up(fleet, &format!("{mark}-warm")).await?;
    events_end(&fleet.client).await?;
    let quiet = beside::healthy(fleet, trouble.round, &format!("{mark}-quiet")).await?;

    let (servers, tenants) = invent(fleet, trouble.invented, &mark).await?;
    for tenant in &tenants {
        tenant.faults().always(Matcher::any(), Fault::latency(trouble.invented_delay));
    }
    let mut neighbours = Neighbours::of(fleet);
    neighbours.add(&mark, &tenants, trouble.invented).await?;
    let on = format!("{mark}-on");
    let others = neighbours.keep_rotating(neighbours.len(), PAUSE, &on);
    let invented = beside::healthy_beside(fleet, trouble.round, &format!("{mark}-beside"), others).await?;
    neighbours.remove().await?;
    subject.stop().await?;
    drop(servers);
    Ok((invented, quiet))
}

/// Every other one is another path of the fleet's server, and the rest are servers of their own.
async fn invent(fleet: &Fleet, count: usize, mark: &str) -> anyhow::Result<(Vec<Simulator>, Vec<Tenant>)> {
    let (mut servers, mut tenants) = (Vec::new(), Vec::new());
    for number in 0..count {
        let name = format!("{mark}-{number}");
        if number % 2 == 0 {
            let tenant = fleet.simulator.tenant(&name);
            tenant.configure(|options| options.own_api_url = true);
            tenants.push(tenant);
        } else {
            let server = Simulator::start(Options { keep_journal: false, ..Options::default() }).await?;
            tenants.push(server.tenant(&name));
            servers.push(server);
        }
    }
    Ok((servers, tenants))
}
