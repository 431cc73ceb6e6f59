//! The Kubernetes binaries: found in `KUBEBUILDER_ASSETS`, or built once with Go.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use crate::golang::{built_once, compile, go};

/// Folder with ready binaries, as the Kubebuilder tools name it; overrides the build.
const OVERRIDE: &str = "KUBEBUILDER_ASSETS";

/// The Kubernetes minor to run where the caller names none, as in `1.36`: how the same tests run on each
/// supported minor.
const MINOR: &str = "K8S";

/// What every control plane needs. `kube-controller-manager` is only needed where it is asked for.
const REQUIRED: [&str; 3] = ["etcd", "kube-apiserver", "kubectl"];

/// Changes when [`Module::build`] does, so that binaries of an earlier recipe are built again.
const RECIPE: &str = "1";

/// A folder that holds `etcd`, `kube-apiserver`, `kubectl` and, when built here, `kube-controller-manager`.
#[derive(Clone, Debug)]
pub(super) struct Assets(PathBuf);

impl Assets {
    /// Takes `KUBEBUILDER_ASSETS`, else the binaries of the Go module for `kubernetes` (a minor as in `1.37`;
    /// without, that of `K8S`, else the newest), which are built first when they are not there. Blocks, for
    /// minutes when it builds.
    pub(super) fn ensure(kubernetes: Option<&str>) -> anyhow::Result<Self> {
        match given() {
            Some(folder) => Self::at(&folder).with_context(|| format!("{OVERRIDE} cannot be used")),
            None => {
                let asked = std::env::var(MINOR).ok().filter(|minor| !minor.is_empty());
                Module::of(kubernetes.or(asked.as_deref()))?.assets()
            }
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
    /// `controlplane/` of this package for the newest minor, `controlplane/<minor>/` for an older one.
    fn of(kubernetes: Option<&str>) -> anyhow::Result<Self> {
        let newest = Self::read(root())?;
        let Some(minor) = kubernetes.filter(|minor| *minor != newest.minor()) else {
            return Ok(newest);
        };
        let older = older_minors();
        ensure!(
            older.iter().any(|known| known == minor),
            "there is no Kubernetes {minor:?} here: set {MINOR} to {} or {}",
            older.join(", "),
            newest.minor()
        );
        Self::read(root().join(minor))
    }

    fn read(folder: PathBuf) -> anyhow::Result<Self> {
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

    /// As in `1.37`.
    fn minor(&self) -> &str {
        let version = self.version.trim_start_matches('v');
        version.rsplit_once('.').map_or(version, |(minor, _)| minor)
    }

    /// The built binaries.
    fn assets(&self) -> anyhow::Result<Assets> {
        let folder = built_once("controlplane", &self.key, |folder| self.build(folder))?;
        Assets::at(&folder)
    }

    fn build(&self, output: &Path) -> anyhow::Result<()> {
        eprintln!(
            "testbed: building etcd and Kubernetes {} with Go; the first time this takes 4 to 6 minutes on two cores",
            self.version
        );
        let version = &self.version;
        // The version that /version and `kubectl version` report; released builds set it in the same way.
        let flags = format!(
            "-s -w -X k8s.io/component-base/version.gitVersion={version} \
             -X k8s.io/client-go/pkg/version.gitVersion={version}"
        );
        let what = format!("building etcd and Kubernetes {version}");
        let output_path = output.to_str().context("the path of target/ is not UTF-8")?;
        let arguments = ["-trimpath", "-ldflags", &flags, "-o", output_path];
        compile(&what, || go(&self.folder), &arguments, &["tool"])
            .with_context(|| format!("{OVERRIDE} names a folder with ready binaries instead"))?;
        // Go names an executable after the last element of its package's path.
        std::fs::rename(output.join("server"), output.join("etcd")).context("the build made no etcd")?;
        Ok(())
    }
}

/// The folder that `KUBEBUILDER_ASSETS` names.
pub(crate) fn given() -> Option<PathBuf> {
    std::env::var_os(OVERRIDE).filter(|folder| !folder.is_empty()).map(PathBuf::from)
}

/// Where the Go modules are.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("controlplane")
}

/// The minors that have a folder of their own, in order.
fn older_minors() -> Vec<String> {
    let entries = std::fs::read_dir(root()).into_iter().flatten().flatten();
    let mut minors: Vec<String> = entries
        .filter(|entry| entry.path().join("go.mod").is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    minors.sort();
    minors
}

/// The version in the module's `require k8s.io/kubernetes v…`.
pub(crate) fn kubernetes_version(module: &str) -> Option<&str> {
    module.lines().find_map(|line| {
        let mut words = line.split_whitespace().skip_while(|word| *word == "require");
        (words.next() == Some("k8s.io/kubernetes"))
            .then(|| words.next())
            .flatten()
            .filter(|version| version.starts_with('v'))
    })
}

/// Builds or finds the binaries as [`ControlPlane::start`](super::ControlPlane::start) does by default, and
/// returns their folder. Blocks.
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
    fn each_minor_is_built_from_the_module_that_bears_its_name() {
        let older = older_minors();
        assert!(older.len() >= 2, "{older:?}");
        for minor in &older {
            let module = Module::of(Some(minor)).unwrap();
            assert_eq!(module.minor(), minor);
            assert!(module.folder.ends_with(minor));
        }
        let newest = Module::of(None).unwrap();
        assert_eq!(newest.folder, root());
        assert!(older.iter().all(|minor| minor.as_str() < newest.minor()), "{older:?}");
        assert_eq!(Module::of(Some(newest.minor())).unwrap().key, newest.key);
    }

    #[test]
    fn an_unknown_minor_is_refused_with_those_that_there_are() {
        let error = Module::of(Some("1.2")).err().unwrap().to_string();
        assert!(error.starts_with("there is no Kubernetes \"1.2\" here: set K8S to 1.35, "), "{error}");
    }

    #[test]
    fn a_folder_without_the_binaries_is_refused_by_name() {
        let error = Assets::at(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap_err().to_string();
        assert!(error.starts_with("there is no etcd in "), "{error}");
    }
}
