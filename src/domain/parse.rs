//! What is read: resources, Secrets, settings. Each input becomes a type of its own once, or is refused with a sentence for who can
//! change it. Secret values are reachable from [`secret_data`], [`docker_config`] and [`service_key`] only.

pub(crate) mod allowed_hosts;
pub(crate) mod api_url;
pub mod bounds;
pub(crate) mod certificate;
pub(crate) mod docker_config;
pub(crate) mod duration;
pub(crate) mod expiry;
#[cfg(test)]
mod fuzz;
pub(crate) mod json;
pub mod label_selector;
pub(crate) mod name;
pub mod object;
pub(crate) mod pattern;
mod pem;
mod placeholder;
mod quotes;
pub(crate) mod registry_host;
pub mod resource_version;
pub mod right;
pub(crate) mod secret_data;
mod secret_type;
pub(crate) mod service_key;
pub(crate) mod status;
pub mod tenant;
mod token;
