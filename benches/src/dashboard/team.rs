//! Who uses the cluster of the picture.

use std::time::Duration;

/// A team: a namespace, and a tenant of AI Core of the same name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Team {
    /// Its name.
    pub(super) name: &'static str,
    /// Resources that it has from the start.
    pub(super) resources: usize,
    /// How many secrets AI Core lets it have.
    pub(super) quota: usize,
    /// How long AI Core takes for an answer. Its real answers take some time too, and a graph of none would be flat.
    pub(super) delay: Duration,
}

/// A team without trouble.
pub(super) const CHATBOT: Team = Team::new("chatbot", 8, 50, 35);
/// The team whose tenant answers 503 for a while.
pub(super) const FORECAST: Team = Team::new("forecast", 8, 50, 90);
/// The team that rotates all its credentials at once.
pub(super) const SEARCH: Team = Team::new("search", 7, 50, 55);
/// The team that may not have more than it has.
pub(super) const VISION: Team = Team::new("vision", 8, 8, 70);
/// The team with a wrong service key.
pub(super) const TRIAL: Team = Team::new("trial", 0, 50, 40);
/// All of them.
pub(super) const TEAMS: [Team; 5] = [CHATBOT, FORECAST, SEARCH, VISION, TRIAL];

/// Names of resources.
const REGISTRIES: [&str; 8] = ["ghcr", "quay", "harbor", "gitlab", "ecr", "acr", "docker-hub", "artifactory"];
/// Those of a team's resources whose credentials change all the time.
const ROTATED: usize = 5;

impl Team {
    const fn new(name: &'static str, resources: usize, quota: usize, delay: u64) -> Self {
        Self { name, resources, quota, delay: Duration::from_millis(delay) }
    }

    /// Names of the resources that it has from the start.
    pub(super) fn names(self) -> impl Iterator<Item = String> {
        REGISTRIES.iter().take(self.resources).map(|registry| format!("{registry}-pull"))
    }
}

/// The resources whose credentials change one after the other, in turn by team.
pub(super) fn rotated() -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    for number in 0..ROTATED {
        for team in TEAMS {
            all.extend(team.names().nth(number).map(|name| (team.name, name)));
        }
    }
    all
}
