//! Control groups: the node's processes are in groups below that of this process, and see them as the root of all groups.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context;
use tokio::time::Instant;

/// How long the kernel may take to notice that the processes of a group are gone.
const DEADLINE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(50);
/// What the names of the groups begin with.
const PREFIX: &str = "aicore-node-";

/// The groups of one node, in each hierarchy that is mounted. They are removed when this is dropped, at the latest.
#[derive(Debug)]
pub(super) struct Groups(Vec<PathBuf>);

impl Groups {
    /// Makes groups whose name has `name` in it, and removes those of nodes that `is_there` does not know any more.
    pub(super) fn create(name: &str, is_there: impl Fn(&str) -> bool) -> anyhow::Result<Self> {
        let read = |file: &str| std::fs::read_to_string(file).with_context(|| format!("cannot read {file}"));
        let parents = own_groups(&read("/proc/mounts")?, &read("/proc/self/cgroup")?);
        let mut groups = Self(Vec::new());
        for parent in parents {
            remove_abandoned(&parent, &is_there);
            let group = parent.join(format!("{PREFIX}{name}"));
            std::fs::create_dir(&group)
                .with_context(|| format!("cannot make the group {}", group.display()))?;
            groups.0.push(group.clone());
            // In version 1 a group that says nothing about them may use no processor and no memory.
            for file in ["cpuset.cpus", "cpuset.mems"] {
                if let Ok(all) = std::fs::read_to_string(parent.join(file)) {
                    let file = group.join(file);
                    std::fs::write(&file, all).with_context(|| format!("cannot write {}", file.display()))?;
                }
            }
        }
        Ok(groups)
    }

    /// Whether they can be made here, which root of a container or of a user namespace often may not.
    pub(super) fn can_be_made() -> bool {
        Self::create(&format!("probe-{}", std::process::id()), |_| true)
            .is_ok_and(|groups| !groups.0.is_empty())
    }

    pub(super) fn folders(&self) -> &[PathBuf] {
        &self.0
    }

    /// Removes the groups, and those of containers in them, after their processes were ended. Blocks.
    fn remove(&mut self) {
        let deadline = Instant::now() + DEADLINE;
        for group in std::mem::take(&mut self.0) {
            while !remove_tree(&group) {
                if Instant::now() > deadline {
                    eprintln!("testbed: cannot remove the control group {}", group.display());
                    break;
                }
                std::thread::sleep(POLL);
            }
        }
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        self.remove();
    }
}

/// The folders of the groups that a process is in, from its `/proc/mounts` and `/proc/self/cgroup`. With version 2 alone there is
/// one hierarchy, whose root is taken: below another group that has processes no controller can be used.
fn own_groups(mounts: &str, own: &str) -> Vec<PathBuf> {
    let of_type = |wanted: &'static str| {
        mounts.lines().filter_map(move |line| {
            let mut words = line.split_whitespace().skip(1);
            let (point, kind) = (words.next()?, words.next()?);
            (kind == wanted).then(|| Path::new(point))
        })
    };
    let own_path = |point: &Path| {
        let name = point.file_name()?.to_str()?;
        own.lines().find_map(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            let (controllers, path) = (parts.next()?, parts.next()?);
            let is_it = controllers == name || controllers.strip_prefix("name=") == Some(name);
            is_it.then(|| point.join(path.trim_start_matches('/')))
        })
    };
    let version_1: Vec<PathBuf> = of_type("cgroup").filter_map(own_path).collect();
    if version_1.is_empty() { of_type("cgroup2").map(Path::to_path_buf).collect() } else { version_1 }
}

/// Removes the groups of nodes that were killed together with their supervisors.
fn remove_abandoned(parent: &Path, is_there: impl Fn(&str) -> bool) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if name.to_str().and_then(|name| name.strip_prefix(PREFIX)).is_some_and(|name| !is_there(name)) {
            remove_tree(&entry.path());
        }
    }
}

/// Removes a group after those in it; whether it is gone. The kernel removes none that has a process.
fn remove_tree(group: &Path) -> bool {
    for entry in std::fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_tree(&entry.path());
        }
    }
    let _ = std::fs::remove_dir(group);
    !group.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_1_has_a_group_in_each_hierarchy() {
        let mounts = "proc /proc proc rw 0 0\n\
                      cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n\
                      cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n\
                      cgroup /sys/fs/cgroup/systemd cgroup rw,name=systemd 0 0\n\
                      cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        let own = "3:name=systemd:/\n2:memory:/a/b\n1:cpu:/\n0::/\n";
        let groups = own_groups(mounts, own);
        let wanted = ["/sys/fs/cgroup/cpu/", "/sys/fs/cgroup/memory/a/b", "/sys/fs/cgroup/systemd/"];
        assert_eq!(groups, wanted.map(PathBuf::from));
    }

    #[test]
    fn version_2_has_one_hierarchy() {
        let mounts = "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n";
        assert_eq!(own_groups(mounts, "0::/user.slice/session\n"), [PathBuf::from("/sys/fs/cgroup")]);
    }

    #[test]
    fn groups_are_removed_from_the_innermost_out() {
        let root = std::env::temp_dir().join(format!("groups-{}", std::process::id()));
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        assert!(remove_tree(&root));
        assert!(!root.exists());
    }
}
