//! `kubectl aicore-registry`: arguments, then [`aicore_registry_operator::plugin::run`].

use std::process::ExitCode;

fn main() -> ExitCode {
    aicore_registry_operator::plugin::run(std::env::args_os())
}
