//! What is measured, one scenario a file. Each leaves the fleet in sync for the next.

mod beside;
mod burst;
mod cold;
mod growth;
mod hung;
mod idle;
mod invented;
mod limits;
mod memory;
mod namespaces;
mod noise;
mod ordinary;
mod outages;
mod pacing;
mod relist;
mod rest;
mod restart;
mod scrape;
mod shards;

use std::{fs, time::Duration};

use tokio::time::Instant;

use crate::{
    fleet::{Fleet, PER_TENANT, Rotation},
    parameters::Parameters,
    plot::Plot,
    report::{Drawn, Report, Section},
    subject::Which,
};

/// The operator's default `--concurrency`.
pub const CONCURRENCY: usize = 32;

/// A run under way.
pub struct Run<'a> {
    /// What was asked for.
    pub parameters: &'a Parameters,
    /// What was found so far.
    pub report: &'a mut Report,
    began: Instant,
}

impl Run<'_> {
    /// Says what is being done.
    pub fn step(&self, what: &str) {
        println!("[{:>5.0} s] {what}", self.began.elapsed().as_secs_f64());
    }

    /// Whether the scenario is to run, and if so, says that it begins.
    fn begins(&self, scenario: &str, what: &str) -> bool {
        let wanted = self.parameters.wants(scenario);
        if wanted {
            self.step(what);
        }
        wanted
    }

    fn ends(&mut self, scenario: &str) {
        self.report.ended.push(scenario.to_owned());
    }

    /// Draws a plot into the report.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn draw(&mut self, file: &str, plot: &Plot<'_>) -> anyhow::Result<()> {
        let file = format!("performance/{file}");
        fs::create_dir_all(self.parameters.output.join("performance"))?;
        fs::write(self.parameters.output.join(&file), plot.svg())?;
        let section = self.report.section();
        self.report.plots.push(Drawn { section, file, caption: plot.title.to_owned() });
        Ok(())
    }
}

/// Runs the scenario if it is wanted, and notes that it has ended.
macro_rules! scenario {
    ($run:expr, $name:literal, $what:expr, $scenario:expr) => {
        if $run.begins($name, $what) {
            $scenario.await?;
            $run.ends($name);
        }
    };
}

/// Runs what was asked for.
///
/// # Errors
/// When a part of the test bed or a program fails; figures that were taken before stay in the report.
pub async fn run(parameters: &Parameters, report: &mut Report) -> anyhow::Result<()> {
    let mut run = Run { parameters, report, began: Instant::now() };
    let in_fleet = |section: &Section| section.scenarios().iter().any(|name| parameters.wants(name));
    if [Section::Alone, Section::Ordinary, Section::Neighbours].iter().any(in_fleet) {
        let fleet = alone(&mut run).await?;
        run.report.begin(Section::Ordinary);
        if run.begins("ordinary", "beside an ordinary operator") {
            match &parameters.ordinary {
                Ok(_) => {
                    ordinary::run(&fleet, &mut run).await?;
                    run.ends("ordinary");
                }
                Err(reason) => run.report.leave_out("ordinary", reason),
            }
        }
        run.report.begin(Section::Neighbours);
        scenario!(run, "limits", "a tenant that answers 429", limits::run(&fleet, &mut run));
        scenario!(run, "hung", "tenants that hang", hung::run(&fleet, &mut run));
        scenario!(run, "invented", "a namespace invents tenants", invented::run(&fleet, &mut run));
        scenario!(run, "namespaces", "many namespaces, each watched", namespaces::run(&fleet, &mut run));
        scenario!(run, "outages", "outages of AI Core and of the API server", outages::run(&fleet, &mut run));
        fleet.control_plane.stop().await?;
        scenario!(run, "scrape", "metrics are read all the time", scrape::run(&mut run));
    }
    run.report.begin(Section::Growth);
    scenario!(run, "growth", "growth", growth::run(&mut run));
    run.report.begin(Section::Pacing);
    if run.begins("pacing", "100,000 resources in virtual time") {
        pacing::run(&mut run);
        run.ends("pacing");
    }
    run.step("done");
    Ok(())
}

