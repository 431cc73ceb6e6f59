//! The operator as a process of its own: the program that users run.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Child,
    sync::watch,
};

use crate::process::tethered;

/// How long anything may take before a test gives up: generous, since machines are shared.
const PATIENCE: Duration = Duration::from_mins(1);
/// How many lines of an operator are shown when its test fails, and how many characters of each.
const LAST_LINES: usize = 12;
const LONGEST_LINE: usize = 400;

/// How to start it.
#[derive(Clone, Debug)]
pub struct Launch {
    program: PathBuf,
    /// The kubeconfig that it is given.
    pub kubeconfig: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Launch {
    /// For one namespace.
    #[must_use]
    pub fn new(program: &Path, kubeconfig: &Path, namespace: &str) -> Self {
        let usual = ["run", "--listen=127.0.0.1:0", "--allow-insecure-http", "--log-level=debug"];
        Self::exactly(program, kubeconfig, usual.map(str::to_owned).to_vec())
            .with(&format!("--watch-namespaces={namespace}"))
    }

    /// With these arguments and no other.
    #[must_use]
    pub fn exactly(program: &Path, kubeconfig: &Path, arguments: Vec<String>) -> Self {
        Self {
            program: program.to_owned(),
            kubeconfig: kubeconfig.to_owned(),
            arguments,
            environment: Vec::new(),
        }
    }

    /// With one more argument.
    #[must_use]
    pub fn with(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// With another kubeconfig.
    #[must_use]
    pub fn with_kubeconfig(mut self, kubeconfig: &Path) -> Self {
        kubeconfig.clone_into(&mut self.kubeconfig);
        self
    }

    /// With an environment variable; it has no others.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts it and waits until it is ready.
    pub async fn start(&self) -> Operator {
        let operator = self.start_unready();
        operator.wait_for_line("reconciling").await;
        operator
    }

    /// Starts it.
    #[must_use]
    pub fn start_unready(&self) -> Operator {
        let mut child = tethered(&self.program)
            .args(&self.arguments)
            .env_clear()
            .env("KUBECONFIG", &self.kubeconfig)
            .envs(self.environment.clone())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let log = Arc::new(Mutex::new(Vec::new()));
        let count = watch::Sender::new(0);
        let receiver = count.subscribe();
        let collected = Arc::clone(&log);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                collected.lock().unwrap().push(line);
                count.send_modify(|count| *count += 1);
            }
        });
        Operator { child, log, lines: receiver }
    }
}

/// A running operator. It ends with the test.
#[derive(Debug)]
pub struct Operator {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    lines: watch::Receiver<usize>,
}

impl Operator {
    /// The process id, while it has not been waited for.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// How it has ended, if it has: the exit code, absent when a signal ended it.
    pub fn try_ended(&mut self) -> Option<Option<i32>> {
        Some(self.child.try_wait().unwrap()?.code())
    }

    /// The most memory that it ever had, where the system tells (proc(5), `VmHWM`).
    #[must_use]
    pub fn peak_memory_kib(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.split_whitespace().next()?.parse().ok()
    }

    /// All lines of the log so far.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Waits for a line that contains `part`, and returns it.
    pub async fn wait_for_line(&self, part: &str) -> String {
        let mut lines = self.lines.clone();
        let found = async {
            loop {
                if let Some(line) = self.log().into_iter().find(|line| line.contains(part)) {
                    return line;
                }
                let more = lines.changed().await.is_ok();
                assert!(more, "the operator ended without logging {part:?}:\n{}", self.log().join("\n"));
            }
        };
        let line = tokio::time::timeout(PATIENCE, found).await;
        line.unwrap_or_else(|_| panic!("the operator did not log {part:?}:\n{}", self.log().join("\n")))
    }

    /// How many lines contain `part` so far.
    #[must_use]
    pub fn count_lines(&self, part: &str) -> usize {
        self.log().iter().filter(|line| line.contains(part)).count()
    }

