//! The control plane of the test bed.

#[path = "controlplane/api_server.rs"]
mod api_server;
#[path = "controlplane/command_line.rs"]
mod command_line;
#[path = "controlplane/data.rs"]
mod data;
#[path = "controlplane/folder.rs"]
mod folder;
#[path = "controlplane/lifetime.rs"]
mod lifetime;
#[path = "controlplane/servers.rs"]
mod servers;
