//! A replica of the operator, and what Prometheus would know of its pod.

use std::{collections::BTreeMap, fs};

use anyhow::Context;
use serde_json::Value;

use super::{scrapes::Target, world::World};
use crate::{
    parameters::Parameters,
    subject::{Launch, Subject},
};

/// The operator's namespace.
pub(super) const NAMESPACE: &str = "aicore-registry-system";
/// Names of pods as a Deployment gives them, by their number.
const PODS: [&str; 3] = ["x7k2p", "m4qzd", "t9wfb"];

/// A running replica.
pub(super) struct Replica {
    subject: Subject,
    /// Where it is scraped.
    pub(super) target: Target,
}

impl Replica {
    /// Starts it as the chart does, and waits until its log says this.
    pub(super) async fn start(
        world: &World,
        parameters: &Parameters,
        number: usize,
        ready: &'static str,
    ) -> anyhow::Result<Self> {
        let lease = format!("--leader-elect-lease-namespace={NAMESPACE}");
        let launch = Launch {
            program: std::path::absolute(&parameters.product)?,
            arguments: ["run", "--listen=127.0.0.1:0", "--allow-insecure-http", "--leader-elect", &lease]
                .map(str::to_owned)
                .to_vec(),
            kubeconfig: world.fleet.control_plane.kubeconfig().to_owned(),
            log: parameters.output.join(format!("logs/dashboard-{number}.log")),
            ready,
        };
        let subject = launch.start_ready().await?;
        let log = fs::read_to_string(&launch.log)?;
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut addresses = lines.filter_map(|line| line["listen"].as_str().map(str::to_owned));
        let address = addresses.next().context("the log does not say where the metrics are")?;
        let pod = PODS.get(number).copied().unwrap_or("zzzzz");
        let labels = [
            ("job", "aicore-registry-operator".to_owned()),
            ("namespace", NAMESPACE.to_owned()),
            ("pod", format!("aicore-registry-operator-6c9f7d8b5c-{pod}")),
            ("instance", format!("10.42.{}.{}:8080", number + 1, 17 + 6 * number)),
        ];
        let labels: BTreeMap<_, _> =
            labels.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Ok(Self { subject, target: Target { url: format!("http://{address}/metrics"), labels } })
    }

    /// Ends it as Kubernetes does.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        self.subject.stop().await
    }
}
