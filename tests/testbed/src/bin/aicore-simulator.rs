//! The simulator of SAP AI Core on the command line.

use std::{
    fs::OpenOptions,
    io::Write,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, bail, ensure};
use clap::{Parser, ValueEnum};
use serde_json::{Value, json};
use testbed::{
    process::Signals,
    simulator::{Entry, Options, Simulator, TENANT, is_tenant_name},
};
use tokio::sync::mpsc::UnboundedReceiver;
use url::Url;

/// A simulator of SAP AI Core's docker registry secrets, to try things out without a tenant.
///
/// It prints its URL, then one line for each request: time, tenant, method, path, status and milliseconds; for writes
/// also the registry hosts and a fingerprint of the payload, never credentials. Ctrl-C ends it. Each start makes new
/// tenants with new credentials and no secrets.
#[derive(Parser)]
#[command(name = "aicore-simulator", version)]
struct Cli {
    /// Where to listen: a port of 127.0.0.1, or address:port; port 0 takes a free one. Whoever reaches it has the tenants'
    /// credentials: give another address than 127.0.0.1 only inside of a container or a pod
    #[arg(long, default_value = "127.0.0.1:0", value_parser = address, value_name = "ADDRESS")]
    listen: SocketAddr,
    /// The URL at which clients reach it, where that is not the address it listens on: service keys name it, and the
    /// certificate its host
    #[arg(long, value_parser = public_url, value_name = "URL")]
    public_url: Option<Url>,
    /// The URL of the tenants' authorization servers, where those have names of their own; {tenant} is the first label of its host
    #[arg(long, value_parser = authorization_url, value_name = "URL", requires = "public_url")]
    public_authorization_url: Option<String>,
    /// Another name for the certificate; may be repeated
    #[arg(long = "tls-name", requires = "tls", value_name = "NAME")]
    tls_names: Vec<String>,
    /// Serve https with a certificate of the simulator's own authority
    #[arg(long)]
    tls: bool,
    /// A tenant; may be repeated
    #[arg(long = "tenant", default_value = "demo", value_parser = tenant, value_name = "NAME")]
    tenants: Vec<String>,
    /// Write the tenant's service key, JSON, to this file; {tenant} stands for the tenant's name
    #[arg(long, value_name = "FILE")]
    write_key: Option<String>,
    /// Write the tenant's service binding, a manifest of a Kubernetes Secret, to this file; {tenant} stands for the
    /// tenant's name
    #[arg(long, value_name = "FILE")]
    write_binding: Option<String>,
    /// Name of the Secret in the manifest; {tenant} stands for the tenant's name
    #[arg(long, default_value = "aicore-key", value_name = "NAME")]
    binding_name: String,
    /// Write the certificate of the simulator's authority, PEM, to this file
    #[arg(long, requires = "tls", value_name = "FILE")]
    write_ca: Option<PathBuf>,
    /// Write the URL to this file when everything is ready
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// How to print requests
    #[arg(long, value_enum, default_value_t = Log::Text)]
    log: Log,
}

#[derive(Clone, Copy, ValueEnum)]
enum Log {
    /// For people
    Text,
    /// One JSON object per line
    Json,
}

