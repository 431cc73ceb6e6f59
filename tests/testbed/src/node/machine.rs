//! Whether this machine can have a node.

use std::{
    fmt,
    path::Path,
    process::{Command, Stdio},
};

use super::cgroups::Groups;

/// Programs, and the Debian package that has each.
const PROGRAMS: [(&str, &str); 14] = [
    ("buildah", "buildah"),
    ("busybox", "busybox-static"),
    ("dash", "dash"),
    ("debootstrap", "debootstrap"),
    ("dpkg-deb", "dpkg"),
    ("gcc", "gcc"),
    ("hostname", "hostname"),
    ("ip", "iproute2"),
    ("iptables", "iptables"),
    ("mount", "mount"),
    ("nft", "nftables"),
    ("openssl", "openssl"),
    ("prometheus", "prometheus"),
    ("unshare", "util-linux"),
];

/// Other files, and the Debian package that has each.
const FILES: [(&str, &str); 1] = [("/usr/include/seccomp.h", "libseccomp-dev")];

/// What the kernel must let root do, as a command that shows it, and how a person says it.
const ABILITIES: [(&str, &[&str]); 3] = [
    ("make namespaces and mount in them", &["mount", "-t", "tmpfs", "none", "/run"]),
    ("use nftables, as kube-proxy does", &["nft", "add", "table", "ip", "probe"]),
    (
        "hand packets to a program (NFQUEUE), as the enforcer of NetworkPolicies needs it",
        &[
            "iptables",
            "-t",
            "mangle",
            "-A",
            "FORWARD",
            "-m",
            "conntrack",
            "--ctstate",
            "NEW",
            "-j",
            "NFQUEUE",
        ],
    ),
];

/// What this machine lacks for a node. Nothing was built or started.
#[derive(Debug, PartialEq, Eq)]
pub struct Missing(Vec<String>);

impl Missing {
    /// The exit code that says it: neither success nor a failed test.
    pub const EXIT_CODE: i32 = 77;
}

impl fmt::Display for Missing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a node cannot run here")?;
        self.0.iter().try_for_each(|line| write!(formatter, "\n  - {line}"))
    }
}

impl std::error::Error for Missing {}

impl Missing {
    /// The machine has all that it takes, and nothing of it is built.
    pub(super) fn build() -> Self {
        Self(vec!["its programs and images are not built, which takes a quarter of an hour: make node-test builds them".to_owned()])
    }
}

/// Whether a node can run here. Blocks for a moment.
///
/// # Errors
///
/// All that is missing.
pub fn check() -> Result<(), Missing> {
    let mut missing = Vec::new();
    if !cfg!(target_os = "linux") {
        return Err(Missing(vec!["it takes Linux".to_owned()]));
    }
    if !rustix::process::geteuid().is_root() {
        missing
            .push("it takes root, to make namespaces; in them nothing of the machine is changed".to_owned());
    }
    let programs = PROGRAMS.into_iter().filter(|(program, _)| !is_program(program));
    let files = FILES.into_iter().filter(|(file, _)| !Path::new(file).exists());
    missing.extend(to_install(programs.chain(files)));
    // Else the commands that show them fail for those reasons.
    if missing.is_empty() {
        let cannot = ABILITIES.into_iter().filter(|(_, command)| !succeeds(command));
        missing.extend(
            cannot.map(|(what, command)| format!("root may not {what}: `{}` fails", command.join(" "))),
        );
        if !Groups::can_be_made() {
            missing.push("root may not make control groups below its own".to_owned());
        }
    }
    if missing.is_empty() { Ok(()) } else { Err(Missing(missing)) }
}

/// One line for all packages, as a command to copy.
fn to_install<'a>(missing: impl Iterator<Item = (&'a str, &'a str)>) -> Option<String> {
    let (names, packages): (Vec<&str>, Vec<&str>) = missing.unzip();
    (!names.is_empty()).then(|| {
        let packages = packages.join(" ");
        format!(
            "there is no {}; on Debian: apt-get install --no-install-recommends {packages}",
            names.join(", ")
        )
    })
}

fn is_program(name: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(name).is_file())
}

/// In namespaces that end with the command.
fn succeeds(command: &[&str]) -> bool {
    let mut probe = Command::new("unshare");
    probe.args(["--cgroup", "--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "--"]).args(command);
    probe.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
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
        let missing = Missing(vec!["it takes root".to_owned(), "there is no ip".to_owned()]);
        assert_eq!(missing.to_string(), "a node cannot run here\n  - it takes root\n  - there is no ip");
    }
}