/// The operator when all is well; returns the fleet in sync.
async fn alone(run: &mut Run<'_>) -> anyhow::Result<Fleet> {
    let parameters = run.parameters;
    run.report.begin(Section::Alone);
    run.step("starting the control plane and the simulator");
    let mut fleet = Fleet::start(parameters).await?;
    run.report.facts.kubernetes = fleet.client.apiserver_version().await?.git_version;
    fleet.grow(1).await?;
    if run.begins("memory", "memory with one resource") {
        memory::one(&fleet, run).await?;
    }
    run.step(&format!(
        "making {} resources and {} unrelated Secrets",
        parameters.resources, parameters.unrelated
    ));
    fleet.grow(parameters.resources).await?;
    fleet.add_unrelated(parameters.unrelated).await?;
    scenario!(run, "cold", "cold start: nothing was ever sent", cold::run(&fleet, run));
    synced_by_product(&fleet).await?;
    scenario!(run, "memory", "memory with all resources", memory::all(&fleet, run));
    scenario!(run, "idle", "rotations one by one", idle::run(&fleet, run));
    scenario!(run, "burst", "all Secrets rotated at once", burst::run(&fleet, run));
    scenario!(run, "restart", "restart with everything in sync", restart::run(&fleet, run));
    scenario!(run, "noise", "rotations while unrelated Secrets change", noise::run(&fleet, run));
    scenario!(run, "rest", "nothing happens", rest::run(&fleet, run));
    scenario!(run, "relist", "the watches' version has expired", relist::run(&fleet, run));
    scenario!(run, "shards", "two operators share the work", shards::run(&fleet, run));
    Ok(fleet)
}

/// What another program has written says that all is in sync, and the product knows better: that would go on in all that
/// follows. So all is sent anew by the product.
///
/// # Errors
/// When that takes too long.
pub async fn synced_by_product(fleet: &Fleet) -> anyhow::Result<()> {
    fleet.forget_all().await?;
    let product = fleet.launch(Which::Product, CONCURRENCY, &[])?.start_ready().await?;
    fleet.settled().await?;
    product.stop().await
}

/// Milliseconds from `earlier` to `later`; negative when it was the other way round.
#[must_use]
pub fn milliseconds(earlier: Instant, later: Instant) -> f64 {
    let ahead = later.saturating_duration_since(earlier).as_secs_f64();
    (ahead - earlier.saturating_duration_since(later).as_secs_f64()) * 1e3
}

/// Latency of one rotation: from the API server's answer to AI Core and to the status, in milliseconds.
///
/// # Errors
/// When one of them does not come.
pub async fn follow(fleet: &Fleet, rotation: &Rotation) -> anyhow::Result<(f64, f64)> {
    let arrived = fleet.arrivals.wait(&rotation.name, &rotation.content).await?;
    fleet
        .statuses
        .wait("the status of a rotation", |statuses| {
            statuses.get(&rotation.name).and_then(|seen| seen.source_version.as_ref())
                == Some(&rotation.version)
        })
        .await?;
    let shown = fleet.statuses.changed_at(&rotation.name).unwrap_or(arrived);
    Ok((milliseconds(rotation.answered, arrived), milliseconds(rotation.answered, shown)))
}

/// Rotates one resource after the other, spread over the fleet, and returns the latencies of both kinds.
///
/// # Errors
/// When a rotation does not arrive.
pub async fn one_by_one(fleet: &Fleet, count: usize, mark: &str) -> anyhow::Result<(Vec<f64>, Vec<f64>)> {
    let (mut arrived, mut shown) = (Vec::new(), Vec::new());
    for number in 0..count {
        // A prime step, so that neighbours are of different tenants.
        let rotation = fleet.rotate(number * 7919 % fleet.size, &format!("{mark}-{number}")).await?;
        let (to_remote, to_status) = follow(fleet, &rotation).await?;
        arrived.push(to_remote);
        shown.push(to_status);
    }
    Ok((arrived, shown))
}

/// Rotates one resource of each tenant, so that its service key is read, a token fetched and a connection made: each process
/// does that once, and not with each rotation.
///
/// # Errors
/// When a rotation does not arrive.
pub async fn warm_up(fleet: &Fleet, mark: &str) -> anyhow::Result<()> {
    for number in (0..fleet.size).step_by(PER_TENANT) {
        follow(fleet, &fleet.rotate(number, mark).await?).await?;
    }
    Ok(())
}

/// Per second.
#[must_use]
pub fn rate(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}
