//! Where the `testbed` binary is, for programs that are not it.
//!
//! Cargo builds it for this package's own tests, not for those of other packages that use the library. It is
//! then built on demand, into the same target folder and with the same profile.

use std::{
    env::consts::EXE_SUFFIX,
    fs::File,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
    time::SystemTime,
};

use anyhow::{Context, bail};
use parking_lot::Mutex;

use crate::controlplane::workspace;

static SELF: OnceLock<()> = OnceLock::new();

/// Declares that this process runs the `testbed` binary, which then starts itself instead of looking for the
/// binary.
pub fn this_process_is_testbed() {
    let _ = SELF.set(());
}

/// Path of the `testbed` binary, built first when it is missing or older than its sources.
pub(crate) fn testbed() -> anyhow::Result<PathBuf> {
    static FOUND: Mutex<Option<PathBuf>> = Mutex::new(None);
    let current = std::env::current_exe().context("cannot tell which program this is")?;
    if SELF.get().is_some() {
        // By the link the kernel keeps: a build may have replaced the file since this process began.
        return Ok(if cfg!(target_os = "linux") { "/proc/self/exe".into() } else { current });
    }
    let mut found = FOUND.lock();
    if let Some(path) = found.as_ref() {
        return Ok(path.clone());
    }
    let path = find_or_build(&current)?;
    *found = Some(path.clone());
    Ok(path)
}

fn find_or_build(current: &Path) -> anyhow::Result<PathBuf> {
    let output = Output::of(current)?;
    let path = output.profile.join(format!("testbed{EXE_SUFFIX}"));
    if is_current(&path) {
        return Ok(path);
    }
    let lock = output.profile.join(".testbed.lock");
    let lock = File::create(&lock).with_context(|| format!("cannot create {}", lock.display()))?;
    lock.lock().context("cannot lock the build of the testbed binary")?;
    if is_current(&path) { Ok(path) } else { output.build() }
}

/// Whether `path` exists and is not older than the sources of what it does as a program.
fn is_current(path: &Path) -> bool {
    let Ok(built) = path.metadata().and_then(|metadata| metadata.modified()) else {
        return false;
    };
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = [
        "Cargo.toml",
        "src/bin",
        "src/process.rs",
        "src/process",
        "src/controlplane.rs",
        "src/controlplane",
        "src/golang.rs",
        "src/tools.rs",
    ];
    sources.iter().filter_map(|source| newest(&package.join(source))).all(|changed| changed <= built)
}

fn newest(path: &Path) -> Option<SystemTime> {
    let own =
        path.metadata().ok().filter(std::fs::Metadata::is_file).and_then(|metadata| metadata.modified().ok());
    let below = std::fs::read_dir(path).into_iter().flatten().flatten();
    below.filter_map(|entry| newest(&entry.path())).chain(own).max()
}

/// Cargo's output folders, told from the place of an executable in them.
#[derive(Debug, PartialEq)]
struct Output {
    /// `<target>/[<triple>/]debug`, `…/release` or that of a custom profile.
    profile: PathBuf,
    target: PathBuf,
    triple: Option<String>,
}

impl Output {
    fn of(executable: &Path) -> anyhow::Result<Self> {
        let place = || format!("{} is not in a Cargo target folder", executable.display());
        let mut profile = executable.parent().with_context(place)?;
        if profile.ends_with("deps") || profile.ends_with("examples") {
            profile = profile.parent().with_context(place)?;
        }
        let above = profile.parent().with_context(place)?;
        // Cargo marks the target folder itself, not the folder of a target triple in it.
        let (target, triple) = match above.parent() {
            Some(target) if !above.join("CACHEDIR.TAG").exists() && target.join("CACHEDIR.TAG").exists() => {
                (target, above.file_name().map(|name| name.to_string_lossy().into_owned()))
            }
            _ => (above, None),
        };
        Ok(Self { profile: profile.into(), target: target.into(), triple })
    }

    /// Builds the binary and returns its path as Cargo reports it.
    fn build(&self) -> anyhow::Result<PathBuf> {
        let profile = match self.profile.file_name().and_then(|name| name.to_str()) {
            Some("debug") | None => "dev",
            Some(name) => name,
        };
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(&cargo);
        command.args(["build", "--quiet", "--package", "testbed", "--bin", "testbed", "--profile", profile]);
        command.args(["--message-format", "json-render-diagnostics"]);
        command
            .arg("--manifest-path")
            .arg(workspace().join("Cargo.toml"))
            .arg("--target-dir")
            .arg(&self.target);
        if let Some(triple) = &self.triple {
            command.args(["--target", triple]);
        }
        eprintln!("testbed: building the testbed binary");
        let built = command
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("cannot run {}", cargo.display()))?;
        if !built.status.success() {
            bail!("the testbed binary cannot be built: cargo build ended with {}", built.status);
        }
        let messages = String::from_utf8_lossy(&built.stdout);
        let executable = messages.lines().filter_map(executable_of).next_back();
        executable.context("cargo build does not say where the testbed binary is")
    }
}

/// The executable that one of Cargo's JSON messages tells of.
fn executable_of(message: &str) -> Option<PathBuf> {
    let message: serde_json::Value = serde_json::from_str(message).ok()?;
    message["executable"].as_str().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_folders_are_told_from_a_test_executable() {
        let root = std::env::temp_dir().join(format!("testbed-output-{}", std::process::id()));
        std::fs::create_dir_all(&root).unwrap();
        std::fs::write(root.join("CACHEDIR.TAG"), "").unwrap();
        let plain = Output::of(&root.join("debug/deps/status-0123")).unwrap();
        let crossed = Output::of(&root.join("x86_64-unknown-linux-gnu/release/demo")).unwrap();
        std::fs::remove_dir_all(&root).unwrap();
        assert_eq!(plain, Output { profile: root.join("debug"), target: root.clone(), triple: None });
        let triple = "x86_64-unknown-linux-gnu";
        let profile = root.join(triple).join("release");
        assert_eq!(crossed, Output { profile, target: root, triple: Some(triple.to_owned()) });
    }

    #[test]
    fn the_executable_is_read_from_cargos_messages() {
        let message = r#"{"reason":"compiler-artifact","executable":"/t/debug/testbed"}"#;
        assert_eq!(executable_of(message), Some("/t/debug/testbed".into()));
        assert_eq!(executable_of(r#"{"reason":"compiler-artifact","executable":null}"#), None);
    }
}
