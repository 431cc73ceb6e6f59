//! Exec plugins: programs that give a credential, as client-go runs them
//! (<https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins>).

mod answer;
mod relay;

use std::{
    io::{ErrorKind, IsTerminal},
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use jiff::Timestamp;
use kube::config::{AuthInfo, ExecAuthCluster, ExecConfig, ExecInteractiveMode};
use secrecy::SecretString;
use serde_json::json;
use tokio::{io::AsyncReadExt, process::Command};
use zeroize::Zeroizing;

use super::{
    error::{ExecFault, Fault, Hint, Unusable},
    files::Entry,
};

/// How long a plugin may take that asks nobody.
const LIMIT: Duration = Duration::from_secs(60);
/// How long a plugin may take that a person answers, in a browser for example.
const INTERACTIVE_LIMIT: Duration = Duration::from_secs(600);
/// Longest answer, in bytes.
const MAX_ANSWER: u64 = 1 << 20;
const VERSIONS: [&str; 2] = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"];

/// What a plugin gave.
#[derive(Debug)]
pub(super) struct Credential {
    pub(super) token: Option<SecretString>,
    /// Certificates and private key, in PEM form.
    pub(super) identity: Option<(String, SecretString)>,
    pub(super) ends: Option<Timestamp>,
}

/// A plugin that can be run.
#[derive(Debug)]
pub(super) struct Plugin {
    /// The user that it speaks for, as sentences call it.
    title: String,
    program: PathBuf,
    config: ExecConfig,
    /// For the variable `KUBERNETES_EXEC_INFO`.
    info: String,
    interactive: bool,
    show: Option<fn(&str)>,
    version: &'static str,
    limit: Duration,
}

impl Plugin {
    pub(super) fn new(
        user: &Entry<'_, AuthInfo>,
        config: &ExecConfig,
        cluster: Option<ExecAuthCluster>,
        show: Option<fn(&str)>,
    ) -> Result<Self, Unusable> {
        let given = config.api_version.as_deref().unwrap_or_default();
        let Some(version) = VERSIONS.into_iter().find(|version| *version == given) else {
            return Err(user.unusable(Fault::ExecVersion { given: given.to_owned(), supported: &VERSIONS }));
        };
        let Some(program) = config.command.as_deref().filter(|command| !command.is_empty()) else {
            return Err(user.unusable(Fault::ExecCommand));
        };
        // A bare name is looked up in PATH, anything else counts from the kubeconfig's folder.
        let program = if program.contains(std::path::MAIN_SEPARATOR) {
            user.path(program)
        } else {
            PathBuf::from(program)
        };
        let shown_name = program.display().to_string();
        let fault = |fault| user.unusable(Fault::Exec { program: shown_name.clone(), fault });
        let at_terminal = show.is_some() && std::io::stdin().is_terminal();
        let interactive = match config.interactive_mode {
            Some(ExecInteractiveMode::Never) => false,
            Some(ExecInteractiveMode::Always) if !at_terminal => {
                return Err(fault(ExecFault::NoTerminal));
            }
            _ => at_terminal,
        };
        let mut spec = json!({ "interactive": interactive });
        if let (Some(cluster), Some(spec)) = (cluster, spec.as_object_mut()) {
            let cluster = serde_json::to_value(cluster).map_err(|_| fault(ExecFault::NotTold))?;
            spec.insert("cluster".to_owned(), cluster);
        }
        let info = json!({ "kind": "ExecCredential", "apiVersion": version, "spec": spec }).to_string();
        Ok(Self {
            title: user.title.clone(),
            program,
            config: config.clone(),
            info,
            interactive,
            show,
            version,
            limit: if interactive { INTERACTIVE_LIMIT } else { LIMIT },
        })
    }

    /// Runs the program to its end.
    pub(super) async fn run(&self) -> Result<Credential, Unusable> {
        match tokio::time::timeout(self.limit, self.answer()).await {
            Ok(Ok(answer)) => answer::read(&answer, self.version).map_err(|why| self.unusable(why)),
            Ok(Err(why)) => Err(self.unusable(why)),
            Err(_) => Err(self.unusable(ExecFault::TookTooLong { seconds: self.limit.as_secs() })),
        }
    }

    async fn answer(&self) -> Result<Zeroizing<Vec<u8>>, ExecFault> {
        let mut child = self.command().spawn().map_err(|error| self.not_started(&error))?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let mut answer = Zeroizing::new(Vec::new());
        let reading = async {
            match out {
                Some(out) => out.take(MAX_ANSWER + 1).read_to_end(&mut answer).await.map(drop),
                None => Ok(()),
            }
        };
        let (read, ()) = tokio::join!(reading, relay::lines(err, self.show));
        if answer.len() as u64 > MAX_ANSWER {
            return Err(ExecFault::TooLong);
        }
        read.map_err(|error| ExecFault::Unreadable(error.kind()))?;
        let status = child.wait().await.map_err(|error| ExecFault::NoEnd(error.kind()))?;
        if status.success() { Ok(answer) } else { Err(self.failed(status)) }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(self.config.args.iter().flatten());
        for variable in self.config.env.iter().flatten() {
            if let (Some(name), Some(value)) = (variable.get("name"), variable.get("value")) {
                command.env(name, value);
            }
        }
        command.env("KUBERNETES_EXEC_INFO", &self.info);
        command.stdin(if self.interactive { Stdio::inherit() } else { Stdio::null() });
        command.stdout(Stdio::piped());
        command.stderr(if self.show.is_some() { Stdio::piped() } else { Stdio::null() });
        command.kill_on_drop(true);
        command
    }

    fn not_started(&self, error: &std::io::Error) -> ExecFault {
        let hint = Hint::new(self.config.install_hint.as_deref());
        match error.kind() {
            ErrorKind::NotFound => ExecFault::NotInstalled { hint },
            ErrorKind::PermissionDenied => ExecFault::NotExecutable { hint },
            kind => ExecFault::NotStarted { kind, hint },
        }
    }

    fn failed(&self, status: ExitStatus) -> ExecFault {
        ExecFault::Failed { code: status.code(), shown: self.show.is_some() }
    }

    pub(super) fn unusable(&self, fault: ExecFault) -> Unusable {
        let program = self.program.display().to_string();
        Unusable::Entry { entry: self.title.clone(), fault: Fault::Exec { program, fault } }
    }
}

#[cfg(test)]
mod tests;
