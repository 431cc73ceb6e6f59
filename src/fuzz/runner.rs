//! Runs a target over its corpus and over mutations of it.

use std::{
    cell::Cell,
    collections::HashSet,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, Once,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use fastrand::Rng;
use tokio::time::Instant;

use super::{Outcome, Syntax, Target, bytes::Mutator, json::Node};

/// The seed, where nobody names one.
const SEED: u64 = 20_260_301;
/// The most inputs that are mutated further.
const POOL: usize = 4_000;
/// The most kinds of outcome that are told apart.
const KINDS: usize = 200_000;
/// The most bytes of an input; seldom more, up to the second.
const LENGTHS: [usize; 2] = [2 * 1024, 96 * 1024];
/// One in so many inputs may have the greater length.
const SELDOM: u32 = 2_000;
/// What one input may take, before the run is given up: an attempt that does not end is a finding.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(60);
/// The most memory that a long run may come to need, in KiB. Inputs, their kinds and the program itself are less than half of it.
const MOST_MEMORY: u64 = 256 * 1024;
/// Attempts to make a finding shorter.
const SHRINKING: usize = 3_000;

/// Fuzzes a target. `FUZZ_EXECUTIONS` says how long, `FUZZ_SEED` from where.
pub(crate) fn fuzz(target: &Target) {
    let number = |name: &str| std::env::var(name).ok().map(|value| value.parse::<u64>().expect(name));
    let (executions, seed) = (number("FUZZ_EXECUTIONS"), number("FUZZ_SEED").unwrap_or(SEED));
    Run::new(target, seed, executions.is_some()).all(executions.unwrap_or(target.short));
}

struct Run<'a> {
    target: &'a Target,
    seed: u64,
    rng: Rng,
    /// What is mutated: the corpus, and then what had a new outcome.
    pool: Vec<Vec<u8>>,
    corpus: usize,
    kinds: HashSet<Outcome>,
    done: u64,
    slowest: Duration,
    watch: Option<Watch>,
}

impl<'a> Run<'a> {
    fn new(target: &'a Target, seed: u64, alone: bool) -> Self {
        let pool = corpus(target);
        Self {
            target,
            seed,
            rng: Rng::with_seed(seed),
            corpus: pool.len(),
            pool,
            kinds: HashSet::new(),
            done: 0,
            slowest: Duration::ZERO,
            watch: alone.then(Watch::start),
        }
    }

    fn all(mut self, executions: u64) {
        let started = Instant::now();
        for number in 0..self.corpus {
            self.attempt(self.pool[number].clone());
        }
        // Without mutations, which is also what says that the corpus is worth something.
        assert!(self.kinds.len() > 1, "{}: all of the corpus comes to the same", self.target.name);
        while self.done < executions {
            let input = self.next();
            self.attempt(input);
            if self.watch.is_some() && self.done.is_multiple_of(100_000) {
                self.judge_memory();
            }
        }
        println!(
            "fuzz {}: {} executions in {:.1} s, seed {}, {} inputs of the corpus, {} kinds of outcome, the slowest input took \
             {:.1} ms, the process never had more than {} MiB",
            self.target.name,
            self.done,
            started.elapsed().as_secs_f64(),
            self.seed,
            self.corpus,
            self.kinds.len(),
            self.slowest.as_secs_f64() * 1e3,
            peak_memory().map_or(0, |kib| kib / 1024),
        );
    }

    fn next(&mut self) -> Vec<u8> {
        let longest = LENGTHS[usize::from(self.rng.u32(..SELDOM) == 0)];
        let one = self.rng.usize(..self.pool.len());
        // What is new is tried more often.
        let one = if self.rng.bool() { one.max(self.rng.usize(..self.pool.len())) } else { one };
        let other = self.rng.usize(..self.pool.len());
        let (mut input, other) = (self.pool[one].clone(), &self.pool[other]);
        let mut mutator = Mutator { rng: &mut self.rng, dictionary: self.target.dictionary, longest };
        let as_json = match self.target.syntax {
            Syntax::Bytes => false,
            Syntax::Json => mutator.rng.u8(0..3) > 0,
            Syntax::Envelope => true,
        };
        if as_json && let Some(mut node) = Node::parse(&input) {
            let mut other = Node::parse(other).unwrap_or_else(|| node.clone());
            mutator.json(&mut node, &mut other, self.target.syntax == Syntax::Envelope);
            let written = node.write();
            if written.len() <= longest {
                input = written;
            }
        } else {
            mutator.bytes(&mut input, other);
        }
        input
    }