fn address(text: &str) -> anyhow::Result<SocketAddr> {
    if let Ok(port) = text.parse() {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    text.parse().context("not a port or address:port")
}

fn public_url(text: &str) -> anyhow::Result<Url> {
    let url: Url = text.parse().context("not a URL")?;
    ensure!(matches!(url.scheme(), "http" | "https") && url.has_host(), "it begins with http:// or https://");
    ensure!(url.query().is_none() && url.fragment().is_none(), "it has no ? and no #");
    Ok(url)
}

fn tenant(name: &str) -> anyhow::Result<String> {
    ensure!(is_tenant_name(name), "use small letters, digits and dashes");
    Ok(name.to_owned())
}

fn authorization_url(text: &str) -> anyhow::Result<String> {
    let (_, host) = text.split_once("://").context("not a URL")?;
    ensure!(host.starts_with(&format!("{TENANT}.")), "its host begins with {TENANT} and a dot");
    let url = public_url(&text.replace(TENANT, "tenant"))?;
    ensure!(url.path() == "/", "it has no path");
    Ok(text.trim_end_matches('/').to_owned())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let mut signals = Signals::watch()?;
    if let Some(file) = &cli.ready_file {
        // One of an earlier run.
        let _ = std::fs::remove_file(file);
    }
    let simulator = Simulator::start(cli.options()?).await?;
    let mut requests = simulator.watch();
    cli.write_files(&simulator)?;
    cli.log.announce(&simulator, &cli.tenants)?;
    if let Some(file) = &cli.ready_file {
        write_private(file, simulator.url())?;
    }
    tokio::select! {
        _ = signals.next() => {}
        shown = cli.log.show(&mut requests) => shown?,
    }
    simulator.stop().await;
    // Those that were cut, too.
    while let Ok(entry) = requests.try_recv() {
        cli.log.print(&entry)?;
    }
    Ok(())
}

impl Cli {
    fn options(&self) -> anyhow::Result<Options> {
        let ip: IpAddr = self.listen.ip();
        ensure!(
            self.public_url.is_some() || !ip.is_unspecified(),
            "no client can connect to {ip}, and service keys would name it: say with --public-url where clients reach the simulator"
        );
        let authorization_servers = self.public_authorization_url.iter();
        let authorization_servers =
            authorization_servers.flat_map(|url| self.tenants.iter().map(|name| url.replace(TENANT, name)));
        let urls =
            self.public_url.iter().cloned().chain(authorization_servers.filter_map(|url| url.parse().ok()));
        let hosts = urls.filter_map(|url: Url| url.host_str().map(str::to_owned));
        Ok(Options {
            ip,
            port: self.listen.port(),
            public_url: self.public_url.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned()),
            public_authorization_url: self.public_authorization_url.clone(),
            tls_names: self.tls_names.iter().cloned().chain(hosts).collect(),
            tls: self.tls,
            keep_journal: false,
            ..Options::default()
        })
    }

    fn write_files(&self, simulator: &Simulator) -> anyhow::Result<()> {
        for name in &self.tenants {
            let tenant = simulator.tenant(name);
            if let Some(file) = self.file_of(self.write_key.as_deref(), name)? {
                write_private(&file, &format!("{:#}\n", tenant.service_key()))?;
            }
            if let Some(file) = self.file_of(self.write_binding.as_deref(), name)? {
                let manifest = json!({
                    "apiVersion": "v1",
                    "kind": "Secret",
                    "metadata": {"name": self.binding_name.replace(TENANT, name)},
                    "type": "Opaque",
                    "stringData": tenant.binding_data(),
                });
                let manifest =
                    serde_saphyr::to_string(&manifest).context("cannot write the binding as YAML")?;
                write_private(&file, &manifest)?;
            }
        }
        if let (Some(file), Some(ca)) = (&self.write_ca, simulator.ca_pem()) {
            write_private(file, ca)?;
        }
        Ok(())
    }

    fn file_of(&self, pattern: Option<&str>, tenant: &str) -> anyhow::Result<Option<PathBuf>> {
        let Some(pattern) = pattern else {
            return Ok(None);
        };
        if self.tenants.len() > 1 && !pattern.contains(TENANT) {
            bail!("{pattern:?} would hold only the last of several tenants; put {TENANT} into the name");
        }
        Ok(Some(pattern.replace(TENANT, tenant).into()))
    }
}

/// Writes a file that only its owner can read, also when it existed with other rights.
fn write_private(file: &Path, content: &str) -> anyhow::Result<()> {
    let write = || {
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(file)?;
        file.set_permissions(PermissionsExt::from_mode(0o600))?;
        file.write_all(content.as_bytes())
    };
    write().with_context(|| format!("cannot write {}", file.display()))
}

impl Log {
    fn announce(self, simulator: &Simulator, tenants: &[String]) -> anyhow::Result<()> {
        self.say(|| simulator.url().to_owned(), || json!({"url": simulator.url(), "tenants": tenants}))
    }

    async fn show(self, requests: &mut UnboundedReceiver<Arc<Entry>>) -> anyhow::Result<()> {
        while let Some(entry) = requests.recv().await {
            self.print(&entry)?;
        }
        Ok(())
    }

    fn print(self, entry: &Entry) -> anyhow::Result<()> {
        self.say(|| entry.to_line(), || entry.to_json())
    }

    fn say(self, text: impl FnOnce() -> String, json: impl FnOnce() -> Value) -> anyhow::Result<()> {
        let line = match self {
            Self::Text => text(),
            Self::Json => json().to_string(),
        };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{line}").and_then(|()| out.flush()).context("cannot print")
    }
}
