//! The operator's controller within the test's process, where what is no flag can be set.

use std::{path::Path, sync::Arc, time::Duration};

use aicore_registry_operator::{
    aicore::pool::Pool,
    config::{Cli, Command},
    controller::Controller,
    health::Liveness,
    k8s,
    leadership::Leadership,
    metrics::Metrics,
};
use clap::Parser;
use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio_util::sync::{CancellationToken, DropGuard};

/// A controller that runs until this is dropped.
pub(crate) struct InProcess {
    liveness: Liveness,
    _stop: DropGuard,
}

impl InProcess {
    /// Starts it for one namespace; its watches list anew when they are silent for so long.
    pub(crate) async fn start(kubeconfig: &Path, namespace: &str, watch_silence_limit: Duration) -> Self {
        let namespaces = format!("--watch-namespaces={namespace}");
        let cli = Cli::try_parse_from(["operator", "run", "--allow-insecure-http", &namespaces]).unwrap();
        let Command::Run(arguments) = cli.command else { panic!("the command is run") };
        let mut config = arguments.validate().unwrap();
        config.controller.watch_silence_limit = watch_silence_limit;
        let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
        let kubeconfig =
            kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        let client = k8s::client::client(kubeconfig).unwrap();
        let (leadership, metrics) = (Leadership::always(), Arc::new(Metrics::new()));
        let pool = Pool::new(config.aicore, leadership.fence().clone(), Arc::clone(&metrics)).unwrap();
        let (controller, diagnostics) = Controller::new(client, config.controller, pool, leadership, metrics);
        let stop = CancellationToken::new();
        tokio::spawn(controller.run(stop.clone()));
        Self { liveness: Liveness::new(diagnostics), _stop: stop.drop_guard() }
    }

    /// What `/livez` would say.
    pub(crate) fn alive(&self) -> Result<(), String> {
        self.liveness.check().map_err(|stuck| stuck.to_string())
    }
}
