//! What a crash of the process leaves behind.

use crate::world::World;

/// A limit of one byte, hard and soft: no file is that small, and it is what keeps the kernel from starting a program that takes
/// dumps from a pipe.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_memory_of_the_process_is_in_no_core_dump() {
    let world = World::new("core").await;
    let operator = world.operator().await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", operator.pid().unwrap())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let values: Vec<&str> = core.split_whitespace().skip(4).take(2).collect();
    assert!(values == ["1", "1"] || values == ["0", "0"], "{core}");
    world.check(&operator).await;
}
