//! The operations on docker registry secrets (SAP AI Core API 2.42.0, `/v2/admin/dockerRegistrySecrets`).

use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::{Method, header::CONTENT_TYPE};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{body, mandate::Leave};
use crate::domain::parse::{api_url::ApiUrl, name::RemoteName};

/// Media type that the API's description names for PATCH (RFC 7396).
const MERGE_PATCH: &str = "application/merge-patch+json";
/// Media type of POST, and of PATCH in older versions of the API.
const JSON: &str = "application/json";

/// The collection, below the base URL.
const COLLECTION: &str = "/v2/admin/dockerRegistrySecrets";
/// Has the answer say how many secrets there are, and not how many are in it: so one that lacks some can be told.
const COUNT: &str = "$count=true";
/// The quota, below the base URL.
const QUOTA: &str = "/v2/admin/resourceQuota/dockerRegistrySecrets";

/// A request of the API, before it has a token. The body of a write holds the credential.
pub(super) enum Operation<'a> {
    /// Replaces the content of a secret that exists.
    Patch { name: &'a RemoteName, payload: &'a str, media_type: &'static str },
    /// Creates a secret.
    Post { name: &'a RemoteName, payload: &'a str },
    /// Whether there is a secret of that name; its content is never returned.
    Get { name: &'a RemoteName },
    /// Deletes a secret.
    Delete { name: &'a RemoteName },
    /// Which secrets there are; their contents are never returned.
    List,
    /// How many secrets there are, and may be.
    Quota,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    /// JSON text, not base64 and not a JSON object.
    #[serde(rename = ".dockerconfigjson")]
    docker_config_json: &'a str,
}

impl Operation<'_> {
    /// The remote secret that it is about.
    pub(super) fn name(&self) -> Option<&RemoteName> {
        match *self {
            Self::Patch { name, .. }
            | Self::Post { name, .. }
            | Self::Get { name }
            | Self::Delete { name } => Some(name),
            Self::List | Self::Quota => None,
        }
    }

    /// Whether it changes something.
    pub(super) fn writes(&self) -> bool {
        match self {
            Self::Patch { .. } | Self::Post { .. } | Self::Delete { .. } => true,
            Self::Get { .. } | Self::List | Self::Quota => false,
        }
    }

    /// The request to `api`, which uses up the leave to send it.
    pub(super) fn request(&self, _: Leave, http: &reqwest::Client, api: &ApiUrl) -> reqwest::RequestBuilder {
        let one = |name: &RemoteName| api.join(&format!("{COLLECTION}/{name}"));
        match *self {
            Self::Patch { name, payload, media_type } => {
                write(http, Method::PATCH, one(name), None, payload, media_type)
            }
            Self::Post { name, payload } => {
                write(http, Method::POST, api.join(COLLECTION), Some(name.as_str()), payload, JSON)
            }
            Self::Get { name } => http.get(one(name)),
            Self::Delete { name } => http.delete(one(name)),
            Self::List => {
                let mut all = api.join(COLLECTION);
                all.set_query(Some(COUNT));
                http.get(all)
            }
            Self::Quota => http.get(api.join(QUOTA)),
        }
    }
}

fn write(
    http: &reqwest::Client,
    method: Method,
    url: Url,
    name: Option<&str>,
    payload: &str,
    media_type: &'static str,
) -> reqwest::RequestBuilder {
    let body = Body { name, data: Data { docker_config_json: payload } };
    http.request(method, url).header(CONTENT_TYPE, media_type).body(body::json(&body))
}

/// Whether PATCH goes out as plain JSON, because the server refused the merge-patch media type.
#[derive(Default)]
pub(super) struct PatchType(AtomicBool);

impl PatchType {
    /// The media types to try, the likelier first.
    pub(super) fn preferred(&self) -> [&'static str; 2] {
        if self.0.load(Ordering::Relaxed) { [JSON, MERGE_PATCH] } else { [MERGE_PATCH, JSON] }
    }

    /// Remembers which one the server took.
    pub(super) fn works(&self, media_type: &str) {
        self.0.store(media_type == JSON, Ordering::Relaxed);
    }
}

/// Answer of the quota operation.
#[derive(Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quota {
    usage: Option<Usage>,
    quota: Limit,
}

#[derive(Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
struct Usage {
    count: Option<u64>,
}

#[derive(Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
struct Limit {
    #[serde(rename = "maxCount")]
    max_count: Option<u64>,
}

impl Quota {
    /// Secrets that exist and may exist, if the answer has both.
    pub(super) fn counts(self) -> Option<(u64, u64)> {
        Some((self.usage?.count?, self.quota.max_count?))
    }
}
