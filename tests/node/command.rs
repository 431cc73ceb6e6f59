//! Programs that people use: kubectl and helm, and the container runtime's own.

use std::process::{Output, Stdio};

use tokio::{io::AsyncWriteExt, process::Command};

/// What a program printed, and whether it succeeded.
pub(crate) struct Done {
    line: String,
    output: Output,
}

impl Done {
    /// Its standard output; a scenario ends where the program failed.
    pub(crate) fn success(self) -> String {
        assert!(self.output.status.success(), "{} failed:\n{}", self.line, self.errors());
        String::from_utf8(self.output.stdout).unwrap()
    }

    /// What it said on its standard error; a scenario ends where the program succeeded.
    pub(crate) fn failure(self) -> String {
        assert!(!self.output.status.success(), "{} succeeded", self.line);
        self.errors()
    }

    /// Its standard output, or what it said on its standard error.
    pub(crate) fn result(self) -> Result<String, String> {
        if self.output.status.success() { Ok(self.success()) } else { Err(self.errors()) }
    }

    fn errors(&self) -> String {
        format!(
            "{}{}",
            String::from_utf8_lossy(&self.output.stdout),
            String::from_utf8_lossy(&self.output.stderr)
        )
    }
}

/// Runs a program to its end, with `input` on its standard input.
pub(crate) async fn run_with(program: &str, arguments: &[&str], input: &str) -> Done {
    let line = format!("{program} {}", arguments.join(" "));
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.kill_on_drop(true).spawn().unwrap_or_else(|error| panic!("{line}: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    // A program that does not read it fails by itself.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    Done { line, output: child.wait_with_output().await.unwrap() }
}

pub(crate) async fn run(program: &str, arguments: &[&str]) -> Done {
    run_with(program, arguments, "").await
}

pub(crate) async fn kubectl(arguments: &[&str]) -> Done {
    run("kubectl", arguments).await
}

/// Applies manifests as one person does who owns them all.
pub(crate) async fn apply(manifests: &str) {
    let arguments = ["apply", "--server-side", "--force-conflicts", "--filename=-"];
    run_with("kubectl", &arguments, manifests).await.success();
}
