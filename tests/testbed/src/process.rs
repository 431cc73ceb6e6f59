//! Child processes that cannot outlive the process that started them.
//!
//! Rust runs no destructors when a process is killed, and none for statics even when it exits normally, so
//! killing children in `Drop` is not enough. On Linux a *tethered* process asks the kernel to be killed when
//! its parent ends (`PR_SET_PDEATHSIG`, prctl(2)). It is set by the child itself, between fork and exec,
//! which safe Rust can only do in a program of its own: `testbed tether`, which then turns into the program
//! by exec(3), under the same process id.
//!
//! Elsewhere than on Linux a tethered process is an ordinary child with `kill_on_drop`.

mod executable;
mod signals;
mod spawner;
mod tether;

use std::ffi::OsStr;

pub(crate) use executable::testbed;
#[doc(hidden)]
pub use executable::this_process_is_testbed;
pub use signals::Signals;
pub use spawner::spawn;
#[doc(hidden)]
pub use tether::become_tethered;

/// A command that runs `program` (a path, or a name looked up in `PATH`) tethered to this process and with
/// `kill_on_drop`; arguments, environment, folder and streams are set on it as on any other command.
///
/// The kernel ties the child to the *thread* that starts it: with `Command::spawn` the child also ends with
/// that thread, which suits a test that waits for the child on its own thread. Start it with [`spawn`] when
/// it shall live as long as this process.
///
/// A program that cannot be started shows as exit code 127 with the reason on its standard error, not as an
/// error of `spawn`.
///
/// # Panics
///
/// When the `testbed` binary is missing and cannot be built.
#[must_use]
pub fn tethered(program: impl AsRef<OsStr>) -> tokio::process::Command {
    let command = tethered_std(program).expect("the testbed binary is found beside the tests, or built");
    let mut command = tokio::process::Command::from(command);
    command.kill_on_drop(true);
    command
}

/// [`tethered`] for blocking code.
pub(crate) fn tethered_std(program: impl AsRef<OsStr>) -> anyhow::Result<std::process::Command> {
    let mut command = std::process::Command::new(testbed()?);
    command.arg("tether").arg("--parent").arg(std::process::id().to_string()).arg("--").arg(program);
    Ok(command)
}
