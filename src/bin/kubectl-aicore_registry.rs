//! `kubectl aicore-registry`: arguments, then [`aicore_registry_operator::plugin::run`].

use std::process::ExitCode;

use aicore_registry_operator::plugin::{self, Cli};
use clap::Parser;

fn main() -> ExitCode {
    plugin::run(Cli::parse())
}
