//! The operations on docker registry secrets and their quota.
//!
//! As in SAP's API document, version 2.42.0, of which there is an excerpt in
//! `openapi/aicore-docker-registry-secrets.yaml`.

use std::sync::LazyLock;

use http::{HeaderMap, StatusCode};
use regex::Regex;
use serde_json::json;
use url::form_urlencoded;

use super::{
    answer::Answer,
    errors::{self, code},
    media_type::media_type,
    payload::Write,
    route::{Operation, Route},
    tenant::TenantState,
};

/// A request whose token is good.
pub(super) struct Call<'a> {
    pub(super) route: &'a Route,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) headers: &'a HeaderMap,
    /// What the body of a POST or PATCH says.
    pub(super) write: &'a Write,
}

/// Name rule of the API document (`BcknddockerRegistryName`).
static NAME: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^[a-z0-9](?:_?[a-z0-9\.\-]+)*[a-z0-9]$").expect("the pattern is valid"));
const LONGEST_NAME: usize = 63;

/// Carries the call out. Returns its answer, and whether the store has changed.
pub(super) fn perform(tenant: &TenantState, call: &Call<'_>) -> (Answer, bool) {
    match call.run(tenant) {
        Ok(answer) => (answer, call.route.operation.is_write()),
        Err(refusal) => (refusal, false),
    }
}

