//! A Git repository with manifests.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, ensure};

use crate::process::tethered_std;

/// A repository with one branch, `main`. It goes with the Argo CD that it belongs to.
#[derive(Debug)]
pub struct Repository {
    folder: PathBuf,
    url: String,
}

impl Repository {
    pub(super) fn create(folder: &Path, url: String) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let repository = Self { folder: folder.to_owned(), url };
        repository.git(&["init", "--quiet", "--initial-branch=main", "."])?;
        Ok(repository)
    }

    /// Where Argo CD finds it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Writes these files, by their paths, and commits them.
    ///
    /// # Errors
    ///
    /// When a file cannot be written, or Git fails: also when nothing has changed.
    pub fn commit(&self, files: &[(&str, &str)]) -> anyhow::Result<()> {
        for (path, content) in files {
            let path = self.folder.join(path);
            let folder = path.parent().context("a file is in a folder")?;
            std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
            std::fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
        }
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--message=Manifests"])
    }

    fn git(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let mut git = tethered_std("git")?;
        // None of the user's settings: they may sign, or run hooks.
        git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        for role in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{role}_NAME"), "team").env(format!("GIT_{role}_EMAIL"), "team@example.com");
        }
        git.current_dir(&self.folder).args(arguments).stdin(Stdio::null());
        let output = git.output().context("cannot run git")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "git {}: {}", arguments.join(" "), said.trim());
        Ok(())
    }
}
