//! What is built from Go modules: once for each state of its sources, whoever asks, and never seen half done.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::Context;

use crate::{
    controlplane::{lock, target},
    process::tethered_std,
    progress::{Position, run_with_progress},
};

/// `go` in the folder of a module. Its output goes to standard error: standard output belongs to the
/// program's result.
pub(crate) fn go(module: &Path) -> anyhow::Result<Command> {
    let mut go = tethered_std("go")?;
    go.current_dir(module).env("CGO_ENABLED", "0").env("GOWORK", "off");
    go.stdin(Stdio::null()).stdout(std::io::stderr());
    Ok(go)
}

/// Runs `go`, to which `arguments` of `go build` and then `packages` are added, and says how many packages are compiled of how
/// many there are; those that an earlier build left in Go's cache are not counted. Blocks.
pub(crate) fn compile(
    what: &str,
    go: impl Fn() -> anyhow::Result<Command>,
    arguments: &[&str],
    packages: &[&str],
) -> anyhow::Result<()> {
    let mut list = go()?;
    list.args(["list", "-deps"]).args(tags_of(arguments)).args(packages);
    let listed = list.stdout(Stdio::piped()).output();
    let listed = listed.with_context(|| format!("{what} needs Go, which cannot be run"))?;
    let of = listed.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
    let mut build = go()?;
    // Prints the name of each package that is compiled.
    build.args(["build", "-v"]).args(arguments).args(packages);
    let mut done = 0;
    run_with_progress(what, build, |line| {
        done += usize::from(!line.is_empty() && !line.contains(char::is_whitespace));
        Some(Position { done, of })
    })
}

/// What `go list` has to know of the arguments of `go build`: the tags, on which it depends what is compiled.
fn tags_of<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    arguments.windows(2).filter(|pair| pair[0] == "-tags").flatten().copied().collect()
}

/// Whether there is a `go` to build with.
#[must_use]
pub fn go_is_there() -> bool {
    let version = Command::new("go").arg("version").stdin(Stdio::null()).output();
    version.is_ok_and(|output| output.status.success())
}

/// A program of a Go module of this repository, which is built once for each state of its sources.
#[derive(Debug)]
pub struct GoProgram {
    /// What it is called, in messages and as file.
    pub name: &'static str,
    /// The folder of the module. Its last part is the folder below `target/tools` as well.
    pub module: &'static str,
    /// What `go build` is to build.
    pub package: &'static str,
    /// Which files of the module it is built from.
    pub sources: &'static [&'static str],
    /// How long that takes on two cores, in words.
    pub takes: &'static str,
}

impl GoProgram {
    const BUILD: [&str; 3] = ["-trimpath", "-ldflags", "-s -w"];

    /// Its path; it is built first when it is not there. Blocks.
    ///
    /// # Errors
    ///
    /// When a source cannot be read, or the build fails.
    pub fn path(&self) -> anyhow::Result<PathBuf> {
        let Self { name, package, takes, .. } = self;
        let build = |output: &Path| {
            eprintln!("testbed: building {name} with Go; the first time this takes {takes} on two cores");
            let output = output.join(name);
            let output = output.to_str().context("the path of target/ is not UTF-8")?;
            let arguments: Vec<&str> = Self::BUILD.into_iter().chain(["-o", output]).collect();
            compile(&format!("building {name}"), || go(self.folder()), &arguments, &[package])
        };
        Ok(built_once(&self.place()?, &self.key()?, build)?.join(name))
    }

    /// Whether [`Self::path`] returns at once.
    pub(crate) fn is_built(&self) -> anyhow::Result<bool> {
        Ok(target().join(self.place()?).join(self.key()?).is_dir())
    }

    /// The folder of the module.
    pub(crate) fn folder(&self) -> &'static Path {
        Path::new(self.module)
    }

    /// Where in `target/` it is built.
    fn place(&self) -> anyhow::Result<String> {
        let name = self.folder().file_name().context("the module has a folder")?;
        Ok(format!("tools/{}", name.to_string_lossy()))
    }

    fn key(&self) -> anyhow::Result<String> {
        let read = |source: &&str| {
            let path = self.folder().join(source);
            std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
        };
        let sources = self.sources.iter().map(read).collect::<anyhow::Result<Vec<_>>>()?;
        let arguments = Self::BUILD.join(" ");
        let parts: Vec<&[u8]> =
            std::iter::once(arguments.as_bytes()).chain(sources.iter().map(Vec::as_slice)).collect();
        Ok(key_of(&parts))
    }
}

/// The folder `target/<name>/<key>`, which `build` fills when it is not there. Its argument is the folder to
/// fill. A folder under its final name is always complete. Blocks.
pub(crate) fn built_once(
    name: &str,
    key: &str,
    build: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<PathBuf> {
    let root = target().join(name);
    let done = root.join(key);
    if !done.is_dir() {
        std::fs::create_dir_all(&root).with_context(|| format!("cannot create {}", root.display()))?;
        let _lock = lock(&root.join(".lock"))?;
        if !done.is_dir() {
            remove_interrupted(&root);
            let unfinished = root.join(format!(".build-{}", std::process::id()));
            std::fs::create_dir_all(&unfinished)
                .with_context(|| format!("cannot create {}", unfinished.display()))?;
            build(&unfinished)?;
            std::fs::rename(&unfinished, &done).context("cannot move the built binaries to their place")?;
            eprintln!("testbed: built {}", done.display());
        }
    }
    Ok(done)
}

/// Names the exact sources that something is built from.
pub(crate) fn key_of(parts: &[&[u8]]) -> String {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    for part in parts {
        context.update(&part.len().to_be_bytes());
        context.update(part);
    }
    crate::controlplane::hex(&context.finish().as_ref()[..6])
}

/// Removes what builds left that were interrupted. Only called under the lock.
fn remove_interrupted(root: &Path) {
    for entry in std::fs::read_dir(root).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(".build-") {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_listed_with_the_tags_that_they_are_built_with() {
        assert_eq!(tags_of(&["-trimpath", "-tags", "seccomp", "-o", "out"]), ["-tags", "seccomp"]);
        assert!(tags_of(&["-trimpath", "-o", "tags"]).is_empty());
    }

    #[test]
    fn the_key_tells_sources_apart() {
        assert_eq!(key_of(&[b"a", b"b"]), key_of(&[b"a", b"b"]));
        assert_ne!(key_of(&[b"a", b"b"]), key_of(&[b"ab", b""]));
    }
}
