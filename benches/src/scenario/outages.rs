//! Outages of minutes while credentials change: how soon after the end all are sent, and how many requests there are meanwhile
//! and at the end. Here a tenant's rate is the operator's default, since it is part of what is measured.

use std::time::Duration;

use testbed::{
    proxy::{Action, Proxy},
    simulator::{Fault, Matcher},
};
use tokio::time::{Instant, sleep_until};

use super::{CONCURRENCY, Run, beside, milliseconds, warm_up};
use crate::{
    arrivals::{PATIENCE, Sent},
    fleet::{Fleet, PER_TENANT, Rotation},
    report::{Figure, Report, Target},
    statistics::{Sample, most_in_a_second},
    subject::{Launch, Which},
};

/// The operator's defaults for the requests to a tenant, in a second and at once.
const RATE: (u32, u32) = (10, 20);
/// Tenants whose credentials change: few, so that their rate counts.
const TENANTS: usize = 4;
/// Within how many seconds after the end all are to be sent.
const RECOVERED: f64 = 15.0;

/// An outage that is over, and what changed meanwhile.
struct Outage {
    began: Instant,
    ended: Instant,
    /// Number and rotation of each resource.
    rotations: Vec<(usize, Rotation)>,
}

pub(super) async fn run(fleet: &Fleet, run: &mut Run<'_>) -> anyhow::Result<()> {
    anyhow::ensure!(fleet.size > PER_TENANT, "two tenants are needed: N is at least {}", PER_TENANT + 1);
    run.step("AI Core is away");
    of_ai_core(fleet, run).await?;
    run.step("the API server is away");
    of_api_server(fleet, run).await
}

/// AI Core is away in two ways at the same time, each for an operator of its own that has every other tenant.
async fn of_ai_core(fleet: &Fleet, run: &mut Run<'_>) -> anyhow::Result<()> {
    let kinds = [("no answer", Fault::hang()), ("503", Fault::status(503))];
    let mut subjects = Vec::new();
    for shard in 0..kinds.len() {
        let selector = format!("--watch-label-selector=shard={shard}");
        subjects.push(launch(fleet, run, &[&selector])?.start_ready().await?);
    }
    fleet.settled().await?;
    warm_up(fleet, "outage-warm").await?;
    fleet.arrivals.forget();
    for (number, tenant) in beside::tenants(fleet).enumerate() {
        tenant.faults().always(Matcher::any(), kinds[number % kinds.len()].1.clone());
    }
    let outage = last(fleet, run, "outage-of-ai-core").await?;
    for tenant in beside::tenants(fleet) {
        tenant.faults().clear();
    }
    let recovered = outage.recovery(fleet).await;
    // What hangs is known when the operator has given it up.
    for subject in subjects {
        subject.stop().await?;
    }
    let sent = fleet.arrivals.sent();
    for (shard, (kind, _)) in kinds.iter().enumerate() {
        let scenario = format!("AI Core is away for {} s: {kind}", run.parameters.trouble.outage.as_secs());
        let is_own = |tenant: usize| tenant % kinds.len() == shard;
        let recovered: Vec<Option<f64>> = recovered
            .iter()
            .filter(|(number, _)| is_own(number / PER_TENANT))
            .map(|(_, seconds)| *seconds)
            .collect();
        report_recovery(run.report, &scenario, &recovered);
        let tenants: Vec<String> =
            (0..fleet.size.div_ceil(PER_TENANT)).filter(|&tenant| is_own(tenant)).map(tenant_name).collect();
        let is_own = |sent: &&Sent| sent.tenant.as_ref().is_some_and(|name| tenants.contains(name));
        let times = outage.times(sent.iter().filter(is_own).map(|sent| sent.at));
        report_requests(run.report, &scenario, "to AI Core", &outage, &times);
        report_tenants(run.report, &scenario, &outage, &sent, &tenants);
    }
    Ok(())
}

/// The API server is away for the operator alone, so that credentials can change meanwhile.
async fn of_api_server(fleet: &Fleet, run: &mut Run<'_>) -> anyhow::Result<()> {
    let proxy = Proxy::start(fleet.control_plane.kubeconfig()).await?;
    let kubeconfig = proxy.kubeconfig().to_owned();
    let subject = Launch { kubeconfig, ..launch(fleet, run, &[])? }.start_ready().await?;
    fleet.settled().await?;
    warm_up(fleet, "outage-warm-again").await?;
    fleet.arrivals.forget();
    proxy.always(|_| true, Action::cut());
    proxy.cut(|_| true);
    let outage = last(fleet, run, "outage-of-the-api-server").await?;
    proxy.clear();
    let recovered: Vec<Option<f64>> =
        outage.recovery(fleet).await.into_iter().map(|(_, seconds)| seconds).collect();
    subject.stop().await?;
    let scenario = format!("the API server is away for {} s", run.parameters.trouble.outage.as_secs());
    report_recovery(run.report, &scenario, &recovered);
    let times = outage.times(proxy.seen().iter().map(|seen| seen.at));
    report_requests(run.report, &scenario, "to the API server", &outage, &times);
    let tenants: Vec<String> = (0..TENANTS).map(tenant_name).collect();
    report_tenants(run.report, &scenario, &outage, &fleet.arrivals.sent(), &tenants);
    Ok(())
}

