//! Endurance: credentials are rotated fifty times a second, while again and again the API server is started anew and tokens expire or
//! are revoked. Each rotation must arrive, or a later one of the same Secret; memory, files and threads must not grow.
//!
//! `make test` does it for seconds, `make soak MINUTES=60` for an hour and with the program as it is released.

mod account;
mod vitals;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::future::join_all;
use serde_json::{Value, json};
use testbed::{
    operator::{Launch, Operator},
    simulator::{Entry, Options, Simulator, Tenant},
};
use tokio::{
    sync::mpsc,
    time::{Instant, interval, sleep, sleep_until},
};

use self::{account::Account, vitals::Vitals};
use crate::{
    cluster::{Stage, apply, insist, object, objects, resources},
    credential::{CANARY, Content, client_secret},
};

const NAMESPACE: &str = "soak";
const TENANTS: usize = 10;
const RESOURCES: usize = 200;
/// Who rotates, one after the other, each its share of the Secrets.
const WRITERS: usize = 8;
/// Rotations a second.
const RATE: f64 = 50.0;
/// Life of a token.
const TOKEN: Duration = Duration::from_mins(1);
/// Within which a rotation must arrive, an outage of the API server included.
const ARRIVAL: Duration = Duration::from_mins(1);
const PATIENCE: Duration = Duration::from_mins(2);
const POLL: Duration = Duration::from_millis(100);

/// How long, and how often the API server is started anew; in the middle between two of these all tokens are revoked.
#[derive(Clone, Copy, Debug)]
struct Course {
    length: Duration,
    period: Duration,
    /// Between two looks at the process.
    look: Duration,
}

#[tokio::test]
async fn a_short_soak_loses_nothing() {
    let seconds = Duration::from_secs;
    let course = Course { length: seconds(20), period: seconds(9), look: Duration::from_millis(250) };
    soak(course).await;
}

#[tokio::test]
#[ignore = "long: make soak"]
async fn a_long_soak_loses_nothing_and_does_not_grow() {
    let length = Duration::from_secs_f64(60.0 * crate::asked("CHAOS_MINUTES", 10.0));
    let course = Course { length, period: Duration::from_mins(1), look: Duration::from_secs(2) };
    let vitals = soak(course).await;
    assert_eq!(vitals.growth(), Vec::<String>::new());
}

/// Everything of a run.
struct Soak {
    stage: Stage,
    simulator: Simulator,
    account: Mutex<Account>,
    began: Instant,
}

async fn soak(course: Course) -> Vitals {
    let stage = Stage::start().await;
    let simulator = Simulator::start(Options { keep_journal: false, ..Options::default() }).await.unwrap();
    let arrivals = simulator.watch();
    let account = Mutex::new(Account::new(RESOURCES));
    let soak = Soak { stage, simulator, account, began: Instant::now() };
    soak.furnish().await;
    let operator = soak.start();
    let (mut operator, vitals) = tokio::select! {
        done = soak.run(course, operator) => done,
        () = soak.read(arrivals) => unreachable!("the simulator goes on"),
    };
    assert_eq!(operator.try_ended(), None, "the process ended by itself");
    operator.kill().await;
    soak.judge(course, &vitals);
    soak.stage.stop().await;
    vitals
}

