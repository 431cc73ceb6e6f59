//! The program.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
};

use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use testbed::process::tethered;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout},
    time::timeout,
};

use crate::client::{DEADLINE, JSON, MERGE_PATCH, PULL, Reply, SECRETS, content, docker_config, http, named};

/// The program, with files in a folder of its own.
struct Program {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    folder: PathBuf,
}

impl Program {
    fn start(test: &str, arguments: &[&str]) -> Self {
        let name = format!("simulator-{test}-{}", std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir(&folder).unwrap();
        let mut command = tethered(env!("CARGO_BIN_EXE_aicore-simulator"));
        command.args(arguments).current_dir(&folder).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines, folder }
    }

    async fn line(&mut self) -> String {
        timeout(DEADLINE, self.lines.next_line()).await.unwrap().unwrap().unwrap()
    }

    fn read(&self, file: &str) -> String {
        let path = self.folder.join(file);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
        std::fs::read_to_string(path).unwrap()
    }

    /// Ends it; returns what it still printed.
    async fn end(mut self, signal: Signal) -> String {
        let pid = Pid::from_raw(self.child.id().unwrap().cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
        let mut rest = String::new();
        while let Some(line) = timeout(DEADLINE, self.lines.next_line()).await.unwrap().unwrap() {
            rest += &line;
        }
        let status = timeout(DEADLINE, self.child.wait()).await.unwrap().unwrap();
        assert_eq!(status.code(), Some(0), "{status}");
        rest
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Creates and changes a secret; returns the token.
async fn use_key(key: &Value) -> String {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", key["clientid"].as_str().unwrap()),
        ("client_secret", key["clientsecret"].as_str().unwrap()),
    ];
    let url = format!("{}/oauth/token", key["url"].as_str().unwrap());
    let reply = Reply::of(http().post(url).form(&form)).await.unwrap();
    let token = reply.json()["access_token"].as_str().unwrap().to_owned();
    for (method, path, content_type, body) in [
        (Method::POST, SECRETS, JSON, named("ghcr-pull", &docker_config("s3cret"))),
        (Method::PATCH, PULL, MERGE_PATCH, content(&docker_config("s3cret2"))),
    ] {
        let url = format!("{}{path}", key["serviceurls"]["AI_API_URL"].as_str().unwrap());
        let request = http().request(method, url).bearer_auth(&token);
        let request = request.header("Content-Type", content_type).body(body.to_string());
        assert_eq!(Reply::of(request).await.unwrap().status, 202);
    }
    token
}

#[rstest::rstest]
#[case::text("text", Signal::INT)]
#[case::json("json", Signal::TERM)]
#[tokio::test]
async fn it_shows_requests_without_credentials(#[case] log: &str, #[case] signal: Signal) {
    let mut program = Program::start(log, &["--log", log, "--write-key", "key.json", "--tenant", "acme"]);
    let announced = program.line().await;
    let key: Value = serde_json::from_str(&program.read("key.json")).unwrap();
    let url = key["serviceurls"]["AI_API_URL"].as_str().unwrap();
    let token = use_key(&key).await;
    let lines = [program.line().await, program.line().await, program.line().await];
    if log == "json" {
        let announced: Value = serde_json::from_str(&announced).unwrap();
        assert_eq!(announced, serde_json::json!({"url": url, "tenants": ["acme"]}));
        let patch: Value = serde_json::from_str(&lines[2]).unwrap();
        assert_eq!(patch["tenant"], "acme");
        assert_eq!(patch["operation"], "patch");
        assert_eq!(patch["method"], "PATCH");
        assert_eq!(patch["path"], PULL);
        assert_eq!(patch["name"], "ghcr-pull");
        assert_eq!(patch["status"], 202);
        assert_eq!(patch["registries"], serde_json::json!(["ghcr.io"]));
        assert!(patch["ms"].is_f64() && patch["time"].as_str().unwrap().ends_with('Z'), "{patch}");
        assert_eq!(patch["payload"].as_str().unwrap().len(), 12);
    } else {
        assert_eq!(announced, url);
        assert!(lines[0].contains(" acme POST /uaa/acme/oauth/token 200 "), "{}", lines[0]);
        assert!(lines[2].contains(&format!(" acme PATCH {PULL} 202 ")), "{}", lines[2]);
        assert!(lines[2].contains(" ms registries=ghcr.io payload="), "{}", lines[2]);
    }
    let printed = lines.join("\n") + &program.end(signal).await;
    for credential in ["s3cret", &token, key["clientsecret"].as_str().unwrap()] {
        assert!(!printed.contains(credential), "{printed}");
    }
}

#[tokio::test]
async fn it_writes_files_for_each_tenant() {
    let mut program = Program::start(
        "files",
        &[
            "--tls",
            "--tenant=acme",
            "--tenant=beta",
            "--write-key={tenant}.json",
            "--write-binding={tenant}.yaml",
            "--binding-name=key-of-{tenant}",
            "--write-ca=ca.pem",
            "--ready-file=ready",
        ],
    );
    let url = program.line().await;
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");
    assert!(program.read("ca.pem").starts_with("-----BEGIN CERTIFICATE-----\n"));
    for tenant in ["acme", "beta"] {
        let key: Value = serde_json::from_str(&program.read(&format!("{tenant}.json"))).unwrap();
        assert_eq!(key["identityzone"], tenant);
        let binding: Value = serde_saphyr::from_str(&program.read(&format!("{tenant}.yaml"))).unwrap();
        assert_eq!((&binding["apiVersion"], &binding["kind"]), (&"v1".into(), &"Secret".into()));
        assert_eq!(binding["metadata"]["name"], format!("key-of-{tenant}"));
        let data = &binding["stringData"];
        assert_eq!(data["clientid"], key["clientid"]);
        assert_eq!(data["clientsecret"], key["clientsecret"]);
        assert_eq!(data["serviceurls"], key["serviceurls"].to_string());
        assert!(data.as_object().unwrap().values().all(Value::is_string), "{data}");
    }
    let ready = program.folder.join("ready");
    // It is written last: after the URL was printed.
    let written = async {
        while std::fs::read_to_string(&ready).unwrap_or_default() != url {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, written).await.unwrap();
    assert_eq!(program.end(Signal::TERM).await, "");
}

/// As in a pod: behind a Service, whose name clients use.
#[tokio::test]
async fn it_goes_by_the_public_url_where_that_is_not_its_address() {
    let mut program = Program::start(
        "public",
        &[
            "--listen=0.0.0.0:0",
            "--public-url=https://api.example.com:8443/",
            "--public-authorization-url=https://{tenant}.login.example.com:8443",
            "--tls",
            "--tls-name=simulator.aicore.svc",
            "--write-key=key.json",
            "--write-ca=ca.pem",
            "--ready-file=ready",
        ],
    );
    assert_eq!(program.line().await, "https://api.example.com:8443");
    let key: Value = serde_json::from_str(&program.read("key.json")).unwrap();
    assert_eq!(key["serviceurls"]["AI_API_URL"], "https://api.example.com:8443");
    assert_eq!(key["url"], "https://demo.login.example.com:8443");
    let port = listening_port(program.child.id().unwrap());
    let authority = reqwest::Certificate::from_pem(program.read("ca.pem").as_bytes()).unwrap();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", key["clientid"].as_str().unwrap()),
        ("client_secret", key["clientsecret"].as_str().unwrap()),
    ];
    for name in ["api.example.com", "demo.login.example.com", "simulator.aicore.svc", "localhost"] {
        let client = reqwest::Client::builder()
            .tls_certs_only([authority.clone()])
            .resolve(name, ([127, 0, 0, 1], port).into())
            .build()
            .unwrap();
        client.get(format!("https://{name}:{port}/")).send().await.unwrap();
        // The tenant is told by the host.
        let token =
            client.post(format!("https://{name}:{port}/oauth/token")).form(&form).send().await.unwrap();
        assert_eq!(token.status() == 200, name.starts_with("demo."), "{name}: {}", token.status());
    }
    program.end(Signal::TERM).await;
}

/// The port on which a process listens, by the kernel's table of its network.
fn listening_port(pid: u32) -> u16 {
    let links = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let inodes: Vec<String> = links
        .filter_map(|link| {
            let target = std::fs::read_link(link.unwrap().path()).ok()?;
            target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']').map(str::to_owned)
        })
        .collect();
    let table = std::fs::read_to_string(format!("/proc/{pid}/net/tcp")).unwrap();
    let ports = table.lines().skip(1).filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let listens = words[3] == "0A" && inodes.iter().any(|inode| inode == words[9]);
        listens.then(|| u16::from_str_radix(words[1].split_once(':').unwrap().1, 16).unwrap())
    });
    ports.last().unwrap()
}

#[rstest::rstest]
#[case::no_address_for_clients(&["--listen", "0.0.0.0:0"])]
#[case::no_host_for_tenants(&["--public-url", "https://a.example.com", "--public-authorization-url", "https://b.example.com"])]
#[case::no_url(&["--public-url", "api.example.com"])]
#[case::name_without_tls(&["--tls-name", "api.example.com"])]
#[case::tenant_name(&["--tenant", "Not/This"])]
#[case::one_file_for_two(&["--tenant", "a", "--tenant", "b", "--write-key", "key.json"])]
#[case::authority_without_tls(&["--write-ca", "ca.pem"])]
#[tokio::test]
async fn it_refuses_what_cannot_be_meant(#[case] arguments: &[&str]) {
    let mut command = tethered(env!("CARGO_BIN_EXE_aicore-simulator"));
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    let status = timeout(DEADLINE, command.status()).await.unwrap().unwrap();
    assert!(!status.success());
}
