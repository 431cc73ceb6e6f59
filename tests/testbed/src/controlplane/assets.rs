//! The Kubernetes binaries: found in `KUBEBUILDER_ASSETS`, or built once with Go.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use super::workspace::{lock, target};
use crate::process::tethered_std;

/// Folder with ready binaries, as the Kubebuilder tools name it; overrides the build.
const OVERRIDE: &str = "KUBEBUILDER_ASSETS";

/// What every control plane needs. `kube-controller-manager` is only needed where it is asked for.
const REQUIRED: [&str; 3] = ["etcd", "kube-apiserver", "kubectl"];

/// Changes when [`Module::build`] does, so that binaries of an earlier recipe are built again.
const RECIPE: &str = "1";

/// A folder that holds `etcd`, `kube-apiserver`, `kubectl` and, when built here, `kube-controller-manager`.
#[derive(Clone, Debug)]
pub(super) struct Assets(PathBuf);

impl Assets {
    /// Takes `KUBEBUILDER_ASSETS`, else the binaries of the Go module for `kubernetes` (a minor as in `1.37`;
    /// the newest without), which are built first when they are not there. Blocks, for minutes when it
    /// builds.
    pub(super) fn ensure(kubernetes: Option<&str>) -> anyhow::Result<Self> {
        match std::env::var_os(OVERRIDE).filter(|folder| !folder.is_empty()) {
            Some(folder) => {
                Self::at(Path::new(&folder)).with_context(|| format!("{OVERRIDE} cannot be used"))
            }
            None => Module::of(kubernetes)?.assets(),
        }
    }

    /// The binaries in `folder`.
    pub(super) fn at(folder: &Path) -> anyhow::Result<Self> {
        let folder =
            std::path::absolute(folder).context("the folder of the binaries has no absolute path")?;
        let assets = Self(folder);
        REQUIRED.into_iter().try_for_each(|name| assets.binary(name).map(drop))?;
        Ok(assets)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.0
    }

    /// Path of one binary; an error when it is not there.
    pub(super) fn binary(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.0.join(name);
        ensure!(path.is_file(), "there is no {name} in {}", self.0.display());
        Ok(path)
    }
}

/// A Go module whose tool dependencies are the binaries of one Kubernetes version.
struct Module {
    folder: PathBuf,
    /// With `v`, as in `v1.37.2`.
    version: String,
    /// Names the version and the exact dependencies.
    key: String,
}

impl Module {
    /// `controlplane/` of this package, or `controlplane/<minor>/`.
    fn of(kubernetes: Option<&str>) -> anyhow::Result<Self> {
        let mut folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("controlplane");
        folder.extend(kubernetes);
        let read = |name| {
            let path = folder.join(name);
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
        };
        let (module, sums) = (read("go.mod")?, read("go.sum")?);
        let version = kubernetes_version(&module).context("go.mod does not require k8s.io/kubernetes")?;
        let digest = aws_lc_rs::digest::digest(
            &aws_lc_rs::digest::SHA256,
            format!("{RECIPE}\n{module}\n{sums}").as_bytes(),
        );
        let key = format!("{version}-{}", super::credentials::hex(&digest.as_ref()[..6]));
        Ok(Self { version: version.to_owned(), key, folder })
    }

    /// The built binaries. A folder under its final name is always complete.
    fn assets(&self) -> anyhow::Result<Assets> {
        let root = target().join("controlplane");
        let done = root.join(&self.key);
        if !done.is_dir() {
            std::fs::create_dir_all(&root).with_context(|| format!("cannot create {}", root.display()))?;
            let _lock = lock(&root.join(".lock"))?;
            if !done.is_dir() {
                remove_interrupted(&root);
                let unfinished = root.join(format!(".build-{}", std::process::id()));
                self.build(&unfinished)?;
                std::fs::rename(&unfinished, &done)
                    .context("cannot move the built binaries to their place")?;
                eprintln!("testbed: Kubernetes {} is built: {}", self.version, done.display());
            }
        }
        Assets::at(&done)
    }

    fn build(&self, output: &Path) -> anyhow::Result<()> {
        eprintln!(
            "testbed: building etcd and Kubernetes {} with Go; the first time this takes 4 to 6 minutes on two cores",
            self.version
        );
        std::fs::create_dir_all(output).with_context(|| format!("cannot create {}", output.display()))?;
        let version = &self.version;
        // The version that /version and `kubectl version` report; released builds set it in the same way.
        let flags = format!(
            "-s -w -X k8s.io/component-base/version.gitVersion={version} \
             -X k8s.io/client-go/pkg/version.gitVersion={version}"
        );
        let built = self
            .go()?
            .args(["build", "-trimpath", "-ldflags", &flags, "-o"])
            .arg(output)
            .arg("tool")
            .status();
        let built = built.context("cannot run go")?;
        ensure!(
            built.success(),
            "go build ended with {built} (Go is needed to build the control plane; {OVERRIDE} names a folder with ready \
             binaries instead)"
        );
        // Go names an executable after the last element of its package's path.
        std::fs::rename(output.join("server"), output.join("etcd")).context("the build made no etcd")?;
        Ok(())
    }

    /// `go` in the module's folder. Its output goes to standard error: standard output belongs to the
    /// program's result.
    fn go(&self) -> anyhow::Result<Command> {
        let mut go = tethered_std("go")?;
        go.current_dir(&self.folder).env("CGO_ENABLED", "0").env("GOWORK", "off");
        go.stdin(Stdio::null()).stdout(std::io::stderr());
        Ok(go)
    }
}

/// The version in the module's `require k8s.io/kubernetes v…`.
fn kubernetes_version(module: &str) -> Option<&str> {
    module.lines().find_map(|line| {
        let mut words = line.split_whitespace().skip_while(|word| *word == "require");
        (words.next() == Some("k8s.io/kubernetes"))
            .then(|| words.next())
            .flatten()
            .filter(|version| version.starts_with('v'))
    })
}

/// Removes what builds left that were interrupted. Only called under the lock.
fn remove_interrupted(root: &Path) {
    for entry in std::fs::read_dir(root).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(".build-") {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Builds or finds the newest Kubernetes' binaries as [`ControlPlane::start`](super::ControlPlane::start)
/// does, and returns their folder. Blocks.
pub fn assets() -> anyhow::Result<PathBuf> {
    Assets::ensure(None).map(|assets| assets.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_kubernetes_module() {
        let module = "require k8s.io/kubernetes v1.37.2 // indirect\nrequire k8s.io/api v0.37.2\n";
        assert_eq!(kubernetes_version(module), Some("v1.37.2"));
        assert_eq!(kubernetes_version("require (\n\tk8s.io/kubernetes v1.36.0\n)"), Some("v1.36.0"));
        assert_eq!(kubernetes_version("tool k8s.io/kubernetes/cmd/kubectl\n"), None);
    }

    #[test]
    fn a_folder_without_the_binaries_is_refused_by_name() {
        let error = Assets::at(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap_err().to_string();
        assert!(error.starts_with("there is no etcd in "), "{error}");
    }
}
