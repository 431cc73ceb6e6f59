//! `kubectl aicore-registry`: arguments, then [`aicore_registry_operator::plugin::run`].

use std::process::ExitCode;

use aicore_registry_operator::{crash, plugin, telemetry::LogFormat};

fn main() -> ExitCode {
    crash::leave_no_core();
    crash::quote_nothing(LogFormat::Text);
    plugin::run(std::env::args_os())
}