impl Call<'_> {
    fn run(&self, tenant: &TenantState) -> Result<Answer, Answer> {
        match self.route.operation {
            Operation::List => self.list(tenant),
            Operation::Create => self.create(tenant),
            Operation::Get => self.get(tenant),
            Operation::Patch => self.patch(tenant),
            Operation::Delete => self.delete(tenant),
            Operation::Quota => self.quota(tenant),
            Operation::Token | Operation::Unknown => Err(unknown(self.route, self.path)),
        }
    }

    fn list(&self, tenant: &TenantState) -> Result<Answer, Answer> {
        let top = self.count("$top")?.unwrap_or(usize::MAX);
        let skip = self.count("$skip")?.unwrap_or(0);
        let total = self.flag("$count")?;
        let secrets = tenant.secrets.lock().expect("no holder panics");
        let page: Vec<_> = secrets.keys().skip(skip).take(top).collect();
        let count = if total { secrets.len() } else { page.len() };
        let page: Vec<_> = page.iter().map(|name| json!({"name": name})).collect();
        Ok(Answer::json(StatusCode::OK, &json!({"count": count, "resources": page})))
    }

    fn create(&self, tenant: &TenantState) -> Result<Answer, Answer> {
        if media_type(self.headers).as_deref() != Some("application/json") {
            return Err(self.unsupported_media_type());
        }
        let content = self.content()?;
        let Some(name) = &self.write.name else {
            return Err(self.malformed("name is missing"));
        };
        self.check_name(name)?;
        let options = tenant.options();
        let mut secrets = tenant.secrets.lock().expect("no holder panics");
        if secrets.contains_key(name) {
            let message = format!("docker registry secret {name} already exists");
            return Err(self.error(options.exists_status, code::EXISTS, &message));
        }
        if secrets.len() >= options.quota {
            let message = format!("the quota of {} docker registry secrets is used up", options.quota);
            return Err(self.error(options.quota_status, code::QUOTA, &message));
        }
        secrets.insert(name.clone(), content);
        let body = json!({"message": "Secret has been created"});
        Ok(Answer::json(StatusCode::ACCEPTED, &body))
    }

    fn get(&self, tenant: &TenantState) -> Result<Answer, Answer> {
        let name = self.name()?;
        let secrets = tenant.secrets.lock().expect("no holder panics");
        if !secrets.contains_key(name) {
            return Err(self.not_found(name));
        }
        Ok(Answer::json(StatusCode::OK, &json!({"name": name})))
    }

    fn patch(&self, tenant: &TenantState) -> Result<Answer, Answer> {
        let media_type = media_type(self.headers).unwrap_or_default();
        if !tenant.options().patch_type.accepts(&media_type) {
            return Err(self.unsupported_media_type());
        }
        let name = self.name()?;
        let content = self.content()?;
        let mut secrets = tenant.secrets.lock().expect("no holder panics");
        let stored = secrets.get_mut(name).ok_or_else(|| self.not_found(name))?;
        *stored = content;
        Ok(accepted(name, "Secret has been modified"))
    }

    fn delete(&self, tenant: &TenantState) -> Result<Answer, Answer> {
        let name = self.name()?;
        let mut secrets = tenant.secrets.lock().expect("no holder panics");
        secrets.remove(name).ok_or_else(|| self.not_found(name))?;
        Ok(accepted(name, "Docker Registry Secret has been deleted"))
    }

    fn quota(&self, tenant: &TenantState) -> Result<Answer, Answer> {
        let quota = json!({"maxCount": tenant.options().quota});
        let body = if self.flag("quotaOnly")? {
            json!({"quota": quota})
        } else {
            let count = tenant.secrets.lock().expect("no holder panics").len();
            json!({"quota": quota, "usage": {"count": count}})
        };
        Ok(Answer::json(StatusCode::OK, &body))
    }

    fn content(&self) -> Result<String, Answer> {
        match (self.write.problem, &self.write.payload) {
            (None, Some(payload)) => Ok(payload.expose().to_owned()),
            (problem, _) => Err(self.malformed(problem.unwrap_or("the body is empty"))),
        }
    }

    fn name(&self) -> Result<&str, Answer> {
        let name = self.route.name.as_deref().unwrap_or_default();
        self.check_name(name)?;
        Ok(name)
    }

    fn check_name(&self, name: &str) -> Result<(), Answer> {
        if name.len() <= LONGEST_NAME && NAME.is_match(name) {
            Ok(())
        } else {
            Err(self.malformed("the name of the secret is not valid"))
        }
    }

    fn parameter(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.query.as_bytes())
            .find_map(|(key, value)| (key == name).then(|| value.into_owned()))
    }

    fn count(&self, name: &str) -> Result<Option<usize>, Answer> {
        let value = self.parameter(name).map(|value| value.parse());
        let problem = |_| self.malformed(&format!("{name} is not an integer of at least 0"));
        value.transpose().map_err(problem)
    }

    fn flag(&self, name: &str) -> Result<bool, Answer> {
        let value = self.parameter(name).map(|value| value.parse());
        let problem = |_| self.malformed(&format!("{name} is neither true nor false"));
        Ok(value.transpose().map_err(problem)?.unwrap_or(false))
    }

    fn error(&self, status: StatusCode, code: &str, message: &str) -> Answer {
        errors::api(status, code, message, self.path)
    }

    fn malformed(&self, message: &str) -> Answer {
        self.error(StatusCode::BAD_REQUEST, code::MALFORMED, message)
    }

    fn not_found(&self, name: &str) -> Answer {
        let message = format!("docker registry secret {name} does not exist");
        self.error(StatusCode::NOT_FOUND, code::NOT_FOUND, &message)
    }

    fn unsupported_media_type(&self) -> Answer {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        self.error(status, code::MEDIA_TYPE, "Unsupported Media Type")
    }
}

fn accepted(id: &str, message: &str) -> Answer {
    Answer::json(StatusCode::ACCEPTED, &json!({"id": id, "message": message}))
}

/// The answer to a path that does not exist, or not with this method.
pub(super) fn unknown(route: &Route, path: &str) -> Answer {
    if route.wrong_method {
        errors::api(StatusCode::METHOD_NOT_ALLOWED, code::METHOD, "Method Not Allowed", path)
    } else {
        errors::api(StatusCode::NOT_FOUND, code::NOT_FOUND, "Not Found", path)
    }
}
