//! Whether this machine can have a node.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use crate::missing::{Missing, is_program, to_install};

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

/// What cannot run.
const WHAT: &str = "a node";

/// The machine has all that it takes, and nothing of it is built.
pub(super) fn not_built() -> Missing {
    let line =
        "its programs and images are not built, which takes a quarter of an hour: make node-test builds them";
    Missing::new(WHAT, vec![line.to_owned()])
}

/// Whether a node can run here. Blocks for a moment.
///
/// # Errors
///
/// All that is missing.
pub fn check() -> Result<(), Missing> {
    let mut missing = Vec::new();
    if !cfg!(target_os = "linux") {
        return Err(Missing::new(WHAT, vec!["it takes Linux".to_owned()]));
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
    if missing.is_empty() { Ok(()) } else { Err(Missing::new(WHAT, missing)) }
}

/// In namespaces that end with the command.
fn succeeds(command: &[&str]) -> bool {
    let mut probe = Command::new("unshare");
    probe.args(["--cgroup", "--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "--"]).args(command);
    probe.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}
