//! The operator's processes. Each replica is kept by one task, as a kubelet would: it starts the process, starts it again when it
//! has ended, asks how it is, and does to it what it is told.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::Value;
use testbed::operator::{Launch, Operator};
use tokio::{sync::mpsc, time::Instant};

use crate::{recording::Life, world::World};

/// Between two looks at a process.
const LOOK: Duration = Duration::from_millis(700);
/// How long `/livez` may take before it counts as no answer.
const ANSWER: Duration = Duration::from_secs(5);
/// Before a process that has ended by itself is started again.
const PAUSE: Duration = Duration::from_millis(300);
/// How long SIGTERM may take: the limit of the contract, and a margin.
const FAREWELL: Duration = Duration::from_secs(30);

/// What is done to a process.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Command {
    /// SIGKILL, and started again after this.
    Kill(Duration),
    /// SIGTERM, and started again this long after its end.
    Terminate(Duration),
    /// SIGSTOP, and SIGCONT after this.
    Freeze(Duration),
    /// Its metrics are read.
    Scrape,
    /// SIGKILL, for good.
    End,
}

/// Tells a keeper.
#[derive(Clone, Debug)]
pub(crate) struct Keeper(mpsc::UnboundedSender<(Command, tokio::sync::oneshot::Sender<()>)>);

impl Keeper {
    /// Does it, and returns when it is over.
    pub(crate) async fn tell(&self, command: Command) {
        let (done, over) = tokio::sync::oneshot::channel();
        self.0.send((command, done)).unwrap();
        let _ = over.await;
    }
}

/// The processes that run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pids(Arc<Mutex<Vec<u32>>>);

impl Pids {
    /// The process that has the local end of a TCP connection at this port (see proc(5)). Asked when the connection is new, so
    /// its process lives.
    pub(crate) fn owner_of(&self, port: u16) -> Option<u32> {
        let table = std::fs::read_to_string("/proc/net/tcp").ok()?;
        let suffix = format!(":{port:04X}");
        let row = table
            .lines()
            .skip(1)
            .find(|row| row.split_whitespace().nth(1).is_some_and(|local| local.ends_with(&suffix)))?;
        let socket = format!("socket:[{}]", row.split_whitespace().nth(9)?);
        let pids = self.0.lock().unwrap().clone();
        pids.into_iter().find(|pid| {
            let files = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
            files
                .filter_map(|file| std::fs::read_link(file.path()).ok())
                .any(|link| link.as_os_str() == &*socket)
        })
    }

    fn add(&self, pid: u32) {
        self.0.lock().unwrap().push(pid);
    }

    fn remove(&self, pid: u32) {
        self.0.lock().unwrap().retain(|known| *known != pid);
    }
}

/// Keeps replica `number` until it is told to end; to be polled beside the rest of the episode.
pub(crate) fn keep<'a>(world: &'a World<'a>, number: usize) -> (Keeper, impl Future<Output = ()> + 'a) {
    let (sender, commands) = mpsc::unbounded_channel();
    let replica = Replica { world, launch: launch(world, number), number, next: None, operator: None };
    (Keeper(sender), replica.run(commands))
}

fn launch(world: &World<'_>, number: usize) -> Launch {
    let setting = &world.setting;
    let mut arguments = vec![
        "run".to_owned(),
        "--listen=127.0.0.1:0".to_owned(),
        "--request-timeout=5s".to_owned(),
        format!("--log-level={}", setting.log_level),
        format!("--tenant-rps={}", setting.rps),
        format!("--tenant-burst={}", setting.burst),
    ];
    if let Some(authority) = world.simulator.ca_pem() {
        let bundle = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-ca.pem", world.home));
        std::fs::write(&bundle, authority).unwrap();
        arguments.push(format!("--ca-bundle={}", bundle.display()));
        arguments.push(format!("--allowed-hosts=localhost:{}", world.relay.address().port()));
    } else {
        arguments.push("--allow-insecure-http".to_owned());
    }
    if !setting.cluster_wide {
        arguments.push(format!("--watch-namespaces={}", world.namespaces.join(",")));
    }
    if setting.replicas > 1 {
        arguments.extend(
            [
                "--leader-elect",
                "--leader-elect-lease-duration=6s",
                "--leader-elect-renew-deadline=4s",
                "--leader-elect-retry-period=400ms",
            ]
            .map(str::to_owned),
        );
        arguments.push(format!("--leader-elect-lease-namespace={}", world.home));
    }
    let launch = Launch::exactly(&world.stage.program, world.proxies[number].kubeconfig(), arguments);
    let variables = world.systems[number].variables();
    variables.iter().fold(launch, |launch, (name, value)| launch.with_variable(name, value))
}

struct Replica<'a> {
    world: &'a World<'a>,
    launch: Launch,
    number: usize,
    /// When the process is to be started.
    next: Option<Instant>,
    operator: Option<Running>,
}

struct Running {
    operator: Operator,
    /// Place of its life in the record.
    life: usize,
    pid: u32,
}

