//! The folder of one run: data, logs, keys and kubeconfigs.

use std::{
    fs::{DirBuilder, File},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use anyhow::Context;

use super::{
    credentials::random,
    workspace::{lock, open_lock, target},
};

/// `<workspace>/target/testbed/run-XXXXXXXX`, locked while its supervisor lives.
#[derive(Debug)]
pub(crate) struct RunDir {
    path: PathBuf,
    _lock: File,
}

impl RunDir {
    /// Creates a folder, and removes those of supervisors that were killed.
    pub(crate) fn create() -> anyhow::Result<Self> {
        let root = target().join("testbed");
        std::fs::create_dir_all(&root).with_context(|| format!("cannot create {}", root.display()))?;
        // Held until the new folder has its own lock, so that no other process takes it for abandoned.
        let _lock = lock(&root.join(".lock"))?;
        remove_abandoned(&root);
        let path = root.join(format!("run-{}", random(4)));
        let created = DirBuilder::new().mode(0o700).create(&path);
        created.with_context(|| format!("cannot create {}", path.display()))?;
        let lock = lock(&path.join("lock"))?;
        Ok(Self { path, _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn remove(self) -> anyhow::Result<()> {
        std::fs::remove_dir_all(&self.path).with_context(|| format!("cannot remove {}", self.path.display()))
    }
}

/// Removes the folders whose lock nobody holds. The kernel drops a lock with the process that held it.
fn remove_abandoned(root: &Path) {
    for entry in std::fs::read_dir(root).into_iter().flatten().flatten() {
        let is_run = entry.file_name().to_string_lossy().starts_with("run-");
        if is_run && open_lock(&entry.path().join("lock")).is_ok_and(|lock| lock.try_lock().is_ok()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}
