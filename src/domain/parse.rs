//! What is read: resources, Secrets, settings. Each input becomes a type of its own once, or is refused with a sentence for who can
//! change it. Secret values are reachable from [`secret_data`], [`docker_config`] and [`service_key`] only.

pub mod allowed_hosts;
pub mod api_url;
pub mod bounds;
pub mod certificate;
pub mod docker_config;
pub mod duration;
mod json;
pub mod label_selector;
pub mod name;
pub mod object;
mod pem;
mod quotes;
mod registry_host;
pub mod secret_data;
mod secret_type;
pub mod service_key;
