//! What the demo prints.

use std::time::Duration;

use super::cluster::Cluster;
use crate::simulator::{Journal, Simulator};

/// A heading.
pub(super) fn step(what: &str) {
    println!("\n== {what}");
}

/// A remark.
pub(super) fn say(what: &str) {
    println!("   {what}");
}

/// What is of this machine and not of the demo: on standard error, which no recording has.
pub(super) fn aside(what: &str) {
    eprintln!("testbed: {what}");
}

/// A manifest.
pub(super) fn manifest(text: &str) {
    println!();
    text.lines().for_each(|line| println!("   {line}"));
}

/// A command and what it printed.
pub(super) fn command(command: &str, output: &str) {
    println!("\n   $ {command}");
    output.lines().for_each(|line| println!("   {line}"));
}

/// Requests that arrived at AI Core, without their credentials.
pub(super) fn requests(title: &str, journal: &Journal) {
    println!(
        "\n   {title}\n   (shown of a payload: its registries and the start of its SHA-256, never the credential)"
    );
    for request in journal.entries() {
        println!("     {}", request.to_line());
    }
}

/// How long the rotations took.
pub(super) fn latencies(latencies: &[Duration]) {
    let millis = |latency: &Duration| format!("{:.1} ms", latency.as_secs_f64() * 1000.0);
    let all: Vec<String> = latencies.iter().map(millis).collect();
    let mut sorted = latencies.to_vec();
    sorted.sort_unstable();
    let median = sorted.get(sorted.len() / 2).map(millis).unwrap_or_default();
    println!(
        "\n   From sending the new Secret to the API server until AI Core had accepted it: {median} (median)"
    );
    println!("   {} ({})", all.join(", "), build());
}

/// How to look around while it runs.
pub(super) fn keep(cluster: &Cluster, simulator: &Simulator) {
    println!("\n== Left running, until Ctrl-C");
    println!("   export KUBECONFIG={}", cluster.kubeconfig().display());
    println!("   alias kubectl={}", cluster.kubectl_path().display());
    println!("   AI Core answers at {}", simulator.url());
}
fn build() -> &'static str {
    if cfg!(debug_assertions) { "a debug build; a release build is faster" } else { "a release build" }
}
