//! A limit of the kernel on the memory of one process, which ends it when it needs more.

use std::{fs, path::PathBuf};

use crate::operator::Launch;

/// A control group with a limit, until this is dropped.
pub(super) struct MemoryLimit {
    folder: PathBuf,
    second: bool,
}

impl MemoryLimit {
    /// # Panics
    /// When control groups of neither version can be written, which needs root.
    pub(super) fn new(name: &str, bytes: u64) -> Self {
        let second = fs::exists("/sys/fs/cgroup/cgroup.controllers").unwrap();
        let root = if second { "/sys/fs/cgroup" } else { "/sys/fs/cgroup/memory" };
        let folder = PathBuf::from(root).join(format!("{name}-{}", std::process::id()));
        fs::create_dir(&folder).expect("no control group can be made; are you root?");
        let limit = Self { folder, second };
        fs::write(limit.file("memory.limit_in_bytes", "memory.max"), bytes.to_string()).unwrap();
        limit
    }

    fn file(&self, first: &str, second: &str) -> PathBuf {
        self.folder.join(if self.second { second } else { first })
    }

    /// The most that was ever used, in bytes, the kernel's buffers of files included, which it takes back when it needs them.
    pub(super) fn peak(&self) -> u64 {
        let peak = fs::read_to_string(self.file("memory.max_usage_in_bytes", "memory.peak")).unwrap();
        peak.trim().parse().unwrap()
    }

    /// The program with these arguments, within the limit from its beginning.
    pub(super) fn launch(&self, program: &str, launch: &Launch, arguments: &[String]) -> Launch {
        let script = format!("echo $$ > {}/cgroup.procs && exec \"$@\"", self.folder.display());
        let begin = ["-c", &*script, "sh", program].map(str::to_owned);
        Launch::exactly("/bin/sh".as_ref(), &launch.kubeconfig, [&begin, arguments].concat())
    }
}

impl Drop for MemoryLimit {
    fn drop(&mut self) {
        // Its last process may have ended a moment ago; a folder that stays does no harm.
        let _ = fs::remove_dir(&self.folder);
    }
}
