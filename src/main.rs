//! The program: arguments, then [`aicore_registry_operator::run()`].

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use aicore_registry_operator::{
    api,
    config::{Cli, Command, RunArgs},
    crash,
    domain::tools::printable::Printable,
    run,
    telemetry::{LogFormat, Telemetry},
};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Exit code for a wrong command line or configuration, as clap uses it too.
const WRONG_CONFIGURATION: u8 = 2;

fn main() -> ExitCode {
    crash::leave_no_core();
    crash::quote_nothing(LogFormat::Text);
    match Cli::parse().command {
        Command::Crd => print_crds(),
        Command::Run(args) => start(*args),
    }
}

fn print_crds() -> ExitCode {
    let documents = [api::crd(), api::tenant_crd()].map(|crd| serde_saphyr::to_string(&crd));
    let [resource, tenant] = documents;
    match resource.and_then(|resource| Ok(format!("{resource}---\n{}", tenant?))) {
        Ok(yaml) => match io::stdout().write_all(yaml.as_bytes()) {
            // Whoever reads it may stop when it has seen enough.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => fail(ExitCode::FAILURE, error),
            _ => ExitCode::SUCCESS,
        },
        Err(error) => fail(ExitCode::FAILURE, error),
    }
}

fn start(args: RunArgs) -> ExitCode {
    let (format, filter) = (args.log_format, args.log_level.clone());
    crash::quote_nothing(format);
    let config = match args.validate() {
        Ok(config) => config,
        Err(error) => return fail(WRONG_CONFIGURATION.into(), error),
    };
    // Both TLS clients take the process's provider; without one they would panic at their first use.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        return fail(ExitCode::FAILURE, anyhow::anyhow!("another TLS provider is installed already"));
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(ExitCode::FAILURE, error),
    };
    let roots = config.aicore.extra_roots_pem.as_deref();
    let telemetry = match Telemetry::start(format, &filter, runtime.handle(), roots) {
        Ok(telemetry) => telemetry,
        Err(error) => return fail(WRONG_CONFIGURATION.into(), error),
    };
    let level = telemetry.level();
    // Spawned, so that one thread does all the work and allocates all the memory: what one frees, the same one uses again.
    let running = runtime.spawn(async move {
        let stop = CancellationToken::new();
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let asked = stop.clone();
        tokio::spawn(async move {
            let name = tokio::select! { _ = terminate.recv() => "SIGTERM", _ = interrupt.recv() => "SIGINT" };
            tracing::info!(signal = name, "stopping");
            asked.cancel();
        });
        anyhow::Ok(run(config, level, stop).await?)
    });
    let result = runtime.block_on(running).unwrap_or_else(|error| Err(error.into()));
    let code = match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // With its causes.
            tracing::error!(error = format!("{error:#}"), "the operator ended with an error");
            ExitCode::FAILURE
        }
    };
    telemetry.finish();
    // Whatever still runs ends with the process: nothing is waited for, a lookup of a host name least of all.
    runtime.shutdown_background();
    code
}

/// Says what is wrong, with its causes.
fn fail(code: ExitCode, error: impl Into<anyhow::Error>) -> ExitCode {
    eprintln!("error: {}", Printable::new(format_args!("{:#}", error.into())));
    code
}
