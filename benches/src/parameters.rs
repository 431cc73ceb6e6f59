//! What a run is asked for, by environment variables.

use std::path::PathBuf;

use anyhow::{Context, bail};

/// All scenarios, in the order in which they run.
pub const SCENARIOS: [&str; 12] = [
    "memory", "cold", "idle", "burst", "restart", "noise", "rest", "limits", "relist", "shards", "growth",
    "pacing",
];

/// Parameters of a run.
#[derive(Clone, Debug)]
pub struct Parameters {
    /// `N`: resources. Default 1000.
    pub resources: usize,
    /// `UNRELATED`: Secrets of 4 KiB that no resource names. Default 5000.
    pub unrelated: usize,
    /// `ROTATIONS`: rotations that are measured one by one, over all pairs. Default 500.
    pub rotations: usize,
    /// `PAIRS`: how often product and floor run in turn. Default 5.
    pub pairs: usize,
    /// `REST_SECONDS`: how long the operator is watched while nothing happens. Default 30.
    pub rest_seconds: u64,
    /// `SCENARIOS`: which to run, separated by commas. Default: all.
    pub scenarios: Vec<String>,
    /// The operator.
    pub product: PathBuf,
    /// The least that any program could do.
    pub floor: PathBuf,
    /// Where the report goes.
    pub output: PathBuf,
}

impl Parameters {
    /// Reads the environment. The two programs are in the folder `PROGRAMS`, else beside the running one.
    ///
    /// # Errors
    /// One sentence that names the variable and what it may be.
    pub fn from_environment() -> anyhow::Result<Self> {
        let programs = match std::env::var_os("PROGRAMS") {
            Some(folder) => PathBuf::from(folder),
            None => std::env::current_exe()?.parent().context("the program has no folder")?.to_owned(),
        };
        let scenarios = match std::env::var("SCENARIOS") {
            Ok(list) if !list.trim().is_empty() => {
                list.split(',').map(|name| name.trim().to_owned()).collect()
            }
            _ => SCENARIOS.map(str::to_owned).to_vec(),
        };
        if let Some(unknown) = scenarios.iter().find(|name| !SCENARIOS.contains(&&***name)) {
            bail!("SCENARIOS: there is no {unknown:?}; choose from {}", SCENARIOS.join(","));
        }
        Ok(Self {
            resources: number("N", 1000)?,
            unrelated: number("UNRELATED", 5000)?,
            rotations: number("ROTATIONS", 500)?,
            pairs: number("PAIRS", 5)?,
            rest_seconds: number("REST_SECONDS", 30)? as u64,
            scenarios,
            product: programs.join("aicore-registry-operator"),
            floor: programs.join("floor"),
            output: PathBuf::from("target/bench"),
        })
    }

    /// Whether the scenario is to run.
    #[must_use]
    pub fn wants(&self, scenario: &str) -> bool {
        self.scenarios.iter().any(|name| name == scenario)
    }
}

fn number(variable: &str, default: usize) -> anyhow::Result<usize> {
    match std::env::var(variable) {
        Ok(text) if !text.is_empty() => match text.parse() {
            Ok(number) if number > 0 => Ok(number),
            _ => bail!("{variable}: {text:?} is not a whole number above zero"),
        },
        _ => Ok(default),
    }
}
