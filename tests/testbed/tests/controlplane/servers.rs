//! Looks at the processes of a control plane from outside.

use std::{path::Path, time::Duration};

use rustix::process::{Pid, Signal, kill_process};

/// Far more than anything here takes; only reached when a test fails.
const DEADLINE: Duration = Duration::from_mins(1);

/// Waits until `condition` gives a value.
pub(crate) async fn eventually<T>(what: &str, condition: impl AsyncFn() -> Option<T>) -> T {
    let poll = async {
        loop {
            if let Some(value) = condition().await {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(DEADLINE, poll).await.unwrap_or_else(|_| panic!("not reached: {what}"))
}

/// Process ids of the servers whose files are in the folder of `kubeconfig`: they run in that folder.
pub(crate) fn servers_of(kubeconfig: &Path) -> Vec<u32> {
    let folder = kubeconfig.parent().unwrap();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|id: &u32| is_in(*id, folder)).collect()
}

/// Whether a process runs in `folder`, also when the folder has been removed since.
fn is_in(id: u32, folder: &Path) -> bool {
    let link = std::fs::read_link(format!("/proc/{id}/cwd")).unwrap_or_default();
    link == folder || link.to_str() == Some(&format!("{} (deleted)", folder.display()))
}

/// The one server whose program is `name`.
pub(crate) fn server(kubeconfig: &Path, name: &str) -> u32 {
    let is_named = |id: &u32| {
        let program = std::fs::read_link(format!("/proc/{id}/exe")).unwrap_or_default();
        program.ends_with(name)
    };
    let mut named = servers_of(kubeconfig).into_iter().filter(is_named);
    named.next().unwrap_or_else(|| panic!("{name} does not run"))
}

/// A field of `/proc/<id>/status` (`proc_pid_status(5)`).
pub(crate) fn status(id: u32, field: &str) -> String {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.unwrap().trim().to_owned()
}

pub(crate) fn signal(id: u32, signal: Signal) {
    kill_process(Pid::from_raw(id.cast_signed()).unwrap(), signal).unwrap();
}

/// Waits until no server and no file of the control plane is left.
pub(crate) async fn gone(kubeconfig: &Path) {
    servers_gone(kubeconfig).await;
    let folder = kubeconfig.parent().unwrap();
    eventually("the folder is removed", async || (!folder.exists()).then_some(())).await;
}

/// Waits until no server of the control plane is left.
pub(crate) async fn servers_gone(kubeconfig: &Path) {
    eventually("the servers are gone", async || servers_of(kubeconfig).is_empty().then_some(())).await;
}
