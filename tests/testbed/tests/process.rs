//! Tethered processes.

use std::{process::Stdio, time::Duration};

use testbed::process::{spawn, tethered};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, Command},
};

/// A program that says a line for each line it is told.
fn echo() -> Command {
    let mut command = tethered("cat");
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// Whether the program still answers.
async fn answers(child: &mut Child) -> bool {
    let input = child.stdin.as_mut().unwrap();
    let mut line = String::new();
    if input.write_all(b"hello\n").await.is_ok() {
        let _ = BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).await;
    }
    line == "hello\n"
}

/// Runs `start` to its end on a thread of its own, and waits until the kernel has finished with that thread.
async fn on_another_thread<T: Send + 'static>(start: impl Future<Output = T> + Send + 'static) -> T {
    let runtime = tokio::runtime::Handle::current();
    let (done, result) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let thread = std::path::Path::new("/proc").join(std::fs::read_link("/proc/thread-self").unwrap());
        let _ = done.send((thread, runtime.block_on(start)));
    });
    let (thread, result) = result.await.unwrap();
    let ended = async {
        while thread.exists() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), ended).await.expect("the thread ends");
    result
}

#[tokio::test]
async fn a_tethered_process_ends_with_the_thread_that_started_it() {
    let mut child = on_another_thread(async {
        let mut child = echo().spawn().unwrap();
        assert!(answers(&mut child).await);
        child
    })
    .await;
    let ended = tokio::time::timeout(Duration::from_mins(1), child.wait()).await;
    let status = ended.expect("the kernel kills it").unwrap();
    assert!(status.to_string().starts_with("signal: 9"), "{status}");
}

#[tokio::test]
async fn a_process_of_the_spawner_outlives_the_thread_that_asked_for_it() {
    let mut child = on_another_thread(async {
        let mut child = spawn(echo()).await.unwrap();
        assert!(answers(&mut child).await);
        child
    })
    .await;
    assert!(answers(&mut child).await);
    child.kill().await.unwrap();
}

#[tokio::test]
async fn a_missing_program_ends_with_127_and_says_so() {
    let output = tethered("/no/such/program").output().await.unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(error, "testbed: cannot run /no/such/program: No such file or directory (os error 2)\n");
    assert_eq!(output.status.code(), Some(127));
}
