//! Memory, files and threads of a process over time.

use std::{fmt, time::Duration};

/// Part of the looks at the beginning that does not count: caches fill.
const WARM: usize = 4;
/// Memory that may be added in an hour, in KiB: a leak of a hundred bytes in each rotation would be 18 MiB.
const GROWTH: f64 = 3.0 * 1024.0;
/// Files and threads that may be more at the end than at the beginning: a connection that is being made.
const MORE: u64 = 4;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Look {
    at: Duration,
    memory_kib: u64,
    files: u64,
    threads: u64,
}

/// What was seen of a process.
#[derive(Clone, Debug)]
pub(super) struct Vitals {
    pid: u32,
    looks: Vec<Look>,
}

impl Vitals {
    pub(super) fn of(pid: u32) -> Self {
        Self { pid, looks: Vec::new() }
    }

    /// Looks at it, by the kernel's account (proc(5)).
    pub(super) fn look(&mut self, at: Duration) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap_or_default();
        let number = |name: &str| -> Option<u64> {
            status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
        };
        let files = std::fs::read_dir(format!("/proc/{}/fd", self.pid)).map_or(0, Iterator::count) as u64;
        if let (Some(memory_kib), Some(threads)) = (number("VmRSS:"), number("Threads:")) {
            self.looks.push(Look { at, memory_kib, files, threads });
        }
    }

    fn warm(&self) -> &[Look] {
        &self.looks[self.looks.len() / WARM..]
    }

    /// KiB in an hour, by the line that fits best.
    fn slope(&self) -> f64 {
        let points: Vec<(f64, f64)> = self
            .warm()
            .iter()
            .map(|look| (look.at.as_secs_f64() / 3_600.0, look.memory_kib as f64))
            .collect();
        let count = points.len() as f64;
        let middle = points.iter().fold((0.0, 0.0), |sum, (x, y)| (sum.0 + x / count, sum.1 + y / count));
        let (along, across) = points.iter().fold((0.0, 0.0), |(along, across), (x, y)| {
            (along + (x - middle.0) * (y - middle.1), across + (x - middle.0).powi(2))
        });
        if across > 0.0 { along / across } else { 0.0 }
    }

    /// The middle of the first and of the last quarter of what counts.
    fn ends(&self, of: impl Fn(&Look) -> u64) -> (u64, u64) {
        let quarter = (self.warm().len() / 4).max(1);
        let middle = |looks: &[Look]| {
            let mut values: Vec<u64> = looks.iter().map(&of).collect();
            values.sort_unstable();
            values.get(values.len() / 2).copied().unwrap_or_default()
        };
        let warm = self.warm();
        (middle(&warm[..quarter.min(warm.len())]), middle(&warm[warm.len().saturating_sub(quarter)..]))
    }

    /// What grows.
    pub(super) fn growth(&self) -> Vec<String> {
        let mut grows = Vec::new();
        if self.slope() > GROWTH {
            grows.push(format!("memory grows by {:.0} KiB in an hour", self.slope()));
        }
        let (files, threads) = (self.ends(|look| look.files), self.ends(|look| look.threads));
        for (what, (first, last)) in [("files", files), ("threads", threads)] {
            if last > first + MORE {
                grows.push(format!("{what} grew from {first} to {last}"));
            }
        }
        grows
    }
}

impl fmt::Display for Vitals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (memory, files) = (self.ends(|look| look.memory_kib), self.ends(|look| look.files));
        let threads = self.ends(|look| look.threads);
        let most = self.looks.iter().map(|look| look.memory_kib).max().unwrap_or_default();
        write!(
            f,
            "{} looks: memory {} KiB at first, {} KiB at last, {most} KiB at most, slope {:+.0} KiB/h; \
             files {} and {}; threads {} and {}",
            self.looks.len(),
            memory.0,
            memory.1,
            self.slope(),
            files.0,
            files.1,
            threads.0,
            threads.1,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An hour in which memory, files and threads grow by so much, with some noise.
    fn hour(memory: u64, files: u64, threads: u64) -> Vitals {
        let looks = (0..1_000_u64).map(|number| Look {
            at: Duration::from_millis(3_600 * number),
            memory_kib: 20_000 + number * memory / 1_000 + number * 7 % 400,
            files: 20 + number * files / 1_000 + number % 3,
            threads: 4 + number * threads / 1_000,
        });
        Vitals { pid: 0, looks: looks.collect() }
    }

    #[test]
    fn growth_is_found_and_noise_is_not() {
        assert_eq!(hour(0, 0, 0).growth(), Vec::<String>::new());
        assert!((hour(2_000, 0, 0).slope() - 2_000.0).abs() < 100.0);
        assert_eq!(hour(5_000, 0, 0).growth().len(), 1);
        assert_eq!(hour(0, 20, 0).growth().len(), 1);
        assert_eq!(hour(0, 0, 20).growth().len(), 1);
    }

    #[test]
    fn nothing_is_said_of_nothing() {
        assert_eq!(Vitals::of(0).growth(), Vec::<String>::new());
        assert!(Vitals::of(0).to_string().starts_with("0 looks"));
    }
}
