//! The operator as a process of its own: the program that users run.

pub(crate) use testbed::operator::{Launch, Operator};

/// The program that is tested.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_aicore-registry-operator");
