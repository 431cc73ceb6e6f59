//! The images of the node: the operator's by the project's Dockerfile, and what runs beside it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, ensure};

use crate::{
    controlplane::{hex, workspace},
    golang::key_of,
    process::tethered_std,
};

use super::{
    Node, REGISTRY,
    base::{RUNTIME, RUST, base_images},
    buildah::{Build, add_program, empty_context, push_arguments, take_file},
    workshop,
};

/// The operator's image without its tag, as the chart names it.
const OPERATOR: &str = "ghcr.io/aicore-registry/aicore-registry-operator";
/// Where the image has the operator's program.
const PROGRAM: &str = "/aicore-registry-operator";
/// What the manifests of the tests name.
const SIMULATOR: &str = "docker.io/library/aicore-simulator:dev";
const SHELL: &str = "docker.io/library/busybox:1.37";
const PROMETHEUS: &str = "docker.io/prom/prometheus:node";
const DNS: &str = "registry.k8s.io/coredns/coredns:node";
const PAUSE: &str = "registry.k8s.io/pause:3.10";

/// Images in buildah's storage.
pub(super) struct Images {
    /// With its tag.
    operator: String,
}

impl Images {
    /// Builds what has changed. The first time this takes as long as a release build of the operator and of its dependencies.
    /// Blocks.
    pub(super) fn build(programs: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(workshop().join("images")).context("cannot create the folder of images")?;
        base_images()?;
        let version = env!("CARGO_PKG_VERSION");
        let operator = format!("{OPERATOR}:{version}");
        let root = workspace();
        let revision = revision(&root)?;
        Build {
            image: &operator,
            context: &root,
            dockerfile: &root.join("Dockerfile"),
            arguments: &[
                ("RUST_IMAGE", RUST),
                ("RUNTIME_IMAGE", RUNTIME),
                ("VERSION", version),
                ("REVISION", &revision),
            ],
        }
        .run()?;
        // By `cat` the files that it writes are read.
        linked(SIMULATOR, &built("aicore-simulator")?, &["cat", "test"])?;
        linked(PROMETHEUS, Path::new("/usr/bin/prometheus"), &[])?;
        shell(programs)?;
        single(DNS, &programs.join("coredns"))?;
        single(PAUSE, &programs.join("pause"))?;
        std::fs::write(made_of(), dear_sources()?).context("cannot write what the images are made of")?;
        Ok(Self { operator })
    }

    /// Whether another build takes no longer than the operator's own sources do: base images and dependencies are there.
    pub(super) fn are_cheap() -> anyhow::Result<bool> {
        let sources = dear_sources()?;
        Ok(std::fs::read_to_string(made_of()).is_ok_and(|made_of| made_of == sources))
    }

