//! A cluster of a kubeconfig.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::Uri;
use kube::{
    Config,
    config::{Cluster, ExecAuthCluster},
};
use url::Url;

use super::{
    error::{Fault, Unusable},
    files::Entry,
    proxy::{Proxy, Source},
};
use crate::k8s::pem;

/// The extension of a cluster that is meant for exec plugins.
const EXEC_EXTENSION: &str = "client.authentication.k8s.io/exec";

pub(super) struct ClusterEntry<'a>(pub(super) Entry<'a, Cluster>);

impl ClusterEntry<'_> {
    pub(super) fn config(&self) -> Result<Config, Unusable> {
        let cluster = self.0.value;
        let mut config = Config::new(self.server()?);
        config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or_default();
        config.disable_compression = cluster.disable_compression.unwrap_or_default();
        config.tls_server_name = given(cluster.tls_server_name.as_ref()).map(str::to_owned);
        config.root_cert = match self.authority()? {
            None => None,
            Some((field, pem)) => {
                let unusable = |why| self.0.unusable(Fault::Authority { field, why });
                Some(pem::certificates(&pem).map_err(unusable)?)
            }
        };
        Ok(config)
    }

    /// `proxy-url`, which counts whatever the environment says.
    pub(super) fn proxy(&self) -> Result<Option<Proxy>, Unusable> {
        given(self.0.value.proxy_url.as_ref())
            .map(|url| {
                Proxy::parse(url, Source::Kubeconfig).map_err(|fault| self.0.unusable(Fault::Proxy(fault)))
            })
            .transpose()
    }

    /// What an exec plugin is told with `provideClusterInfo`.
    pub(super) fn for_plugin(&self) -> Result<ExecAuthCluster, Unusable> {
        let cluster = self.0.value;
        let extensions = cluster.extensions.iter().flatten();
        let text = |field: Option<&String>| given(field).map(str::to_owned);
        Ok(ExecAuthCluster {
            server: cluster.server.clone(),
            insecure_skip_tls_verify: cluster.insecure_skip_tls_verify,
            certificate_authority_data: self.authority()?.map(|(_, pem)| pem),
            proxy_url: text(cluster.proxy_url.as_ref()),
            tls_server_name: text(cluster.tls_server_name.as_ref()),
            config: extensions
                .filter(|extension| extension.name == EXEC_EXTENSION)
                .map(|extension| extension.extension.clone())
                .next(),
        })
    }

    fn authority(&self) -> Result<Option<(&'static str, Vec<u8>)>, Unusable> {
        const DATA: &str = "certificate-authority-data";
        const FILE: &str = "certificate-authority";
        let cluster = self.0.value;
        if let Some(data) = given(cluster.certificate_authority_data.as_ref()) {
            return Ok(Some((DATA, decode(&self.0, DATA, data)?)));
        }
        given(cluster.certificate_authority.as_ref())
            .map(|path| Ok((FILE, self.0.read(FILE, path)?)))
            .transpose()
    }

    fn server(&self) -> Result<Uri, Unusable> {
        let Some(server) = given(self.0.value.server.as_ref()) else {
            return Err(self.0.unusable(Fault::NoServer));
        };
        // As client-go: https only where something speaks for it.
        let whole = if server.contains("://") {
            server.to_owned()
        } else if self.authority()?.is_some() || self.0.value.insecure_skip_tls_verify.is_some() {
            format!("https://{server}")
        } else {
            format!("http://{server}")
        };
        let url =
            Url::parse(&whole).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        url.and_then(|url| url.as_str().parse().ok())
            .ok_or_else(|| self.0.unusable(Fault::Server(server.to_owned())))
    }
}

/// An empty text counts as none, as for client-go.
pub(super) fn given(field: Option<&String>) -> Option<&str> {
    field.map(String::as_str).filter(|text| !text.is_empty())
}

/// The content of a field whose name ends in `-data`.
pub(super) fn decode<T>(entry: &Entry<'_, T>, field: &str, data: &str) -> Result<Vec<u8>, Unusable> {
    let spaceless: String = data.split_whitespace().collect();
    STANDARD.decode(spaceless).map_err(|_| entry.unusable(Fault::NotBase64 { field: field.to_owned() }))
}
