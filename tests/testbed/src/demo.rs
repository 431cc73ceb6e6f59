//! The demo: a real API server, a simulated AI Core, the operator as a program, and one rotation from `kubectl apply` to the
//! request that arrives. Everything is waited for, nothing is slept for.

mod cluster;
mod kubectl;
mod manifests;
mod operator;
mod screen;

use std::{path::PathBuf, time::Duration};

use anyhow::Context;
use tokio::time::Instant;

use self::{cluster::Cluster, operator::Operator};
use crate::{
    controlplane::workspace,
    process::Signals,
    simulator::{Journal, Operation, Options, Simulator, Tenant},
};

/// How long anything may take before the demo gives up.
const PATIENCE: Duration = Duration::from_mins(1);
/// Where the demo lives.
const NAMESPACE: &str = "aicore-registry-demo";
/// The resource, and the name of the remote secret.
const RESOURCE: &str = "ghcr-pull";
/// How often the credential is rotated, so that the figure is not that of a cold start alone.
const ROTATIONS: u32 = 5;

/// What the demo is to do.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Leave everything running until Ctrl-C.
    pub keep: bool,
    /// Use this cluster instead of a control plane of the demo's own.
    pub kubeconfig: Option<PathBuf>,
}

/// Runs the demo, and tidies up whether it succeeds or not.
///
/// # Errors
/// What went wrong, with what to do about it where that is known.
pub async fn run(settings: Settings) -> anyhow::Result<()> {
    let mut signals = Signals::watch()?;
    let cluster = tokio::select! {
        cluster = Cluster::start(settings.kubeconfig) => cluster?,
        _ = signals.next() => return Ok(()),
    };
    let shown = tokio::select! {
        shown = show(&cluster) => shown,
        _ = signals.next() => Err(anyhow::anyhow!("interrupted")),
    };
    match shown {
        Ok(running) if settings.keep => {
            screen::keep(&cluster, &running.simulator);
            signals.next().await;
            screen::step("Tidying up");
            drop(running);
        }
        Ok(_) => screen::step("Tidying up"),
        Err(error) => {
            cluster.tidy_up().await?;
            return Err(error);
        }
    }
    cluster.tidy_up().await
}

/// What runs beside the cluster.
struct Running {
    simulator: Simulator,
    _operator: Operator,
}

async fn show(cluster: &Cluster) -> anyhow::Result<Running> {
    screen::step("Starting a simulated SAP AI Core and the operator");
    let simulator = Simulator::start(Options::default()).await?;
    let tenant = simulator.tenant("demo");
    screen::say(&format!(
        "AI Core answers at {} (tenant of {})",
        tenant.api_url(),
        tenant.authorization_server()
    ));
    cluster.install_crd().await?;
    cluster.create_namespace().await?;
    let operator = Operator::start(cluster, NAMESPACE).await?;
    let log = operator.log();
    let log = log.strip_prefix(workspace()).unwrap_or(log);
    screen::say(&format!("the operator is ready; its log is in {}", log.display()));

    screen::step("What a user applies: two Secrets, and the resource that names them");
    screen::manifest(&manifests::shown());
    cluster.apply(&manifests::service_key(&tenant)).await?;
    cluster.apply(&manifests::registry_credential(0)).await?;
    screen::command("kubectl get aicrs -A", &cluster.kubectl(&["get", "aicrs", "-A"]).await?);
    cluster.apply(&manifests::resource()).await?;
    screen::command(
        &format!("kubectl wait -n {NAMESPACE} aicrs/{RESOURCE} --for=condition=Ready"),
        &cluster.wait_ready().await?,
    );
    screen::command("kubectl get aicrs -A", &cluster.kubectl(&["get", "aicrs", "-A"]).await?);
    screen::requests(
        "What AI Core was asked: a token, and, since it had no such secret yet (404), to create it",
        &tenant.journal(),
    );

    screen::step(&format!("The registry credential rotates, {ROTATIONS} times"));
    let mut latencies = Vec::new();
    let arrived = tenant.journal().from_now();
    for rotation in 1..=ROTATIONS {
        latencies.push(rotate(cluster, &tenant, rotation).await?);
    }
    screen::requests("What AI Core was asked: one PATCH for each", &arrived);
    screen::latencies(&latencies);
    cluster.wait_ready().await?;
    screen::command(
        "kubectl get aicrs -A -o wide",
        &cluster.kubectl(&["get", "aicrs", "-A", "-o", "wide"]).await?,
    );
    Ok(Running { simulator, _operator: operator })
}

/// Writes a new credential, and returns the time from sending that write to the API server until AI Core has accepted the
/// operator's.
async fn rotate(cluster: &Cluster, tenant: &Tenant, rotation: u32) -> anyhow::Result<Duration> {
    let journal: Journal = tenant.journal().from_now();
    let sent = Instant::now();
    cluster.rotate(rotation).await?;
    let accepted = journal
        .wait_for(|request| request.operation == Operation::Patch && request.applied, PATIENCE)
        .await
        .context("the rotation did not arrive at AI Core")?;
    Ok(accepted.answered.saturating_duration_since(sent))
}