    /// The digest of the operator's program, as its image has it. Blocks.
    pub(super) fn program_digest(&self) -> anyhow::Result<String> {
        let program = take_file(&self.operator, PROGRAM)?;
        let program =
            std::fs::read(&program).with_context(|| format!("cannot read {}", program.display()))?;
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &program);
        Ok(format!("sha256:{}", hex(digest.as_ref())))
    }

    /// Pushes them to the node's registry; returns the digest of the operator's. Blocks.
    pub(super) fn push(&self, node: &Node) -> anyhow::Result<String> {
        let digest = workshop().join("images/digest");
        for image in [DNS, PAUSE, SIMULATOR, PROMETHEUS, SHELL, &self.operator] {
            let (_, path) = image.split_once('/').context("an image has a registry")?;
            let arguments = push_arguments(image, &format!("{REGISTRY}/{path}"), &digest);
            let (program, arguments) = arguments.split_first().context("buildah is a program")?;
            let mut command = node.command(program, &[])?.into_std();
            let output = command.args(arguments).output().context("cannot run buildah")?;
            ensure!(
                output.status.success(),
                "cannot push {image}: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        // That of the last one.
        std::fs::read_to_string(digest).context("buildah wrote no digest")
    }
}

/// Where it is kept of what the base images and the layer of the operator's dependencies were made.
fn made_of() -> PathBuf {
    workshop().join("images/made-of")
}

/// Names the state of all that makes base images and dependencies be built again.
fn dear_sources() -> anyhow::Result<String> {
    let files = ["Cargo.lock", "Dockerfile", "deploy/image/build.sh", "tests/testbed/node/base-image.sh"];
    let read = |file| {
        let path = workspace().join(file);
        std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    let contents = files.into_iter().map(read).collect::<anyhow::Result<Vec<_>>>()?;
    let parts: Vec<&[u8]> = contents.iter().map(Vec::as_slice).collect();
    Ok(key_of(&parts))
}

/// The commit that is built.
fn revision(root: &Path) -> anyhow::Result<String> {
    let output = Command::new("git").args(["rev-parse", "HEAD"]).current_dir(root).output();
    let output = output.context("cannot run git")?;
    ensure!(output.status.success(), "git cannot name the commit");
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A program of this workspace, beside this one.
fn built(name: &str) -> anyhow::Result<PathBuf> {
    let this = std::env::current_exe().context("cannot tell which program this is")?;
    Ok(this.with_file_name(name))
}

/// An image of one program with the libraries of this machine that it is linked to, and with these commands of `BusyBox`.
fn linked(image: &str, program: &Path, applets: &[&str]) -> anyhow::Result<()> {
    let context = empty_context("linked")?;
    // Without what only a debugger reads, which is most of a debug build.
    let mut strip = tethered_std("strip")?;
    strip.arg("-o").arg(context.join("program")).arg(program);
    ensure!(strip.status().context("cannot run strip")?.success(), "cannot strip {}", program.display());
    for library in libraries(program)? {
        let place = context.join(library.strip_prefix("/").unwrap_or(&library));
        std::fs::create_dir_all(place.parent().context("a library is in a folder")?)?;
        std::fs::copy(&library, &place).with_context(|| format!("cannot copy {}", library.display()))?;
    }
    let commands = context.join("bin");
    std::fs::create_dir_all(&commands).context("cannot create a folder")?;
    for applet in applets {
        add_program(Path::new("/bin/busybox"), &commands, applet)?;
    }
    Build::from_lines(
        image,
        &context,
        "FROM scratch\nENV PATH=/bin\nCOPY . /\nUSER 65532:65532\nENTRYPOINT [\"/program\"]\n",
    )
}

/// The files that the dynamic linker loads for a program.
fn libraries(program: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let output = Command::new("ldd").arg(program).output().context("cannot run ldd")?;
    ensure!(output.status.success(), "ldd does not know {}", program.display());
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from).collect())
}

/// What stands for `BusyBox`' own image: Debian's, with another wget, and with a shell that does not prefer the built-in one.
fn shell(programs: &Path) -> anyhow::Result<()> {
    let context = empty_context("shell")?;
    add_program(Path::new("/bin/busybox"), &context, "busybox")?;
    add_program(Path::new("/bin/dash"), &context, "sh")?;
    add_program(&programs.join("wget"), &context, "wget")?;
    let list = Command::new("/bin/busybox").arg("--list").output().context("cannot run busybox")?;
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    for applet in list.lines().filter(|applet| !context.join(applet).exists()) {
        std::os::unix::fs::symlink("busybox", context.join(applet)).context("cannot link an applet")?;
    }
    let lines = format!(
        "FROM {RUNTIME}\nUSER 0\nWORKDIR /\nENV PATH=/bin\nCOPY . /bin/\nENTRYPOINT []\nCMD [\"sh\"]\n"
    );
    Build::from_lines(SHELL, &context, &lines)
}

/// An image of one program that needs nothing else.
fn single(image: &str, program: &Path) -> anyhow::Result<()> {
    let context = empty_context("single")?;
    add_program(program, &context, "program")?;
    Build::from_lines(image, &context, "FROM scratch\nCOPY program /program\nENTRYPOINT [\"/program\"]\n")
}
