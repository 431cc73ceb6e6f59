//! Which kubectl the demo runs: the one on the PATH where it suits the API server, else the control plane's own.

mod probe;

use std::{fmt, path::PathBuf, time::Duration};

use anyhow::{Context, bail};

use self::probe::{on_path, version_of};

/// How many minor versions kubectl may be away from the API server, either way: <https://kubernetes.io/releases/version-skew-policy/>.
const SKEW: u32 = 1;
/// How long a kubectl may take to say its version. It asks no server for that; what wraps it may.
const PATIENCE: Duration = Duration::from_secs(5);

/// The kubectl that is run, and why.
#[derive(Debug, PartialEq)]
pub(super) struct Kubectl {
    pub(super) program: PathBuf,
    /// For the user: which it is, and why it is not the one on the PATH, if it is not.
    pub(super) remark: String,
}

/// What is on the PATH.
#[derive(Debug, PartialEq)]
enum Found {
    Nothing,
    Kubectl {
        program: PathBuf,
        version: Version,
    },
    /// Something that does not say a version, and why.
    Broken {
        program: PathBuf,
        reason: String,
    },
}

impl Kubectl {
    /// For an API server of this version. `own` is the control plane's own kubectl; of a cluster of the user's there is none.
    ///
    /// # Errors
    ///
    /// When there is no kubectl that runs.
    pub(super) async fn choose(server: &str, own: Option<PathBuf>) -> anyhow::Result<Self> {
        let server =
            Version::parse(server).with_context(|| format!("the API server's version is {server:?}"))?;
        let found = match on_path(std::env::var_os("PATH").unwrap_or_default().as_os_str()) {
            None => Found::Nothing,
            Some(program) => match version_of(&program, PATIENCE).await {
                Ok(version) => Found::Kubectl { program, version },
                Err(reason) => Found::Broken { program, reason },
            },
        };
        Self::of(found, &server, own)
    }

    fn of(found: Found, server: &Version, own: Option<PathBuf>) -> anyhow::Result<Self> {
        let (reason, usable) = match found {
            Found::Kubectl { program, version } if version.suits(server) => {
                let remark = format!("kubectl {version} of the PATH ({})", program.display());
                return Ok(Self { program, remark });
            }
            Found::Kubectl { program, version } => {
                let place = program.display();
                let reason =
                    format!("{place} on the PATH is {version}, too far from the API server's {server}");
                (reason, Some((program, version)))
            }
            Found::Broken { program, reason } => {
                (format!("{} on the PATH {reason}", program.display()), None)
            }
            Found::Nothing => ("none is on the PATH".to_owned(), None),
        };
        match (own, usable) {
            (Some(program), _) => Ok(Self { program, remark: format!("its own kubectl, since {reason}") }),
            // It is what the user works with.
            (None, Some((program, version))) => {
                Ok(Self { program, remark: format!("kubectl {version}, although {reason}") })
            }
            (None, None) => bail!("there is no kubectl for your cluster: {reason}"),
        }
    }
}

/// As Kubernetes names its releases, `v1.37.2`; what providers add is kept (`v1.33.5-gke.1080000`).
#[derive(Clone, Debug, PartialEq)]
struct Version {
    text: String,
    major: u32,
    minor: u32,
}

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.strip_prefix('v')?.splitn(3, '.');
        let (major, minor) = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
        // The patch, without which it is no release.
        let patch = numbers.next()?;
        let plain = text.len() <= 64 && text.chars().all(|letter| letter.is_ascii_graphic());
        let sound = plain && patch.starts_with(|letter: char| letter.is_ascii_digit());
        sound.then(|| Self { text: text.to_owned(), major, minor })
    }

    /// Whether a kubectl of this version is for that API server.
    fn suits(&self, server: &Self) -> bool {
        self.major == server.major && self.minor.abs_diff(server.minor) <= SKEW
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    fn on_the_path(text: &str) -> Found {
        Found::Kubectl { program: "/usr/bin/kubectl".into(), version: version(text) }
    }

    fn broken() -> Found {
        Found::Broken { program: "/usr/bin/kubectl".into(), reason: "cannot be run".to_owned() }
    }

    #[test]
    fn one_minor_version_either_way_suits() {
        let server = version("v1.37.2");
        for suits in ["v1.36.0", "v1.37.9", "v1.38.0-rc.1", "v1.36.5-gke.1080000"] {
            assert!(version(suits).suits(&server), "{suits}");
        }
        for apart in ["v1.35.9", "v1.39.0", "v2.37.2", "v0.37.2"] {
            assert!(!version(apart).suits(&server), "{apart}");
        }
    }

    #[test]
    fn what_is_no_version_is_none() {
        let long = format!("v1.37.2-{}", "x".repeat(80));
        for text in ["", "1.37.2", "v1", "v1.37", "v1.x.2", "v1.37.", "v1.37.2\nv", "v1.37.2 of today", &long]
        {
            assert_eq!(Version::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_one_on_the_path_is_taken_where_it_suits() {
        let chosen = Kubectl::of(on_the_path("v1.36.1"), &version("v1.37.2"), Some("/own".into())).unwrap();
        assert_eq!(chosen.program, Path::new("/usr/bin/kubectl"));
        assert_eq!(chosen.remark, "kubectl v1.36.1 of the PATH (/usr/bin/kubectl)");
    }

    #[test]
    fn else_the_control_planes_own_with_the_reason() {
        for (found, reason) in [
            (Found::Nothing, "none is on the PATH"),
            (
                on_the_path("v1.30.4"),
                "/usr/bin/kubectl on the PATH is v1.30.4, too far from the API server's v1.37.2",
            ),
            (broken(), "/usr/bin/kubectl on the PATH cannot be run"),
        ] {
            let chosen = Kubectl::of(found, &version("v1.37.2"), Some("/own".into())).unwrap();
            assert_eq!(chosen.program, Path::new("/own"));
            assert_eq!(chosen.remark, format!("its own kubectl, since {reason}"));
        }
    }

    #[test]
    fn for_a_users_cluster_it_is_the_users_own_or_an_error() {
        let server = version("v1.37.2");
        let chosen = Kubectl::of(on_the_path("v1.30.4"), &server, None).unwrap();
        assert_eq!(chosen.program, Path::new("/usr/bin/kubectl"));
        assert!(chosen.remark.starts_with("kubectl v1.30.4, although "), "{}", chosen.remark);
        for found in [Found::Nothing, broken()] {
            let error = Kubectl::of(found, &server, None).unwrap_err().to_string();
            assert!(error.starts_with("there is no kubectl for your cluster: "), "{error}");
        }
    }
}
