//! The way to the API server, found as kubectl finds it: from kubeconfig files, or by the account of the pod.
//!
//! kube's own reading of kubeconfigs is not used: it matches `NO_PROXY` with the proxy instead of the server, refuses missing
//! files of a list, sends tokens from files with their line break, and runs exec plugins without an end and with their output
//! in its errors.

mod cluster;
mod entry;
mod error;
mod exec;
mod files;
mod proxy;
mod token;
mod user;

use std::{env, path::PathBuf, sync::Arc};

use kube::Config;

use self::files::Files;
pub(crate) use self::{
    error::{Unusable, UnusableProxy},
    proxy::{Proxy, Rules},
    token::TokenLayer,
};
use super::rights::Rights;

/// What the one who starts the program says about the way.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// The only kubeconfig to read, instead of `KUBECONFIG` and `~/.kube/config`.
    pub file: Option<PathBuf>,
    /// The context to take, instead of the current one.
    pub context: Option<String>,
    /// Takes each line that an exec plugin writes to standard error. With it, the plugin may also ask for input at a
    /// terminal; without, it runs by itself and what it writes is dropped.
    pub show: Option<fn(&str)>,
}

/// The way to the API server.
#[derive(Clone, Debug)]
pub struct Access {
    /// Address, certificates and headers. What has to be renewed is not in it.
    pub config: Config,
    /// The proxy that the way leads through.
    pub proxy: Option<Proxy>,
    /// The user that the context names and no file has. Requests are anonymous then, as kubectl's.
    pub(crate) missing_user: Option<String>,
    /// What the account lacks, as all clients of this way have heard.
    pub(crate) rights: Rights,
    tokens: Option<Arc<token::Tokens>>,
}

impl Access {
    /// Finds the way, and runs the exec plugin of the user once if there is one.
    ///
    /// # Errors
    /// When there is none, also because the exec plugin gives no credential.
    pub async fn find(choice: &Choice) -> Result<Self, Unusable> {
        if let Some(files) = Files::read(choice.file.as_deref())? {
            let context = choice.context.as_deref().or_else(|| files.current_context());
            match context {
                Some(context) => return Self::by_context(&files, context, choice).await,
                None if !is_in_pod() => {
                    return Err(Unusable::NoCurrentContext { files: files.names() });
                }
                None => {}
            }
        } else if let Some(context) = &choice.context {
            return Err(Unusable::NoKubeconfig { context: context.clone() });
        } else if !is_in_pod() {
            return Err(Unusable::NothingConfigured { sought: files::where_it_was_sought() });
        }
        Self::by_pod()
    }

    /// What is added to each request: a token, if it has to be renewed from time to time.
    #[must_use]
    pub(crate) fn layer(&self) -> TokenLayer {
        TokenLayer::new(self.tokens.clone())
    }

    async fn by_context(files: &Files, name: &str, choice: &Choice) -> Result<Self, Unusable> {
        let context = files.context(name)?;
        let cluster = files.cluster(&context)?;
        let user = files.user(&context);
        let mut config = cluster.config()?;
        if let Some(namespace) = context.value.namespace.clone().filter(|namespace| !namespace.is_empty()) {
            config.default_namespace = namespace;
        }
        let proxy = match cluster.proxy()? {
            Some(proxy) => Some(proxy),
            None => Rules::from_environment(|name| env::var(name).ok()).proxy_for(&config.cluster_url)?,
        };
        config.proxy_url = proxy.as_ref().map(|proxy| proxy.uri().clone());
        let missing_user = if user.is_none() { context.value.user.clone() } else { None };
        let tokens = match user {
            None => None,
            Some(user) => user.authenticate(&mut config, &cluster, choice.show).await?,
        };
        Ok(Self { config, proxy, missing_user, rights: Rights::default(), tokens: tokens.map(Arc::new) })
    }

    /// Directly, whatever `HTTPS_PROXY` says: the address is one of the cluster's own network, which a proxy outside of it
    /// does not know.
    fn by_pod() -> Result<Self, Unusable> {
        let mut config = Config::incluster().map_err(Unusable::ServiceAccount)?;
        let tokens = config.auth_info.token_file.take();
        let tokens = tokens.map(|path| token::Tokens::from_file(PathBuf::from(path)));
        let tokens = tokens.transpose().map_err(Unusable::PodToken)?;
        Ok(Self { tokens: tokens.map(Arc::new), ..Self::from(config) })
    }
}

impl From<Config> for Access {
    fn from(config: Config) -> Self {
        Self { config, proxy: None, missing_user: None, rights: Rights::default(), tokens: None }
    }
}

fn is_in_pod() -> bool {
    env::var_os("KUBERNETES_SERVICE_HOST").is_some_and(|host| !host.is_empty())
}

#[cfg(test)]
mod tests;
