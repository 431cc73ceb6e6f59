//! A registry that nobody here wrote: distribution, with TLS and one of its own ways to tell its callers apart.

mod signer;

use std::{io::Write as _, net::SocketAddr, path::PathBuf, process::Stdio};

use anyhow::{Context, bail, ensure};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Child,
};

use crate::{golang::GoProgram, hosts::Trusted, process::tethered};
pub use signer::Signer;

const REGISTRY: GoProgram = GoProgram {
    name: "registry",
    module: concat!(env!("CARGO_MANIFEST_DIR"), "/distribution"),
    package: ".",
    sources: &["go.mod", "go.sum", "main.go"],
    takes: "about a minute",
};

/// The path of the program, which is built first when it is not there. Blocks.
pub fn distribution_path() -> anyhow::Result<PathBuf> {
    REGISTRY.path()
}

/// How the registry tells its callers apart.
#[derive(Clone, Copy, Debug)]
pub enum Access<'a> {
    /// By user name and password: lines of `user:` and a bcrypt hash.
    Passwords(&'a str),
    /// By tokens that this signer gives at this address.
    Tokens {
        /// Where tokens are given.
        realm: &'a str,
        /// Who signs them.
        signer: &'a Signer,
    },
}

/// A running registry, with its images in memory. It ends when it is dropped, and so does all that it holds.
pub struct Distribution {
    address: SocketAddr,
    _process: Child,
    _folder: Folder,
}

/// The service that tokens have to be for.
pub const SERVICE: &str = "distribution";

impl Distribution {
    /// Starts one on a free port of 127.0.0.1 whose certificate has this name.
    pub async fn start(trusted: &Trusted, name: &str, access: Access<'_>) -> anyhow::Result<Self> {
        let program =
            tokio::task::spawn_blocking(distribution_path).await.context("the build panicked")??;
        let folder = Folder::new()?;
        let (certificate, key) = trusted.authority().issue(&[name])?;
        let auth = match access {
            Access::Passwords(lines) => {
                json!({ "htpasswd": { "realm": "Registry", "path": folder.write("htpasswd", lines)? } })
            }
            Access::Tokens { realm, signer } => json!({ "token": {
                "realm": realm, "service": SERVICE, "issuer": signer.issuer(),
                "jwks": folder.write("jwks.json", &signer.key_set().to_string())?,
            } }),
        };
        let config = json!({
            "version": 0.1,
            "log": { "level": "info", "formatter": "json" },
            "storage": { "inmemory": {} },
            "http": {
                "addr": "127.0.0.1:0", "secret": "of the test bed",
                "tls": {
                    "certificate": folder.write("tls.crt", &certificate.pem())?,
                    "key": folder.write("tls.key", &key.serialize_pem())?,
                },
            },
            "auth": auth,
        });
        // Each YAML parser reads JSON.
        let config = folder.write("config.yaml", &config.to_string())?;
        let mut process = tethered(program)
            .arg("serve")
            .arg(config)
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("the registry cannot be started")?;
        let mut lines =
            BufReader::new(process.stderr.take().context("the registry has a standard error")?).lines();
        let mut log = String::new();
        let address = loop {
            let Some(line) = lines.next_line().await? else { bail!("the registry ended:\n{log}") };
            if let Some((_, rest)) = line.split_once("listening on ") {
                let address = rest.split([',', '"']).next().unwrap_or_default();
                break address.parse().with_context(|| format!("no address: {line}"))?;
            }
            log.push_str(&line);
            log.push('\n');
        };
        // Its log is read to its end, so that it never waits for a reader.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { address, _process: process, _folder: folder })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Puts an image without layers into it, under the name of its certificate and with this value of `Authorization`.
    pub async fn push(
        &self,
        trusted: &Trusted,
        name: &str,
        repository: &str,
        tag: &str,
        authorization: &str,
    ) -> anyhow::Result<()> {
        const CONFIG: &str = "{}";
        /// The SHA-256 of [`CONFIG`].
        const DIGEST: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        let authority = reqwest::Certificate::from_pem(trusted.authority().certificate_pem.as_bytes())?;
        let client = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_merge([authority])
            .resolve(name, self.address)
            .build()?;
        let base = format!("https://{name}:{}/v2/{repository}", self.address.port());
        let started = client
            .post(format!("{base}/blobs/uploads/"))
            .header("Authorization", authorization)
            .send()
            .await?;
        ensure!(started.status() == 202, "an upload was answered with {}", started.status());
        let location = started.headers().get("Location").context("an upload has a location")?.to_str()?;
        let mut location = started.url().join(location)?;
        location.query_pairs_mut().append_pair("digest", DIGEST);
        let put = client.put(location).header("Authorization", authorization).body(CONFIG).send().await?;
        ensure!(put.status() == 201, "a blob was answered with {}", put.status());
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": DIGEST, "size": CONFIG.len() },
            "layers": [],
        });
        let put = client
            .put(format!("{base}/manifests/{tag}"))
            .header("Authorization", authorization)
            .header("Content-Type", "application/vnd.oci.image.manifest.v1+json")
            .body(manifest.to_string())
            .send()
            .await?;
        ensure!(put.status() == 201, "a manifest was answered with {}", put.status());
        Ok(())
    }
}

/// A folder of its own, which goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> anyhow::Result<Self> {
        use std::sync::atomic::{AtomicU32, Ordering};
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = crate::controlplane::target()
            .join("run")
            .join(format!("distribution-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self(path))
    }

    fn write(&self, name: &str, content: &str) -> anyhow::Result<PathBuf> {
        let path = self.0.join(name);
        let mut file =
            std::fs::File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
        file.write_all(content.as_bytes())?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
