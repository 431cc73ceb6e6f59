//! What is made from other files of the repository for those who install: parts of the chart, and the kustomizations of `deploy/`,
//! which are rendered from the chart. [`write`](fn@write) writes it, [`check`] says what has drifted.

mod chart;
mod deploy;
mod overlay;
mod readme;
mod rendered;
mod values;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

use crate::controlplane::workspace;

/// Which files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The chart's CRDs.
    Crd,
    /// The chart's README and its copies of rules and dashboard.
    Chart,
    /// The kustomizations, which are rendered from the chart as it is.
    Deploy,
}

impl Part {
    /// All, in the order in which they build on each other.
    pub const ALL: [Self; 3] = [Self::Crd, Self::Chart, Self::Deploy];

    /// The command that writes them.
    fn target(self) -> &'static str {
        match self {
            Self::Crd => "make crd",
            Self::Chart => "make chart",
            Self::Deploy => "make deploy",
        }
    }

    async fn generate(self) -> anyhow::Result<Generated> {
        match self {
            Self::Crd => chart::crds(),
            Self::Chart => chart::readme_and_files(),
            Self::Deploy => deploy::kustomizations().await,
        }
    }
}

/// Files by their path from the repository's root.
#[derive(Debug, Default)]
struct Generated {
    files: BTreeMap<PathBuf, String>,
    /// Folders in which there is nothing else.
    folders: Vec<PathBuf>,
}

impl Generated {
    fn add(&mut self, path: impl Into<PathBuf>, content: String) {
        self.files.insert(path.into(), content);
    }

    /// Files in the folders that are made no longer.
    fn left_over(&self) -> anyhow::Result<Vec<PathBuf>> {
        let mut left_over = Vec::new();
        for folder in &self.folders {
            for path in files_below(&workspace().join(folder))? {
                let path = path.strip_prefix(workspace()).context("a file is outside its folder")?.to_owned();
                if !self.files.contains_key(&path) {
                    left_over.push(path);
                }
            }
        }
        Ok(left_over)
    }
}

/// Writes the files of a part, and removes what earlier versions of it left.
pub async fn write(part: Part) -> anyhow::Result<()> {
    let generated = part.generate().await?;
    for path in generated.left_over()? {
        std::fs::remove_file(workspace().join(&path))
            .with_context(|| format!("cannot remove {}", path.display()))?;
    }
    for (path, content) in &generated.files {
        let file = workspace().join(path);
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        }
        std::fs::write(&file, content).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Fails with the files that are not as they would be written now, and the command that writes them.
pub async fn check() -> anyhow::Result<()> {
    let mut drifted = Vec::new();
    for part in Part::ALL {
        let generated = part.generate().await?;
        let differs = |path: &Path, content: &str| {
            std::fs::read_to_string(workspace().join(path)).ok().as_deref() != Some(content)
        };
        let stale = generated.files.iter().filter(|(path, content)| differs(path, content));
        let stale: Vec<PathBuf> = stale.map(|(path, _)| path.clone()).chain(generated.left_over()?).collect();
        drifted.extend(
            stale.iter().map(|path| format!("{} has drifted: run {}", path.display(), part.target())),
        );
    }
    if !drifted.is_empty() {
        bail!("{}", drifted.join("\n"));
    }
    Ok(())
}

/// A text file of the repository.
fn read(path: impl AsRef<Path>) -> anyhow::Result<String> {
    let path = path.as_ref();
    std::fs::read_to_string(workspace().join(path)).with_context(|| format!("cannot read {}", path.display()))
}

fn files_below(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    if folder.is_dir() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                files.extend(files_below(&path)?);
            } else {
                files.push(path);
            }
        }
    }
    Ok(files)
}
