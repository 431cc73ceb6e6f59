//! What is measured, one scenario a file. Each leaves the fleet in sync for the next.

mod burst;
mod cold;
mod growth;
mod idle;
mod limits;
mod memory;
mod noise;
mod pacing;
mod relist;
mod rest;
mod restart;
mod shards;

use std::{fs, time::Duration};

use tokio::time::Instant;

use crate::{
    fleet::{Fleet, PER_TENANT, Rotation},
    parameters::Parameters,
    plot::Plot,
    report::Report,
};

/// The operator's default `--concurrency`.
pub const CONCURRENCY: usize = 32;

/// A run under way.
pub struct Run<'a> {
    /// What was asked for.
    pub parameters: &'a Parameters,
    /// What was found so far.
    pub report: &'a mut Report,
}

impl Run<'_> {
    /// Draws a plot into the report.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn draw(&mut self, file: &str, plot: &Plot<'_>) -> anyhow::Result<()> {
        fs::create_dir_all(&self.parameters.output)?;
        fs::write(self.parameters.output.join(file), plot.svg())?;
        self.report.plots.push((file.to_owned(), plot.title.to_owned()));
        Ok(())
    }
}

/// Runs what was asked for.
///
/// # Errors
/// When a part of the test bed or a program fails; figures that were taken before stay in the report.
pub async fn run(parameters: &Parameters, report: &mut Report) -> anyhow::Result<()> {
    let began = Instant::now();
    let step = |what: &str| println!("[{:>5.0} s] {what}", began.elapsed().as_secs_f64());
    let mut run = Run { parameters, report };
    step("starting the control plane and the simulator");
    let mut fleet = Fleet::start(parameters).await?;
    fleet.grow(1).await?;
    if parameters.wants("memory") {
        step("memory with one resource");
        memory::one(&fleet, &mut run).await?;
    }
    step(&format!(
        "making {} resources and {} unrelated Secrets",
        parameters.resources, parameters.unrelated
    ));
    fleet.grow(parameters.resources).await?;
    fleet.add_unrelated(parameters.unrelated).await?;
    if parameters.wants("cold") {
        step("cold start: nothing was ever sent; product and floor in turn");
        cold::run(&fleet, &mut run).await?;
    }
    let first = fleet.launch(crate::subject::Which::Product, CONCURRENCY, &[])?.start_ready().await?;
    fleet.settled().await?;
    first.stop().await?;
    if parameters.wants("memory") {
        step("memory with all resources");
        memory::all(&fleet, &mut run).await?;
    }
    if parameters.wants("idle") {
        step("rotations one by one, product and floor in turn");
        idle::run(&fleet, &mut run).await?;
    }
    if parameters.wants("burst") {
        step("all Secrets rotated at once, product and floor in turn");
        burst::run(&fleet, &mut run).await?;
    }
    if parameters.wants("restart") {
        step("restart with everything in sync");
        restart::run(&fleet, &mut run).await?;
    }
    if parameters.wants("noise") {
        step("rotations while unrelated Secrets change");
        noise::run(&fleet, &mut run).await?;
    }
    if parameters.wants("rest") {
        step("nothing happens");
        rest::run(&fleet, &mut run).await?;
    }
    if parameters.wants("limits") {
        step("a tenant that answers 429 beside one that is well");
        limits::run(&fleet, &mut run).await?;
    }
    if parameters.wants("relist") {
        step("the watches' version has expired");
        relist::run(&fleet, &mut run).await?;
    }
    if parameters.wants("shards") {
        step("two operators share the work");
        shards::run(&fleet, &mut run).await?;
    }
    fleet.control_plane.stop().await?;
    if parameters.wants("growth") {
        step("growth");
        growth::run(&mut run, &step).await?;
    }
    if parameters.wants("pacing") {
        step("100,000 resources in virtual time");
        pacing::run(&mut run);
    }
    step("done");
    Ok(())
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
