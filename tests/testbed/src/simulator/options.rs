//! What can be set for the simulator and for a tenant.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use http::StatusCode;

use super::tls::ServerFlaw;

/// Stands for the name of a tenant in URLs and names of files.
pub const TENANT: &str = "{tenant}";

/// Settings of a simulator.
#[derive(Clone, Debug)]
pub struct Options {
    /// IP address to listen on. It hands out and accepts credentials, and so nobody but this machine reaches the default,
    /// 127.0.0.1.
    pub ip: IpAddr,
    /// TCP port; 0, the default, takes a free one.
    pub port: u16,
    /// The base URL that clients use, without a trailing slash, where it is not the address that the simulator listens on: that
    /// of a Service or a proxy. Service keys name it.
    pub public_url: Option<String>,
    /// The URL of authorization servers, where they are behind names of their own, as those of SAP are: [`TENANT`] in the first label
    /// of its host stands for the tenant's name. Default: paths of the API's URL.
    pub public_authorization_url: Option<String>,
    /// Names of the server's certificate, besides 127.0.0.1 and localhost.
    pub tls_names: Vec<String>,
    /// Serve https with a certificate of the simulator's own authority. Clients may have one, too, which then proves who they
    /// are. Default: http.
    pub tls: bool,
    /// Serve https in TLS 1.2 only. Default: in TLS 1.3 as well.
    pub tls_1_2_only: bool,
    /// What is wrong with the server's certificate. Default: nothing.
    pub server_flaw: Option<ServerFlaw>,
    /// Keep every request in the journals. Default: yes; a program that only shows requests does without.
    pub keep_journal: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ip: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            public_url: None,
            public_authorization_url: None,
            tls_names: Vec::new(),
            tls: false,
            tls_1_2_only: false,
            server_flaw: None,
            keep_journal: true,
        }
    }
}

/// Settings of a tenant; they can be changed at any time.
#[derive(Clone, Debug)]
pub struct TenantOptions {
    /// How many secrets the tenant may have. Default: 50, the limit that SAP documents.
    pub quota: usize,
    /// Life of the tokens that are issued from now on; `expires_in` is this in whole seconds. Default: 7199 s, as in
    /// SAP's documentation.
    pub token_lifetime: Duration,
    /// Content types of PATCH that are accepted. Default: what the published API declares.
    pub patch_type: PatchType,
    /// Status of a POST for a name that exists, which is not documented. Default: 409.
    pub exists_status: StatusCode,
    /// Status of a POST beyond the quota, which is not documented. Default: 400.
    pub quota_status: StatusCode,
    /// Whether new service keys give the tenant an API URL of its own (`…/api/<tenant>`) rather than the one that all
    /// tenants of a region share. Both work at any time. Default: shared.
    pub own_api_url: bool,
    /// What the tokens that are issued from now on begin with, in letters and digits. Default: nothing.
    pub token_mark: String,
}

impl Default for TenantOptions {
    fn default() -> Self {
        Self {
            quota: 50,
            token_lifetime: Duration::from_secs(7199),
            patch_type: PatchType::MergePatch,
            exists_status: StatusCode::CONFLICT,
            quota_status: StatusCode::BAD_REQUEST,
            own_api_url: false,
            token_mark: String::new(),
        }
    }
}

/// Content types that PATCH accepts; any other is answered 415.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchType {
    /// `application/merge-patch+json`, the one that the published API declares.
    MergePatch,
    /// `application/json`, as in SAP's curl samples.
    Json,
    /// Both.
    Both,
}

impl PatchType {
    /// Whether `media_type`, without parameters and in lower case, is accepted.
    pub(super) fn accepts(self, media_type: &str) -> bool {
        match media_type {
            "application/merge-patch+json" => matches!(self, Self::MergePatch | Self::Both),
            "application/json" => matches!(self, Self::Json | Self::Both),
            _ => false,
        }
    }
}
