//! The program `testbed tether`: ties itself to its parent, then becomes the wanted program.

use std::{
    ffi::OsString,
    os::unix::process::{CommandExt, parent_id},
};

use anyhow::{Context, bail};

/// Ties this process to `parent` (a process id) and replaces it by `command`. Returns only when that failed.
pub fn become_tethered(parent: u32, command: &[OsString]) -> anyhow::Result<std::convert::Infallible> {
    let [program, arguments @ ..] = command else { bail!("there is no command to run") };
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .context("cannot tie the process to its parent")?;
    // The parent may have ended before the line above; the kernel then never sends the signal.
    if parent_id() != parent {
        bail!("the parent process {parent} has ended already");
    }
    let error = std::process::Command::new(program).args(arguments).exec();
    Err(error).with_context(|| format!("cannot run {}", program.display()))
}
