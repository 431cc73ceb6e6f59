//! One control plane for all tests that do not disturb it.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use anyhow::Context;
use tokio::sync::oneshot;

use super::{ControlPlane, Options, assets::Assets, kubeconfig::Endpoint};

/// Path of the administrator's kubeconfig of a control plane that runs already. `testbed run` sets it for its
/// command.
pub const KUBECONFIG_VARIABLE: &str = "TESTBED_KUBECONFIG";

/// Folder of the binaries of that control plane. `testbed run` sets it as well.
pub const ASSETS_VARIABLE: &str = "TESTBED_ASSETS";

impl ControlPlane {
    /// The control plane that `testbed run` has started, else one of this process, started by the first
    /// caller and ended by the end of the process. It has no controller manager, unless `testbed run` was
    /// told to start one, and cannot be stopped or paused: other tests are using it.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceLock<Result<ControlPlane, String>> = OnceLock::new();
        let get = || SHARED.get_or_init(|| obtain().map_err(|error| format!("{error:#}")));
        let shared = if let Some(shared) = SHARED.get() {
            shared
        } else {
            // On a thread of its own, so that the callers' runtimes go on while the first one starts it.
            let (send, answer) = oneshot::channel();
            std::thread::spawn(move || send.send(get()).ok());
            answer.await.expect("the thread answers")
        };
        match shared {
            Ok(shared) => shared,
            Err(error) => panic!("there is no control plane: {error}"),
        }
    }
}

fn obtain() -> anyhow::Result<ControlPlane> {
    let Some(kubeconfig) = std::env::var_os(KUBECONFIG_VARIABLE).map(PathBuf::from) else {
        return ControlPlane::start_blocking(Options::default(), true);
    };
    let assets = match std::env::var_os(ASSETS_VARIABLE) {
        Some(folder) => {
            Assets::at(Path::new(&folder)).with_context(|| format!("{ASSETS_VARIABLE} cannot be used"))?
        }
        None => Assets::ensure(None)?,
    };
    let endpoint =
        Endpoint::read(&kubeconfig).with_context(|| format!("{KUBECONFIG_VARIABLE} cannot be used"))?;
    Ok(ControlPlane { assets, kubeconfig, endpoint, driver: None, shared: true })
}
