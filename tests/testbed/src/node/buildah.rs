//! Images are built and pushed by buildah, which needs no daemon.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, ensure};

use crate::{
    process::tethered_std,
    progress::{Position, run_with_progress},
};

use super::workshop;

/// Its storage, under the workspace's target folder: nothing else on the machine sees these images.
fn global() -> [String; 3] {
    let folder = |name: &str| workshop().join("images").join(name).display().to_string();
    [
        format!("--root={}", folder("storage")),
        format!("--runroot={}", folder("run")),
        "--storage-driver=overlay".to_owned(),
    ]
}

/// buildah in a process namespace of its own, so that what it starts ends with it, and its mounts with that.
fn buildah() -> anyhow::Result<Command> {
    let mut command = tethered_std("unshare")?;
    command.args(["--pid", "--fork", "--kill-child=KILL", "--mount-proc", "--", "buildah"]).args(global());
    command.stdin(Stdio::null());
    Ok(command)
}

/// Arguments of buildah for a command that runs in the node.
pub(super) fn push_arguments(image: &str, to: &str, digest: &Path) -> Vec<String> {
    let mut arguments = vec!["buildah".to_owned()];
    arguments.extend(global());
    arguments.extend(["push", "--quiet", "--tls-verify=false", "--digestfile"].map(str::to_owned));
    arguments.extend([digest.display().to_string(), image.to_owned(), format!("docker://{to}")]);
    arguments
}

/// Whether there is such an image.
pub(super) fn has(image: &str) -> anyhow::Result<bool> {
    let mut inspect = buildah()?;
    inspect.args(["inspect", "--type=image", image]).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(inspect.status().context("cannot run buildah")?.success())
}

/// What a Dockerfile is made into.
pub(super) struct Build<'a> {
    pub(super) image: &'a str,
    pub(super) context: &'a Path,
    pub(super) dockerfile: &'a Path,
    pub(super) arguments: &'a [(&'a str, &'a str)],
}

impl Build<'_> {
    /// Layers of an earlier build are used where nothing has changed. Blocks.
    pub(super) fn run(&self) -> anyhow::Result<()> {
        self.run_with(&["--tag", self.image])
    }

    /// With what says where the result goes.
    fn run_with(&self, result: &[&str]) -> anyhow::Result<()> {
        let mut build = buildah()?;
        // The build has this machine's network, and needs no namespaces.
        build.args(["build", "--isolation=chroot", "--network=host", "--pull-never", "--layers"]);
        build.args(result).arg("--file").arg(self.dockerfile);
        for (name, value) in self.arguments {
            build.arg("--build-arg").arg(format!("{name}={value}"));
        }
        build.arg(self.context);
        run_with_progress(&format!("building the image {}", self.image), build, step)
    }

    /// From lines of a Dockerfile over the files of `context`.
    pub(super) fn from_lines(image: &str, context: &Path, lines: &str) -> anyhow::Result<()> {
        let dockerfile = write_dockerfile(lines)?;
        Build { image, context, dockerfile: &dockerfile, arguments: &[] }.run()
    }
}

fn write_dockerfile(lines: &str) -> anyhow::Result<PathBuf> {
    let dockerfile = workshop().join("images/Dockerfile");
    std::fs::write(&dockerfile, lines).context("cannot write a Dockerfile")?;
    Ok(dockerfile)
}

/// Copies a file out of an image, and returns where it is. Blocks.
pub(super) fn take_file(image: &str, file: &str) -> anyhow::Result<PathBuf> {
    let (context, taken) = (empty_context("nothing")?, empty_context("taken")?);
    let dockerfile = write_dockerfile(&format!("FROM scratch\nCOPY --from={image} {file} /taken\n"))?;
    let build = Build { image, context: &context, dockerfile: &dockerfile, arguments: &[] };
    build.run_with(&["--output", &format!("type=local,dest={}", taken.display())])?;
    Ok(taken.join("taken"))
}

/// From `STEP 3/7: RUN …`, which buildah prints before each step of a stage; of several stages as `[1/2] STEP 3/7: …`.
fn step(line: &str) -> Option<Position> {
    let (_, step) = line.split_once("STEP ")?;
    let (done, of) = step.split_once(':')?.0.split_once('/')?;
    Some(Position { done: done.parse().ok()?, of: of.parse().ok()? })
}

/// An empty folder for the files of an image.
pub(super) fn empty_context(name: &str) -> anyhow::Result<PathBuf> {
    let folder = workshop().join("images/context").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    Ok(folder)
}

/// Copies a program into the files of an image.
pub(super) fn add_program(program: &Path, context: &Path, name: &str) -> anyhow::Result<()> {
    ensure!(program.is_file(), "there is no {}", program.display());
    std::fs::copy(program, context.join(name))
        .with_context(|| format!("cannot copy {}", program.display()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_counted_as_buildah_prints_them() {
        assert_eq!(step("STEP 3/7: RUN /build.sh tools"), Some(Position { done: 3, of: 7 }));
        assert_eq!(step("[1/2] STEP 10/12: COPY . ."), Some(Position { done: 10, of: 12 }));
        assert_eq!(step("   Compiling kube v5.0.0"), None);
        assert_eq!(step("STEP by step: it goes on"), None);
    }
}
