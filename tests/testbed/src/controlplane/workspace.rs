//! Folders and lock files under the workspace.

use std::{
    fs::{File, OpenOptions},
    path::{Path, PathBuf},
};

use anyhow::Context;

/// The workspace that this package was built in.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the package is two folders down").into()
}

/// `<workspace>/target`, wherever Cargo itself puts its output.
pub(crate) fn target() -> PathBuf {
    workspace().join("target")
}

/// Opens `path` and waits for an exclusive lock on it, which ends with the returned file or the process.
pub(crate) fn lock(path: &Path) -> anyhow::Result<File> {
    let file = open_lock(path)?;
    file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
    Ok(file)
}

/// Opens or creates a file to lock.
pub(super) fn open_lock(path: &Path) -> anyhow::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).write(true).truncate(false);
    options.open(path).with_context(|| format!("cannot open {}", path.display()))
}
