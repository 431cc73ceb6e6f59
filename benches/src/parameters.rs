//! What a run is asked for, by environment variables.

mod trouble;

use std::path::PathBuf;

use anyhow::{Context, bail};

pub use self::trouble::Trouble;
use crate::report::Section;

/// Where reports go.
pub const OUTPUT: &str = "target/bench";

/// All scenarios, in the order in which they run.
#[must_use]
pub fn scenarios() -> Vec<String> {
    Section::ALL.iter().flat_map(|section| section.scenarios()).map(|&name| name.to_owned()).collect()
}

/// How many of the fleet's resources name an AICoreTenant instead of a service key of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenantRef {
    /// None of them, and there are no AICoreTenants.
    None,
    /// Every second one.
    Half,
    /// Each.
    All,
}

impl TenantRef {
    fn parse(text: &str) -> anyhow::Result<Self> {
        match text {
            "none" => Ok(Self::None),
            "half" | "" => Ok(Self::Half),
            "all" => Ok(Self::All),
            _ => bail!("TENANT_REF: {text:?} is none of none, half and all"),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Half => "half",
            Self::All => "all",
        }
    }
}

/// Parameters of a run.
#[derive(Clone, Debug)]
pub struct Parameters {
    /// `N`: resources. Default 1000.
    pub resources: usize,
    /// `UNRELATED`: Secrets of 4 KiB that no resource names. Default 5000.
    pub unrelated: usize,
    /// `TENANT_REF`: `none`, `half` or `all` of the fleet's resources name an AICoreTenant. Default half.
    pub tenant_ref: TenantRef,
    /// `ROTATIONS`: rotations that are measured one by one, over all pairs. Default 500.
    pub rotations: usize,
    /// `PAIRS`: how often product and floor run in turn. Default 5.
    pub pairs: usize,
    /// `REST_SECONDS`: how long the operator is watched while nothing happens. Default 30.
    pub rest_seconds: u64,
    /// What the scenarios with neighbours in trouble are asked for.
    pub trouble: Trouble,
    /// `SCENARIOS`: which to run, separated by commas. Default: all.
    pub scenarios: Vec<String>,
    /// The operator.
    pub product: PathBuf,
    /// The least that any program could do.
    pub floor: PathBuf,
    /// The ordinary operator, or why it is not there.
    pub ordinary: Result<PathBuf, String>,
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
        let known = scenarios();
        let scenarios = match std::env::var("SCENARIOS") {
            Ok(list) if !list.trim().is_empty() => chosen(&list)?,
            _ => known,
        };
        Ok(Self {
            resources: number("N", 1000)?,
            unrelated: number("UNRELATED", 5000)?,
            tenant_ref: TenantRef::parse(&std::env::var("TENANT_REF").unwrap_or_default())?,
            rotations: number("ROTATIONS", 500)?,
            pairs: number("PAIRS", 5)?,
            rest_seconds: number("REST_SECONDS", 30)? as u64,
            trouble: Trouble::from_environment()?,
            scenarios,
            product: programs.join("aicore-registry-operator"),
            floor: programs.join("floor"),
            ordinary: Err("it was not built".to_owned()),
            output: PathBuf::from(OUTPUT),
        })
    }

    /// The sizes that the figures depend on: name and value.
    #[must_use]
    pub fn sizes(&self) -> Vec<(String, String)> {
        let trouble = &self.trouble;
        let numbers = [
            ("resources", self.resources),
            ("unrelated Secrets of 4 KiB", self.unrelated),
            ("rotations measured one by one", self.rotations),
            ("pairs of product and floor", self.pairs),
            ("pairs of quiet and trouble", trouble.pairs),
            ("seconds of such a round", trouble.round.as_secs() as usize),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_string()));
        let tenant_ref = ("of them by tenantRef".to_owned(), self.tenant_ref.name().to_owned());
        let mut sizes = numbers.to_vec();
        sizes.insert(1, tenant_ref);
        sizes
    }

    /// Whether the scenario is to run.
    #[must_use]
    pub fn wants(&self, scenario: &str) -> bool {
        self.scenarios.iter().any(|name| name == scenario)
    }
}

/// The scenarios of a list; the name of a section stands for all of its own.
fn chosen(list: &str) -> anyhow::Result<Vec<String>> {
    let known = scenarios();
    let mut chosen = Vec::new();
    for name in list.split(',').map(str::trim) {
        match Section::ALL.into_iter().find(|section| section.name() == name) {
            Some(section) => chosen.extend(section.scenarios().iter().map(|&name| name.to_owned())),
            None if known.iter().any(|scenario| scenario == name) => chosen.push(name.to_owned()),
            None => bail!("SCENARIOS: there is no {name:?}; choose from {}", known.join(",")),
        }
    }
    Ok(chosen)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_resources_share_keys_unless_something_else_is_said() {
        for (text, expected) in [("", TenantRef::Half), ("none", TenantRef::None), ("all", TenantRef::All)] {
            assert_eq!(TenantRef::parse(text).unwrap(), expected);
        }
        assert!(
            TenantRef::parse("50").unwrap_err().to_string().contains("\"50\" is none of none, half and all")
        );
    }

    #[test]
    fn a_section_stands_for_its_scenarios() {
        assert_eq!(chosen("idle, growth").unwrap(), ["idle", "growth"]);
        assert_eq!(chosen("neighbours").unwrap(), Section::Neighbours.scenarios());
        let error = chosen("idle,idel").unwrap_err().to_string();
        assert!(error.contains("\"idel\"") && error.contains("memory,cold"), "{error}");
    }
}
