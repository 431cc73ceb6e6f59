//! One thread that starts children and lives as long as the process.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{OnceLock, mpsc},
};

use tokio::{
    process::{Child, Command},
    runtime::Handle,
    sync::oneshot,
};

struct Job {
    command: Command,
    runtime: Handle,
    reply: oneshot::Sender<io::Result<Child>>,
}

/// Starts `command` from a thread that lives as long as this process, so that a [`tethered`](super::tethered)
/// child is not killed when a worker or test thread ends. The child belongs to the calling runtime.
pub async fn spawn(command: Command) -> io::Result<Child> {
    let (reply, answer) = oneshot::channel();
    let job = Job { command, runtime: Handle::current(), reply };
    spawner().send(job).map_err(io::Error::other)?;
    answer.await.map_err(io::Error::other)?
}

fn spawner() -> mpsc::Sender<Job> {
    static SPAWNER: OnceLock<mpsc::Sender<Job>> = OnceLock::new();
    let start = || {
        let (jobs, queue) = mpsc::channel::<Job>();
        std::thread::Builder::new()
            .name("spawner".to_owned())
            .spawn(move || {
                for Job { mut command, runtime, reply } in queue {
                    // A panic (a runtime without IO) must not end the thread: every child would end with it.
                    let spawned = catch_unwind(AssertUnwindSafe(|| {
                        let _context = runtime.enter();
                        command.spawn()
                    }));
                    if let Ok(spawned) = spawned {
                        let _ = reply.send(spawned);
                    }
                }
            })
            .expect("a thread can be started");
        jobs
    };
    SPAWNER.get_or_init(start).clone()
}