fn launch(fleet: &Fleet, run: &Run<'_>, more: &[&str]) -> anyhow::Result<Launch> {
    let timeout = format!("--request-timeout={}s", run.parameters.trouble.request_timeout.as_secs());
    let (rate, burst) = (format!("--tenant-rps={}", RATE.0), format!("--tenant-burst={}", RATE.1));
    let arguments: Vec<&str> = [&*timeout, &*rate, &*burst].into_iter().chain(more.iter().copied()).collect();
    fleet.launch(Which::Product, CONCURRENCY, &arguments)
}

/// Lets the outage last, and changes credentials meanwhile.
async fn last(fleet: &Fleet, run: &Run<'_>, mark: &str) -> anyhow::Result<Outage> {
    let trouble = &run.parameters.trouble;
    let began = Instant::now();
    let numbers = numbers(fleet.size, trouble.outage_rotations);
    let rotations = beside::evenly(fleet, &numbers, trouble.outage, mark).await?;
    sleep_until(began + trouble.outage).await;
    Ok(Outage { began, ended: Instant::now(), rotations: numbers.into_iter().zip(rotations).collect() })
}

/// Resources of the first tenants in turn.
fn numbers(size: usize, count: usize) -> Vec<usize> {
    let tenants = TENANTS.min(size.div_ceil(PER_TENANT));
    (0..count.min(TENANTS * PER_TENANT))
        .map(|turn| turn % tenants * PER_TENANT + turn / tenants)
        .filter(|&number| number < size)
        .collect()
}

fn tenant_name(number: usize) -> String {
    format!("t{number}")
}

impl Outage {
    /// Seconds after the end until each rotation was sent; none for one that was not.
    async fn recovery(&self, fleet: &Fleet) -> Vec<(usize, Option<f64>)> {
        let rotations: Vec<Rotation> = self.rotations.iter().map(|(_, rotation)| rotation.clone()).collect();
        let arrived = fleet.arrivals.wait_all(&rotations, self.ended + PATIENCE).await;
        let seconds = |arrived: Option<Instant>| Some(milliseconds(self.ended, arrived?) / 1e3);
        self.rotations.iter().zip(arrived).map(|((number, _), arrived)| (*number, seconds(arrived))).collect()
    }

    /// Seconds after the end, negative before it; nothing from before the outage.
    fn times(&self, requests: impl Iterator<Item = Instant>) -> Vec<f64> {
        requests.filter(|at| *at >= self.began).map(|at| milliseconds(self.ended, at) / 1e3).collect()
    }
}

fn report_recovery(report: &mut Report, scenario: &str, recovered: &[Option<f64>]) {
    let missing = recovered.iter().filter(|seconds| seconds.is_none()).count();
    let patience = PATIENCE.as_secs_f64();
    let sample = Sample::new(recovered.iter().map(|seconds| seconds.unwrap_or(patience)).collect());
    report.add(Figure::new(scenario, "credentials that changed meanwhile", "", recovered.len() as f64));
    report.add(Figure::new(scenario, "half of them sent, after its end", "s", sample.median()));
    report.add(
        Figure::new(scenario, "all sent, after its end", "s", sample.max()).target(Target::AtMost(RECOVERED)),
    );
    report.add(
        Figure::new(scenario, "not sent within five minutes", "", missing as f64).target(Target::AtMost(0.0)),
    );
}

fn report_requests(report: &mut Report, scenario: &str, to: &str, outage: &Outage, times: &[f64]) {
    let (after, during): (Vec<f64>, Vec<f64>) = times.iter().partition(|time| **time >= 0.0);
    let lasted: Duration = outage.ended - outage.began;
    for (what, value) in [
        (format!("requests {to} during it, mean"), during.len() as f64 / lasted.as_secs_f64()),
        (format!("requests {to} during it, the most in a second"), most_in_a_second(during) as f64),
        (format!("requests {to} after it, the most in a second"), most_in_a_second(after) as f64),
    ] {
        report.add(Figure::new(scenario, what, "/s", value));
    }
}

fn report_tenants(report: &mut Report, scenario: &str, outage: &Outage, sent: &[Sent], tenants: &[String]) {
    let most = tenants.iter().map(|name| {
        let is_own = |sent: &&Sent| !sent.for_token && sent.tenant.as_ref() == Some(name);
        most_in_a_second(outage.times(sent.iter().filter(is_own).map(|sent| sent.at)))
    });
    let most = most.max().unwrap_or(0) as f64;
    report.add(
        Figure::new(scenario, "requests to one tenant, the most in a second", "/s", most)
            .target(Target::AtMost(f64::from(RATE.0 + RATE.1))),
    );
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn rotations_are_of_few_tenants_in_turn() {
        assert_eq!(numbers(1000, 6), [0, 40, 80, 120, 1, 41]);
        assert_eq!(numbers(60, 4), [0, 40, 1, 41]);
        let all = numbers(1000, 1000);
        assert_eq!((all.len(), all.iter().collect::<BTreeSet<_>>().len()), (160, 160));
        assert!(numbers(60, 100).iter().all(|&number| number < 60));
    }
}
