//! What processes are told by their system: the time of day, and the addresses of names. A library in C that is loaded into them
//! stands between them and the C library; it is built when it is needed first. For programs that are linked with the C library
//! dynamically, on Linux.

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, ensure};
use jiff::SignedDuration;

use crate::{
    controlplane::{hex, target},
    golang::{built_once, key_of},
    process::tethered_std,
};

const SOURCE: &str = include_str!("system.c");
const LIBRARY: &str = "system.so";

/// What becomes of names that are looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Each is this machine.
    Working,
    /// The resolver answers at once that it has failed for now.
    Failing,
    /// Its servers do not answer: it fails after ten seconds, or goes on when they are there again.
    Silent,
}

/// The system of the processes that are started with its variables. Its file goes when it is dropped.
#[derive(Debug)]
pub struct System {
    library: PathBuf,
    path: PathBuf,
    page: File,
}

impl System {
    /// Everything as it is. Builds the library, once.
    ///
    /// # Errors
    ///
    /// When there is no C compiler, or it fails.
    pub fn new() -> anyhow::Result<Self> {
        let library = built_once("system", &key_of(&[SOURCE.as_bytes()]), compile)?.join(LIBRARY);
        let mut name = [0; 8];
        aws_lc_rs::rand::fill(&mut name).ok().context("the system's random generator fails")?;
        let path = target().join("system").join(format!("{}.page", hex(&name)));
        let mut options = OpenOptions::new();
        let page = options.create_new(true).write(true).open(&path).context("cannot create the page")?;
        let system = Self { library, path, page };
        system.set_clock(SignedDuration::ZERO);
        system.set_names(Names::Working);
        Ok(system)
    }

    /// What a process needs in its environment.
    #[must_use]
    pub fn variables(&self) -> [(&'static str, String); 2] {
        [("LD_PRELOAD", text(&self.library)), ("TESTBED_SYSTEM", text(&self.path))]
    }

    /// The wall clock is so much ahead of this machine's from now on. Clocks that only measure how time passes stay as they are.
    ///
    /// # Panics
    ///
    /// When it is ahead by more than 292 years.
    pub fn set_clock(&self, ahead: SignedDuration) {
        let nanoseconds = i64::try_from(ahead.as_nanos()).expect("a clock is not ahead by centuries");
        self.set(0, nanoseconds);
    }

    /// Looks names up like this from now on, those included that are being looked up.
    pub fn set_names(&self, names: Names) {
        let number = match names {
            Names::Working => 0,
            Names::Failing => 1,
            Names::Silent => 2,
        };
        self.set(8, number);
    }

    fn set(&self, offset: u64, number: i64) {
        self.page.write_all_at(&number.to_ne_bytes(), offset).expect("the page can be written");
    }
}

impl Drop for System {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn compile(folder: &Path) -> anyhow::Result<()> {
    let source = folder.join("system.c");
    std::fs::write(&source, SOURCE)?;
    let mut compiler: Command = tethered_std("cc")?;
    compiler.args(["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o"]);
    compiler.arg(folder.join(LIBRARY)).arg(source).arg("-ldl");
    let status = compiler.status().context("cannot start the C compiler")?;
    ensure!(status.success(), "the C compiler ended with {status}");
    Ok(())
}
