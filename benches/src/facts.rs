//! When, where and of what a run was: without these nobody can compare its figures.

use std::{fs, process::Command};

use aicore_registry_operator::clock;
use serde::Serialize;

use crate::parameters::Parameters;

/// What is said about a run, in this order; the sizes follow.
pub const FACTS: [&str; 6] = ["date", "commit", "Kubernetes", "CPU", "cores", "minutes"];

/// The facts of a run. What is not known stays empty, and is shown as a dash.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Facts {
    /// When it began, in UTC.
    pub date: String,
    /// The commit of the work tree, with `-dirty` when files differ from it.
    pub commit: String,
    /// Version of the API server.
    pub kubernetes: String,
    /// Model of the processor.
    pub cpu: String,
    /// How many of its cores this process may use.
    pub cores: usize,
    /// How long it took.
    pub minutes: u64,
    /// What was asked for: name and value.
    pub sizes: Vec<(String, String)>,
}

impl Facts {
    /// What is known before a run begins.
    #[must_use]
    pub fn gather(parameters: &Parameters) -> Self {
        Self {
            date: format!("{:.0}", clock::now()),
            commit: commit().unwrap_or_default(),
            cpu: cpu(&fs::read_to_string("/proc/cpuinfo").unwrap_or_default()).unwrap_or_default(),
            cores: std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
            sizes: parameters.sizes(),
            ..Self::default()
        }
    }

    /// All in one line: `date: …; commit: …`.
    #[must_use]
    pub fn line(&self) -> String {
        let values = [
            self.date.clone(),
            self.commit.clone(),
            self.kubernetes.clone(),
            self.cpu.clone(),
            self.cores.to_string(),
            self.minutes.to_string(),
        ];
        let facts = FACTS.iter().map(|&name| name.to_owned()).zip(values);
        let all: Vec<String> = facts
            .chain(self.sizes.iter().cloned())
            .map(|(name, value)| format!("{name}: {}", if value.is_empty() { "–" } else { &value }))
            .collect();
        all.join("; ")
    }
}

fn commit() -> Option<String> {
    let described = Command::new("git")
        .args(["describe", "--always", "--abbrev=12", "--exclude=*", "--dirty"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .ok()?;
    let text = String::from_utf8(described.stdout).ok()?;
    described.status.success().then(|| text.trim().to_owned())
}

fn cpu(info: &str) -> Option<String> {
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_all_facts_and_a_dash_for_what_is_not_known() {
        let facts = Facts {
            date: "2026-01-01T00:00:00Z".to_owned(),
            cores: 2,
            sizes: vec![("resources".to_owned(), "5".to_owned())],
            ..Facts::default()
        };
        assert_eq!(
            facts.line(),
            "date: 2026-01-01T00:00:00Z; commit: –; Kubernetes: –; CPU: –; cores: 2; minutes: 0; resources: 5"
        );
    }

    #[test]
    fn the_model_is_read_from_the_first_core() {
        let info = "processor\t: 0\nmodel name\t: Some  CPU @ 2.00GHz\nprocessor\t: 1\nmodel name\t: other\n";
        assert_eq!(cpu(info).as_deref(), Some("Some CPU @ 2.00GHz"));
        assert_eq!(cpu("nothing"), None);
    }
}