    /// Waits for so many lines that contain `part`.
    pub async fn wait_for_lines(&self, part: &str, count: usize) {
        let mut lines = self.lines.clone();
        let enough = async {
            while self.count_lines(part) < count {
                assert!(lines.changed().await.is_ok(), "the operator ended:\n{}", self.log().join("\n"));
            }
        };
        let enough = tokio::time::timeout(PATIENCE, enough).await;
        assert!(enough.is_ok(), "the operator logged {part:?} less than {count} times");
    }

    /// Asks a path of its server; the status and the body.
    pub async fn get(&self, path: &str) -> (u16, String) {
        self.ask(|url| reqwest::Client::new().get(url), path).await
    }

    /// Sends a request that is made from the URL of a path; the status and the body of the answer.
    pub async fn ask(
        &self,
        request: impl FnOnce(String) -> reqwest::RequestBuilder,
        path: &str,
    ) -> (u16, String) {
        let started: Value = serde_json::from_str(&self.wait_for_line("\"started\"").await).unwrap();
        let response =
            request(format!("http://{}{path}", started["listen"].as_str().unwrap())).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// Value of a metric, by its name and labels as they are exposed; zero when it is not there.
    pub async fn metric(&self, series: &str) -> f64 {
        let (_, text) = self.get("/metrics").await;
        let line =
            text.lines().find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')));
        line.and_then(|line| line.rsplit(' ').next()).map_or(0.0, |value| value.parse().unwrap())
    }

    /// Waits until a metric has reached a value.
    pub async fn wait_for_metric(&self, series: &str, value: f64) {
        let reached = async {
            while self.metric(series).await < value {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, reached)
            .await
            .unwrap_or_else(|_| panic!("{series} stays below {value}"));
    }

    /// Sends SIGTERM, waits for the end, and returns the exit code and the log.
    pub async fn terminate(self) -> (Option<i32>, Vec<String>) {
        self.signal("TERM").await;
        self.ended().await
    }

    /// Sends a signal, by its name without SIG.
    pub async fn signal(&self, name: &str) {
        let pid = self.child.id().unwrap().to_string();
        let kill = tokio::process::Command::new("kill").args(["-s", name, &pid]).status().await.unwrap();
        assert!(kill.success());
    }

    /// Stops it until SIGCONT, and returns when it stands still: on a busy machine its threads go on for a while after the
    /// signal was sent.
    pub async fn stand_still(&self) {
        self.signal("STOP").await;
        let tasks = format!("/proc/{}/task", self.child.id().unwrap());
        let stopped = async {
            while !every_thread_is_stopped(Path::new(&tasks)) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(PATIENCE, stopped).await.expect("it goes on after SIGSTOP");
    }

    /// Waits for the end, and returns the exit code and the log.
    pub async fn ended(mut self) -> (Option<i32>, Vec<String>) {
        let status = tokio::time::timeout(Duration::from_secs(40), self.child.wait()).await.unwrap().unwrap();
        while self.lines.changed().await.is_ok() {}
        (status.code(), self.log())
    }

    /// Kills it without warning.
    pub async fn kill(mut self) -> Vec<String> {
        self.child.kill().await.unwrap();
        while self.lines.changed().await.is_ok() {}
        self.log()
    }
}

/// What it said last, beside the failure of its test.
impl Drop for Operator {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let log = self.log();
        let told: Vec<&String> = log.iter().filter(|line| !line.contains("\"level\":\"DEBUG\"")).collect();
        eprintln!("the last lines of an operator, of {} (debug left out):", log.len());
        for line in told.iter().skip(told.len().saturating_sub(LAST_LINES)) {
            eprintln!("{}", line.chars().take(LONGEST_LINE).collect::<String>());
        }
    }
}

/// By the kernel's account (see proc(5), `stat`): the state is the first field after the name, which is in parentheses.
fn every_thread_is_stopped(tasks: &Path) -> bool {
    std::fs::read_dir(tasks).unwrap().all(|task| {
        let stat = std::fs::read_to_string(task.unwrap().path().join("stat")).unwrap();
        stat.rsplit_once(')').unwrap().1.trim_start().starts_with('T')
    })
}
