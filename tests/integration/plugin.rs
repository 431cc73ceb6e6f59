//! The kubectl plugin, as the program that users run.

mod check_cluster;
mod check_files;
mod cluster;
mod folder;
mod hostile;
mod krew;
mod registry;
mod status;
mod suspend;
mod sync;
mod tenants;

use std::{
    path::Path,
    process::{Output, Stdio},
};

use tokio::process::Command;

use crate::{cluster::PATIENCE, world::World};

/// What the plugin said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    fn of(output: Output) -> Self {
        let Output { status, stdout, stderr } = output;
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let said = Self { code: status.code(), out: text(stdout), err: text(stderr) };
        assert!(!said.err.contains("panicked"), "{said:?}");
        said
    }

    /// The exit code, and that all these parts were said.
    #[track_caller]
    pub(crate) fn assert(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        for part in parts {
            assert!(
                self.out.contains(part) || self.err.contains(part),
                "no {part:?}:\n{}{}",
                self.out,
                self.err
            );
        }
    }
}

/// Runs a command to its end.
pub(crate) async fn finish(mut command: Command) -> Said {
    command.stdin(Stdio::null()).kill_on_drop(true);
    Said::of(tokio::time::timeout(PATIENCE, command.output()).await.unwrap().unwrap())
}

/// The plugin, with nothing of the user's environment.
pub(crate) fn plugin(kubeconfig: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-aicore_registry"));
    command.args(arguments).env_clear().env("KUBECONFIG", kubeconfig);
    command
}

impl World {
    /// Runs the plugin in the world's namespace, and looks for secret values in what it says.
    pub(crate) async fn plugin(&self, arguments: &[&str]) -> Said {
        let mut command = plugin(&self.launch().kubeconfig, arguments);
        command.arg(format!("--namespace={}", self.namespace));
        let said = finish(command).await;
        self.check_secrecy(&[said.out.clone(), said.err.clone()]);
        said
    }
}