    fn attempt(&mut self, input: Vec<u8>) {
        self.done += 1;
        if let Some(watch) = &self.watch {
            watch.begins(self.done, &input);
        }
        let started = Instant::now();
        let outcome = quietly(self.target, &input);
        self.slowest = self.slowest.max(started.elapsed());
        let outcome = outcome.unwrap_or_else(|why| self.found(&input, &why));
        if self.kinds.len() < KINDS && self.kinds.insert(outcome) && self.done > self.corpus as u64 {
            if self.pool.len() < POOL {
                self.pool.push(input);
            } else {
                let replaced = self.rng.usize(self.corpus..POOL.max(self.corpus + 1));
                self.pool[replaced] = input;
            }
        }
    }

    fn found(&self, input: &[u8], why: &str) -> ! {
        let short = shrunk(self.target, input);
        let why = quietly(self.target, &short).err().unwrap_or_else(|| why.to_owned());
        let path = save(self.target.name, &short);
        panic!(
            "fuzz {}: execution {} with seed {}: {why}\ninput ({}): {}",
            self.target.name,
            self.done,
            self.seed,
            path.display(),
            short.escape_ascii()
        );
    }

    fn judge_memory(&self) {
        let peak = peak_memory().unwrap_or_default();
        assert!(
            peak <= MOST_MEMORY,
            "fuzz {}: the process has come to {peak} KiB by execution {} with seed {}",
            self.target.name,
            self.done,
            self.seed
        );
    }
}

/// The corpus, in the order of the names of its files.
fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target.name);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// Tries an input; the words of the panic if there was one.
fn quietly(target: &Target, input: &[u8]) -> Result<Outcome, String> {
    thread_local! {
        static QUIET: Cell<bool> = const { Cell::new(false) };
    }
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                usual(panic);
            }
        }));
    });
    QUIET.set(true);
    let result = catch_unwind(AssertUnwindSafe(|| (target.attempt)(input)));
    QUIET.set(false);
    result.map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
    })
}

/// As short as it gets while something still does not hold.
fn shrunk(target: &Target, input: &[u8]) -> Vec<u8> {
    let mut short = input.to_vec();
    let (mut size, mut attempts) = (input.len() / 2, 0);
    while size > 0 && attempts < SHRINKING {
        let mut at = 0;
        while at < short.len() && attempts < SHRINKING {
            attempts += 1;
            let mut shorter = short.clone();
            shorter.drain(at..(at + size).min(shorter.len()));
            if quietly(target, &shorter).is_err() { short = shorter } else { at += size }
        }
        size /= 2;
    }
    short
}

fn save(name: &str, input: &[u8]) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/fuzz").join(name);
    let path = folder.join(format!("{:016x}", Outcome::of(input).0));
    fs::create_dir_all(&folder).unwrap();
    fs::write(&path, input).unwrap();
    path
}

/// The most memory that the process ever had, in KiB; where the system tells.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

/// Ends a long run in which an attempt does not end, and says which.
struct Watch {
    current: Arc<Mutex<Vec<u8>>>,
    execution: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
}

impl Watch {
    fn start() -> Self {
        let watch = Self { current: Arc::default(), execution: Arc::default(), over: Arc::default() };
        let (current, execution, over) =
            (Arc::clone(&watch.current), Arc::clone(&watch.execution), Arc::clone(&watch.over));
        thread::spawn(move || {
            let mut before = 0;
            while !over.load(Relaxed) {
                thread::sleep(LONGEST_ATTEMPT);
                let now = execution.load(Relaxed);
                if now == before && now > 0 && !over.load(Relaxed) {
                    let path = save("endless", &current.lock().unwrap());
                    eprintln!("execution {now} does not end: {}", path.display());
                    std::process::abort();
                }
                before = now;
            }
        });
        watch
    }

    fn begins(&self, execution: u64, input: &[u8]) {
        let mut current = self.current.lock().unwrap();
        current.clear();
        current.extend_from_slice(input);
        self.execution.store(execution, Relaxed);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.over.store(true, Relaxed);
    }
}
