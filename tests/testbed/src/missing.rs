//! What a machine lacks for something that not every machine can do.

use std::fmt;

/// What is missing. Nothing was built or started.
#[derive(Debug, PartialEq, Eq)]
pub struct Missing {
    what: &'static str,
    lines: Vec<String>,
}

impl Missing {
    /// The exit code that says it: neither success nor a failed test.
    pub const EXIT_CODE: i32 = 77;

    /// Each line says something that `what` takes and that is not there.
    pub(crate) fn new(what: &'static str, lines: Vec<String>) -> Self {
        Self { what, lines }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} cannot run here", self.what)?;
        self.lines.iter().try_for_each(|line| write!(formatter, "\n  - {line}"))
    }
}

impl std::error::Error for Missing {}

/// One line for all of these files or programs, which are missing, each with its Debian package.
pub(crate) fn to_install<'a>(missing: impl Iterator<Item = (&'a str, &'a str)>) -> Option<String> {
    let (names, packages): (Vec<&str>, Vec<&str>) = missing.unzip();
    (!names.is_empty()).then(|| {
        let packages = packages.join(" ");
        format!(
            "there is no {}; on Debian: apt-get install --no-install-recommends {packages}",
            names.join(", ")
        )
    })
}

/// Whether it is on the PATH.
pub(crate) fn is_program(name: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(name).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_to_install_in_one_command() {
        let missing = [("ip", "iproute2"), ("nft", "nftables")].into_iter();
        let line = to_install(missing).unwrap();
        assert_eq!(
            line,
            "there is no ip, nft; on Debian: apt-get install --no-install-recommends iproute2 nftables"
        );
        assert_eq!(to_install([].into_iter()), None);
    }

    #[test]
    fn all_that_is_missing_is_listed() {
        let lines = vec!["it takes root".to_owned(), "there is no ip".to_owned()];
        let missing = Missing::new("a node", lines);
        assert_eq!(missing.to_string(), "a node cannot run here\n  - it takes root\n  - there is no ip");
    }
}
