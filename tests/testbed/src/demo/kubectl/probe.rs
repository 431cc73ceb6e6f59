//! The kubectl on the PATH, and what it says that it is.

use std::{
    env::split_paths,
    ffi::OsStr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use tokio::{
    io::AsyncReadExt,
    process::{Child, Command},
    time::timeout,
};

use super::Version;

/// The most that is read of an answer; kubectl's has some 300 bytes.
const LONGEST: u64 = 64 << 10;

/// The first executable file of that name, as a shell finds it.
pub(super) fn on_path(path: &OsStr) -> Option<PathBuf> {
    let executable = |file: &PathBuf| {
        file.metadata().is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
    };
    let files = split_paths(path).filter_map(|folder| std::path::absolute(folder.join("kubectl")).ok());
    files.into_iter().find(executable)
}

/// What a kubectl says of itself; an error completes the sentence that begins with its path. What does not end within `limit` is
/// killed, with all that it has started.
pub(super) async fn version_of(program: &Path, limit: Duration) -> Result<Version, String> {
    let mut command = Command::new(program);
    command.args(["version", "--client", "--output=json"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let spawned = command.process_group(0).kill_on_drop(true).spawn();
    let mut child = spawned.map_err(|error| format!("cannot be run: {error}"))?;
    let Ok(answer) = timeout(limit, answer(&mut child)).await else {
        if let Some(group) = child.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        return Err(format!("does not say its version within {} s", limit.as_secs_f64()));
    };
    let answer: Value = serde_json::from_slice(&answer?).unwrap_or_default();
    let version = answer["clientVersion"]["gitVersion"].as_str().and_then(Version::parse);
    version.ok_or_else(|| "does not say its version".to_owned())
}

async fn answer(child: &mut Child) -> Result<Vec<u8>, String> {
    let mut answer = Vec::new();
    if let Some(output) = child.stdout.take() {
        let read = output.take(LONGEST).read_to_end(&mut answer).await;
        read.map_err(|error| format!("cannot be read from: {error}"))?;
    }
    let status = child.wait().await.map_err(|error| format!("cannot be waited for: {error}"))?;
    if status.success() { Ok(answer) } else { Err(format!("does not run ({status})")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with a file that is called kubectl, removed at the end.
    struct Folder(PathBuf);

    impl Folder {
        /// With a shell script.
        fn new(name: &str, script: &str) -> Self {
            Self::with(name, &format!("#!/bin/sh\n{script}\n"), "755")
        }

        fn with(name: &str, content: &str, mode: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("kubectl-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&folder).unwrap();
            let text = folder.join("text");
            std::fs::write(&text, content).unwrap();
            // By another process: a program cannot be run while a child of this one has it open for writing.
            let program = folder.join("kubectl");
            let mut install = std::process::Command::new("install");
            assert!(install.args(["-m", mode]).arg(&text).arg(program).status().unwrap().success());
            Self(folder)
        }

        fn kubectl(&self) -> PathBuf {
            self.0.join("kubectl")
        }

        async fn says(&self) -> Result<Version, String> {
            version_of(&self.kubectl(), Duration::from_secs(60)).await
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[tokio::test]
    async fn a_kubectl_is_asked_for_its_own_version_and_for_no_servers() {
        let folder = Folder::new(
            "sound",
            r#"[ "$*" = "version --client --output=json" ] || exit 1
            echo '{"clientVersion": {"major": "", "gitVersion": "v1.36.1"}, "kustomizeVersion": "v5.7.1"}'"#,
        );
        assert_eq!(folder.says().await.unwrap().to_string(), "v1.36.1");
    }

    #[tokio::test]
    async fn what_does_not_say_a_version_has_a_reason() {
        for (name, script, reason) in [
            ("garbage", "echo Segmentation fault", "does not say its version"),
            ("silent", "exit 0", "does not say its version"),
            ("other", "echo '{\"clientVersion\": \"v1.37.2\"}'", "does not say its version"),
            ("failing", "exit 3", "does not run (exit status: 3)"),
            // Nobody reads on, which ends it.
            ("endless", "while :; do echo v1.37.2; done", "does not "),
        ] {
            let folder = Folder::new(name, script);
            let said = folder.says().await.unwrap_err();
            assert!(said.starts_with(reason), "{name}: {said}");
        }
        let folder = Folder::with("no-program", "\x7fELF", "755");
        assert!(folder.says().await.unwrap_err().starts_with("cannot be run: "));
    }

    #[tokio::test]
    async fn what_does_not_answer_is_killed_with_what_it_started() {
        let folder = Folder::new("hanging", "sleep 1000 & echo $! > \"$0.child\"; wait");
        let child = folder.0.join("kubectl.child");
        // Long enough for the script to begin, however busy the machine is: without it there is nothing to see.
        let mut limit = Duration::from_millis(100);
        let child = loop {
            let said = version_of(&folder.kubectl(), limit).await.unwrap_err();
            assert!(said.starts_with("does not say its version within "), "{said}");
            match std::fs::read_to_string(&child) {
                Ok(child) if child.ends_with('\n') => break child,
                _ => limit *= 2,
            }
        };
        let status = format!("/proc/{}/status", child.trim());
        let gone = async || {
            // Without a parent it may stay as a zombie until process 1 looks.
            while std::fs::read_to_string(&status).is_ok_and(|status| !status.contains("State:\tZ")) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(60), gone()).await.expect("what it started has ended");
    }

    #[test]
    fn the_first_executable_file_is_found() {
        let first = Folder::with("not-executable", "", "644");
        let second = Folder::new("executable", "");
        let path = std::env::join_paths([Path::new("/nowhere"), &first.0, &second.0]).unwrap();
        assert_eq!(on_path(&path), Some(second.kubectl()));
        assert_eq!(on_path(OsStr::new("/nowhere")), None);
    }
}
