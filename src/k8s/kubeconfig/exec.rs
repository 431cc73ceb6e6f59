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

use super::{Unusable, files::Entry};
use crate::domain::tools::invalid::Quoted;

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
            return Err(user.unusable(format!(
                "exec.apiVersion {} is not supported, as in kubectl; see whether a newer version of the program takes {}",
                Quoted(given),
                VERSIONS.join(" or ")
            )));
        };
        let Some(program) = config.command.as_deref().filter(|command| !command.is_empty()) else {
            return Err(user.unusable("exec.command is missing"));
        };
        // A bare name is looked up in PATH, anything else counts from the kubeconfig's folder.
        let program = if program.contains(std::path::MAIN_SEPARATOR) {
            user.path(program)
        } else {
            PathBuf::from(program)
        };
        let at_terminal = show.is_some() && std::io::stdin().is_terminal();
        let interactive = match config.interactive_mode {
            Some(ExecInteractiveMode::Never) => false,
            Some(ExecInteractiveMode::Always) if !at_terminal => {
                return Err(user.unusable(format!(
                    "exec program {} has to ask at a terminal (interactiveMode: Always), and there is none",
                    Quoted(&program.display().to_string())
                )));
            }
            _ => at_terminal,
        };
        let mut spec = json!({ "interactive": interactive });
        if let (Some(cluster), Some(spec)) = (cluster, spec.as_object_mut()) {
            let cluster = serde_json::to_value(cluster)
                .map_err(|_| user.unusable("the cluster cannot be told to the exec program"))?;
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
            Err(_) => {
                Err(self.unusable(format!("did not end within {} s, and was stopped", self.limit.as_secs())))
            }
        }
    }

    async fn answer(&self) -> Result<Zeroizing<Vec<u8>>, String> {
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
            return Err("gave an answer of more than 1 MiB".to_owned());
        }
        read.map_err(|error| format!("gave an answer that cannot be read: {}", error.kind()))?;
        let status = child.wait().await.map_err(|error| format!("cannot be waited for: {}", error.kind()))?;
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

    fn not_started(&self, error: &std::io::Error) -> String {
        let why = match error.kind() {
            ErrorKind::NotFound => "is not installed, or not in PATH".to_owned(),
            ErrorKind::PermissionDenied => "may not be executed".to_owned(),
            other => format!("cannot be started: {other}"),
        };
        let hint = self.config.install_hint.as_deref().unwrap_or_default();
        match hint.split_whitespace().collect::<Vec<_>>().join(" ") {
            hint if hint.is_empty() => why,
            hint => format!("{why}; its installHint: {hint}"),
        }
    }

    fn failed(&self, status: ExitStatus) -> String {
        let how = status
            .code()
            .map_or("was ended by a signal".to_owned(), |code| format!("ended with exit code {code}"));
        let where_ = if self.show.is_some() { "what it said is above" } else { "run it by hand to see why" };
        format!("{how}; {where_}")
    }

    pub(super) fn unusable(&self, what: impl std::fmt::Display) -> Unusable {
        let program = self.program.display().to_string();
        Unusable(format!("{}: the exec program {} {what}", self.title, Quoted(&program)))
    }
}

#[cfg(test)]
mod tests;
