//! A client of the simulator.

use std::time::Duration;

use reqwest::{
    Method, RequestBuilder, StatusCode,
    header::{CONTENT_TYPE, HeaderMap},
    redirect::Policy,
};
use serde_json::{Value, json};
use testbed::simulator::{Options, Simulator, Tenant};

pub(crate) const MERGE_PATCH: &str = "application/merge-patch+json";
pub(crate) const JSON: &str = "application/json";
pub(crate) const SECRETS: &str = "/v2/admin/dockerRegistrySecrets";
pub(crate) const PULL: &str = "/v2/admin/dockerRegistrySecrets/ghcr-pull";
pub(crate) const QUOTA: &str = "/v2/admin/resourceQuota/dockerRegistrySecrets";
/// Far more than anything here takes.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) async fn simulator() -> (Simulator, Tenant) {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let tenant = simulator.tenant("acme");
    (simulator, tenant)
}

/// No connection is kept, so that a cut is never taken for an idle connection's end.
pub(crate) fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().redirect(Policy::none()).pool_max_idle_per_host(0).build().unwrap()
}

pub(crate) fn docker_config(password: &str) -> String {
    json!({"auths": {"ghcr.io": {"username": "robot", "password": password}}}).to_string()
}

/// The body of a PATCH.
pub(crate) fn content(config: &str) -> Value {
    json!({"data": {".dockerconfigjson": config}})
}

/// The body of a POST.
pub(crate) fn named(name: &str, config: &str) -> Value {
    json!({"name": name, "data": {".dockerconfigjson": config}})
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) content_type: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) async fn of(request: RequestBuilder) -> reqwest::Result<Self> {
        let response = request.send().await?;
        let content_type = response.headers().get(CONTENT_TYPE);
        Ok(Self {
            status: response.status(),
            content_type: content_type.map(|value| value.to_str().unwrap().to_owned()),
            headers: response.headers().clone(),
            body: response.text().await?,
        })
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(crate) fn error_message(&self) -> String {
        self.json()["error"]["message"].as_str().unwrap().to_owned()
    }
}

/// A client with a token.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    pub(crate) token: String,
}

impl Client {
    pub(crate) async fn of(tenant: &Tenant) -> Self {
        Self {
            http: http(),
            base: tenant.api_url(),
            token: token(tenant).await.json()["access_token"].as_str().unwrap().to_owned(),
        }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token)
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        Reply::of(self.request(Method::GET, path)).await.unwrap()
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        Reply::of(self.request(Method::DELETE, path)).await.unwrap()
    }

    pub(crate) async fn send(&self, method: Method, path: &str, content_type: &str, body: String) -> Reply {
        let request = self.request(method, path).header(CONTENT_TYPE, content_type);
        Reply::of(request.body(body)).await.unwrap()
    }

    pub(crate) async fn post(&self, body: &Value) -> Reply {
        self.send(Method::POST, SECRETS, JSON, body.to_string()).await
    }

    pub(crate) fn patch_request(&self, password: &str) -> RequestBuilder {
        self.request(Method::PATCH, PULL)
            .header(CONTENT_TYPE, MERGE_PATCH)
            .body(content(&docker_config(password)).to_string())
    }

    pub(crate) async fn patch(&self, password: &str) -> Reply {
        Reply::of(self.patch_request(password)).await.unwrap()
    }
}

/// Asks for a token with the tenant's current secret.
pub(crate) async fn token(tenant: &Tenant) -> Reply {
    token_with(tenant, &tenant.client_id(), &tenant.client_secret()).await
}

pub(crate) async fn token_with(tenant: &Tenant, client_id: &str, client_secret: &str) -> Reply {
    let form =
        [("grant_type", "client_credentials"), ("client_id", client_id), ("client_secret", client_secret)];
    Reply::of(token_request(tenant).form(&form)).await.unwrap()
}

pub(crate) fn token_request(tenant: &Tenant) -> RequestBuilder {
    http().post(format!("{}/oauth/token", tenant.authorization_server()))
}