impl Soak {
    fn tenant(&self, resource: usize) -> Tenant {
        self.simulator.tenant(&format!("t{}", resource % TENANTS))
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Service keys, source Secrets and resources.
    async fn furnish(&self) {
        let client = &self.stage.client;
        let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NAMESPACE } });
        apply(&objects(client, ["", "v1", "Namespace", "namespaces"], None), &namespace).await;
        for number in 0..TENANTS {
            let tenant = self.tenant(number);
            tenant.configure(|options| {
                options.token_lifetime = TOKEN;
                CANARY.clone_into(&mut options.token_mark);
            });
            tenant.rotate_secret(client_secret(tenant.name(), 1));
            self.write_secret(&format!("key-{}", tenant.name()), "Opaque", &tenant.binding_data()).await;
        }
        for number in 0..RESOURCES {
            self.rotate(number, 1).await;
            let resource = json!({
                "apiVersion": "aicore-registry.dev/v1alpha1", "kind": "AICoreRegistrySecret",
                "metadata": { "name": format!("r{number}") },
                "spec": {
                    "secretRef": { "name": format!("s{number}") },
                    "aiCoreSecretRef": { "name": format!("key-{}", self.tenant(number).name()) },
                },
            });
            let api = resources(client, NAMESPACE);
            insist(async || api.create(&kube::api::PostParams::default(), &object(resource.clone())).await)
                .await
                .unwrap();
        }
    }

    async fn write_secret(&self, name: &str, type_: &str, data: &BTreeMap<String, String>) {
        let secret: Value = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name }, "type": type_, "stringData": data,
        });
        let api = objects(&self.stage.client, ["", "v1", "Secret", "secrets"], Some(NAMESPACE));
        apply(&api, &secret).await;
    }

    async fn rotate(&self, number: usize, version: u32) {
        let secret = format!("s{number}");
        let content =
            Content { namespace: NAMESPACE.to_owned(), secret: secret.clone(), version, password: version };
        self.write_secret(&secret, "kubernetes.io/dockerconfigjson", &content.data()).await;
        self.account.lock().unwrap().written(number, version, self.now());
    }

    fn start(&self) -> Operator {
        let arguments = ["run", "--listen=127.0.0.1:0", "--allow-insecure-http", "--watch-namespaces=soak"];
        let kubeconfig = self.stage.control_plane.kubeconfig();
        Launch::exactly(&self.stage.program, kubeconfig, arguments.map(str::to_owned).to_vec())
            .start_unready()
    }

    async fn run(&self, course: Course, operator: Operator) -> (Operator, Vitals) {
        self.all_arrived().await;
        println!("soak: {RESOURCES} resources in sync after {:.1} s", self.now().as_secs_f64());
        let until = Instant::now() + course.length;
        let mut vitals = Vitals::of(operator.pid().unwrap());
        let looks = async {
            let mut looks = interval(course.look);
            while Instant::now() < until {
                looks.tick().await;
                vitals.look(self.now());
            }
        };
        let writers = join_all((0..WRITERS).map(|writer| self.write(writer, until)));
        tokio::join!(writers, looks, self.trouble(course.period, until));
        self.all_arrived().await;
        (operator, vitals)
    }

    /// Rotates a share of the Secrets, one after the other. What could not be done during an outage is made up for.
    async fn write(&self, writer: usize, until: Instant) {
        let mut ticks = interval(Duration::from_secs_f64(WRITERS as f64 / RATE));
        let mut version = 1;
        loop {
            version += 1;
            for number in (writer..RESOURCES).step_by(WRITERS) {
                ticks.tick().await;
                if Instant::now() > until {
                    return;
                }
                self.rotate(number, version).await;
            }
        }
    }

    async fn trouble(&self, period: Duration, until: Instant) {
        let mut at = Instant::now() + period / 2;
        loop {
            if at > until {
                return;
            }
            sleep_until(at).await;
            (0..TENANTS).for_each(|number| self.tenant(number).revoke_tokens());
            sleep_until(at + period / 2).await;
            self.stage.control_plane.stop_api_server().await.unwrap();
            self.stage.control_plane.start_api_server().await.unwrap();
            at += period;
        }
    }

    /// Notes what AI Core is sent, until the simulator stops.
    async fn read(&self, mut arrivals: mpsc::UnboundedReceiver<Arc<Entry>>) {
        while let Some(entry) = arrivals.recv().await {
            let Some(applied) = entry.applied_at else { continue };
            let content = entry.payload.as_ref().and_then(|payload| Content::read(payload.expose()));
            let content = content.expect("only what was written is sent");
            let number: usize = content.secret.trim_start_matches('s').parse().unwrap();
            assert_eq!(entry.name, Some(format!("r{number}")), "sent to another name");
            assert_eq!(entry.tenant.as_deref(), Some(self.tenant(number).name()), "sent to another tenant");
            let at = applied.saturating_duration_since(self.began);
            self.account.lock().unwrap().arrived(number, content.version, at);
        }
    }

    /// Waits until AI Core holds the last of each.
    async fn all_arrived(&self) {
        let until = Instant::now() + PATIENCE;
        loop {
            let pending = self.account.lock().unwrap().pending();
            if pending.is_empty() {
                return;
            }
            assert!(Instant::now() < until, "lost: {pending:?}");
            sleep(POLL).await;
        }
    }

    fn judge(&self, course: Course, vitals: &Vitals) {
        let account = self.account.lock().unwrap();
        println!("soak: {} min: {account}", course.length.as_secs() / 60);
        println!("soak: {vitals}");
        assert_eq!(account.against(), Vec::<String>::new());
        assert!(account.longest() < ARRIVAL, "a rotation arrived after {:?}", account.longest());
        for number in 0..RESOURCES {
            let stored = self.tenant(number).secrets().remove(&format!("r{number}"));
            let stored = stored.and_then(|stored| Content::read(&stored)).map(|content| content.version);
            assert_eq!(stored, Some(account.last(number)), "r{number}");
        }
    }
}
