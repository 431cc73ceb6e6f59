//! The programs of a node that its control plane has not, built from Go modules.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::{
    controlplane::{kubernetes_version, target},
    golang::{built_once, compile, go, key_of},
};

use super::source;

/// One call of `go build`.
struct Step {
    /// Folder of the module.
    module: &'static str,
    /// Where the programs go: a name, or a folder with `/` at its end for programs that keep theirs.
    output: &'static str,
    packages: &'static [&'static str],
    tags: &'static str,
    cgo: bool,
}

const STEPS: [Step; 6] = [
    Step { module: "kubernetes", output: "/", packages: &["tool"], tags: "", cgo: false },
    // Without the file systems that need cgo.
    Step {
        module: "runtime",
        output: "/",
        packages: &[
            "github.com/containerd/containerd/v2/cmd/containerd",
            "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
            "github.com/containerd/containerd/v2/cmd/ctr",
        ],
        tags: "no_btrfs no_zfs no_devmapper",
        cgo: false,
    },
    Step {
        module: "runtime",
        output: "cni/",
        packages: &[
            "github.com/containernetworking/plugins/plugins/ipam/host-local",
            "github.com/containernetworking/plugins/plugins/main/loopback",
            "github.com/containernetworking/plugins/plugins/main/ptp",
        ],
        tags: "",
        cgo: false,
    },
    // It filters system calls by a library in C, and enters namespaces in C.
    Step {
        module: "runtime",
        output: "runc",
        packages: &["github.com/opencontainers/runc"],
        tags: "seccomp",
        cgo: true,
    },
    Step {
        module: "policy",
        output: "kube-network-policies",
        packages: &["sigs.k8s.io/kube-network-policies/cmd"],
        tags: "",
        cgo: false,
    },
    Step { module: "dns", output: "coredns", packages: &["."], tags: "", cgo: false },
];

/// The small ones, which are of this repository.
const SMALL: [&str; 3] = ["pause", "registry", "wget"];

/// Changes when what is done with the modules does, so that programs of an earlier recipe are built again.
const RECIPE: &str = "1";

/// Below `target`, a folder for each state of their sources.
const FOLDER: &str = "node/programs";

/// The folder of the programs, which are built first when they are not there: some minutes, once. Blocks.
pub(super) fn programs() -> anyhow::Result<PathBuf> {
    built_once(FOLDER, &key()?, build)
}

/// Whether they are there.
pub(super) fn are_built() -> anyhow::Result<bool> {
    Ok(target().join(FOLDER).join(key()?).is_dir())
}

/// Names the state of their sources.
fn key() -> anyhow::Result<String> {
    let mut sources = vec![RECIPE.as_bytes().to_vec()];
    let read = |file: &str| {
        let path = source().join(file);
        std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    for module in ["kubernetes", "runtime", "policy", "dns", "small"] {
        sources.push(read(&format!("{module}/go.mod"))?);
        sources.push(read(&format!("{module}/go.sum"))?);
    }
    sources.push(read("dns/main.go")?);
    for name in SMALL {
        sources.push(read(&format!("small/{name}/main.go"))?);
    }
    let parts: Vec<&[u8]> = sources.iter().map(Vec::as_slice).collect();
    Ok(key_of(&parts))
}

fn build(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir(folder.join("cni")).context("cannot create a folder")?;
    let modules =
        std::fs::read_to_string(source().join("kubernetes/go.mod")).context("cannot read go.mod")?;
    let version = kubernetes_version(&modules).context("go.mod does not require k8s.io/kubernetes")?;
    // By which a node says its version.
    let flags = format!(
        "-s -w -X k8s.io/component-base/version.gitVersion={version} -X k8s.io/client-go/pkg/version.gitVersion={version}"
    );
    let count = STEPS.len() + 1;
    for (number, step) in STEPS.iter().enumerate() {
        let what = format!("building for the node ({} of {count}): {}", number + 1, step.name());
        step.build(&what, folder, &flags)?;
    }
    let small = SMALL.map(|name| format!("./{name}"));
    let output = format!("{}/", folder.display());
    compile(
        &format!("building for the node ({count} of {count}): small programs"),
        || go(&source().join("small")),
        &["-trimpath", "-ldflags", "-s -w", "-o", &output],
        &small.each_ref().map(String::as_str),
    )
}

impl Step {
    fn name(&self) -> &str {
        match (self.module, self.output) {
            (module, "/") => module,
            (_, output) => output.trim_end_matches('/'),
        }
    }

    fn build(&self, what: &str, folder: &Path, flags: &str) -> anyhow::Result<()> {
        let output = format!("{}/{}", folder.display(), self.output.trim_start_matches('/'));
        let mut arguments = vec!["-trimpath", "-ldflags", flags, "-o", &output];
        if !self.tags.is_empty() {
            arguments.extend(["-tags", self.tags]);
        }
        let command = || {
            let mut go = go(&source().join(self.module))?;
            go.env("CGO_ENABLED", if self.cgo { "1" } else { "0" });
            Ok(go)
        };
        compile(what, command, &arguments, self.packages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_and_control_plane_are_of_one_version() {
        let version = |file: PathBuf| {
            let module = std::fs::read_to_string(file).unwrap();
            kubernetes_version(&module).unwrap().to_owned()
        };
        let control_plane = source().parent().unwrap().join("controlplane/go.mod");
        assert_eq!(version(source().join("kubernetes/go.mod")), version(control_plane));
    }

    #[test]
    fn each_step_has_a_module() {
        for step in &STEPS {
            assert!(source().join(step.module).join("go.mod").is_file(), "{}", step.name());
        }
    }
}