impl Replica<'_> {
    async fn run(
        mut self,
        mut commands: mpsc::UnboundedReceiver<(Command, tokio::sync::oneshot::Sender<()>)>,
    ) {
        self.start();
        let mut look = tokio::time::interval(LOOK);
        loop {
            let next = self.next;
            let due = async {
                match next {
                    Some(next) => tokio::time::sleep_until(next).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                command = commands.recv() => {
                    let Some((command, done)) = command else { return };
                    self.obey(command).await;
                    let _ = done.send(());
                    if matches!(command, Command::End) {
                        return;
                    }
                }
                () = due => self.start(),
                _ = look.tick() => self.look().await,
            }
        }
    }

    fn start(&mut self) {
        let operator = self.launch.start_unready();
        let pid = operator.pid().unwrap();
        self.world.pids.add(pid);
        let started = self.world.now();
        let mut record = self.world.record();
        record.lives.push(Life { replica: self.number, pid, started, ..Life::default() });
        self.operator = Some(Running { operator, life: record.lives.len() - 1, pid });
        self.next = None;
        drop(record);
        self.world.count("starts", 1);
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::Kill(pause) => {
                self.kill().await;
                self.next = Some(Instant::now() + pause);
            }
            Command::Terminate(pause) => {
                self.terminate().await;
                self.next = Some(Instant::now() + pause);
            }
            Command::Freeze(time) => self.freeze(time).await,
            Command::Scrape => self.scrape().await,
            Command::End => {
                self.scrape().await;
                self.kill().await;
                self.next = None;
            }
        }
    }

    async fn kill(&mut self) {
        let Some(running) = self.operator.take() else { return };
        let log = running.operator.kill().await;
        self.bury(running.life, running.pid, None, &log);
    }

    async fn terminate(&mut self) {
        let Some(mut running) = self.operator.take() else { return };
        self.life(running.life, |life| life.told = true);
        signal(running.pid, "TERM").await;
        let until = Instant::now() + FAREWELL;
        let code = loop {
            if let Some(code) = running.operator.try_ended() {
                break code;
            }
            if Instant::now() > until {
                break Some(-1);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let log = running.operator.kill().await;
        self.bury(running.life, running.pid, code, &log);
    }

    async fn freeze(&mut self, time: Duration) {
        let Some(running) = &self.operator else { return };
        let (pid, place) = (running.pid, running.life);
        let from = self.world.now();
        // Written before it is known how long, so that nobody asks meanwhile.
        self.life(place, |life| life.frozen.push((from, Duration::MAX)));
        signal(pid, "STOP").await;
        tokio::time::sleep(time).await;
        signal(pid, "CONT").await;
        let to = self.world.now();
        self.life(place, |life| life.frozen.last_mut().unwrap().1 = to);
    }

    async fn look(&mut self) {
        let Some(running) = &mut self.operator else { return };
        if let Some(code) = running.operator.try_ended() {
            let running = self.operator.take().unwrap();
            let log = running.operator.kill().await;
            self.bury(running.life, running.pid, code, &log);
            self.next = Some(Instant::now() + PAUSE);
            return;
        }
        let (place, pid) = (running.life, running.pid);
        let log = running.operator.log();
        let size = size(pid);
        let asked = self.world.now();
        let answer = get(&log, "/livez").await;
        let working = self.working(&log);
        // A process that ended meanwhile has not refused to answer.
        let ended = self.operator.as_mut().is_none_or(|running| running.operator.try_ended().is_some());
        self.life(place, |life| {
            life.working = life.working.or(working);
            life.sizes.extend(size.map(|(memory, files)| (asked, memory, files)));
            if !ended && let Some((status, _)) = answer {
                life.livez.push((asked, status));
            }
        });
    }

    async fn scrape(&mut self) {
        let Some(running) = &self.operator else { return };
        let (place, log) = (running.life, running.operator.log());
        let Some((200, text)) = get(&log, "/metrics").await else { return };
        let scraped = self.world.now();
        self.life(place, |life| {
            life.metrics = series(&text);
            life.scraped = scraped;
        });
        self.world.record().visible.push(("metrics".to_owned(), text));
    }

    /// When the process began to work, by its log.
    fn working(&self, log: &[String]) -> Option<Duration> {
        let world = self.world;
        let said = if world.setting.replicas > 1 { "\"leading\"" } else { "\"reconciling\"" };
        let line: Value = serde_json::from_str(log.iter().find(|line| line.contains(said))?).ok()?;
        let at: jiff::Timestamp = line["timestamp"].as_str()?.parse().ok()?;
        world.tools().clocks[self.number].when(at.duration_since(world.started_at))
    }

    fn life(&self, place: usize, change: impl FnOnce(&mut Life)) {
        change(&mut self.world.record().lives[place]);
    }

    fn bury(&self, place: usize, pid: u32, code: Option<i32>, log: &[String]) {
        self.world.pids.remove(pid);
        let (now, working) = (self.world.now(), self.working(log));
        self.life(place, |life| {
            life.ended = Some(now);
            life.code = code;
            life.working = life.working.or(working);
        });
        self.world.record().visible.push((format!("log of process {pid}"), log.join("\n")));
    }
}

/// Asks a path of the process whose log this is; 0 when it does not answer, nothing when it does not listen yet.
async fn get(log: &[String], path: &str) -> Option<(u16, String)> {
    let started: Value = serde_json::from_str(log.iter().find(|line| line.contains("\"started\""))?).ok()?;
    let url = format!("http://{}{path}", started["listen"].as_str()?);
    let request = async {
        let answer = reqwest::Client::builder().no_proxy().build().ok()?.get(url).send().await.ok()?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    };
    Some(tokio::time::timeout(ANSWER, request).await.ok().flatten().unwrap_or_default())
}

fn series(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.rsplit_once(' '))
        .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
        .collect()
}

/// Memory in KiB and open files.
fn size(pid: u32) -> Option<(u64, u64)> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count();
    Some((line.split_whitespace().next()?.parse().ok()?, files as u64))
}

/// A process that has ended meanwhile needs no signal.
async fn signal(pid: u32, name: &str) {
    let _ = tokio::process::Command::new("kill").args(["-s", name, &pid.to_string()]).status().await;
}
