//! SAP's published API, against which answers are checked.

use std::sync::LazyLock;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::client::Reply;

pub(crate) static CONTRACT: LazyLock<Contract> = LazyLock::new(Contract::load);

pub(crate) struct Contract(Value);

impl Contract {
    fn load() -> Self {
        let text = include_str!("../../openapi/aicore-docker-registry-secrets.yaml");
        Self(serde_saphyr::from_str(text).unwrap())
    }

    /// Checks an answer of `method` on `path`, a path of the document, and returns the answer's body. `declared` is
    /// what the document declares it as: a status, or `default`.
    #[track_caller]
    pub(crate) fn check(&self, method: &Method, path: &str, reply: &Reply, declared: &str) -> Value {
        match self.body(method, path, reply, declared) {
            Ok(body) => body,
            Err(problem) => panic!("{method} {path}: {problem}: {reply:?}"),
        }
    }

    fn body(&self, method: &Method, path: &str, reply: &Reply, declared: &str) -> Result<Value, String> {
        let responses = &self.0["paths"][path][method.as_str().to_lowercase()]["responses"];
        let status = reply.status.as_str();
        let key = if responses[status].is_null() { "default" } else { status };
        if key != declared {
            return Err(format!("status is declared as {key}"));
        }
        let response = self.resolved(&responses[key]);
        let content_type = reply.content_type.as_deref().ok_or("no content type")?;
        let schema = &response["content"][content_type]["schema"];
        if !schema.is_object() {
            return Err(format!("{content_type} is not declared"));
        }
        // References lead to the document's components.
        let schema = json!({"allOf": [schema], "components": self.0["components"]});
        let schema = jsonschema::draft4::new(&schema).unwrap();
        let body = reply.json();
        schema.validate(&body).map_err(|error| error.to_string())?;
        Ok(body)
    }

    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => self.0.pointer(reference.trim_start_matches('#')).unwrap(),
            None => value,
        }
    }
}

fn reply(status: u16, content_type: &str, body: &str) -> Reply {
    Reply {
        status: StatusCode::from_u16(status).unwrap(),
        content_type: Some(content_type.to_owned()),
        headers: reqwest::header::HeaderMap::new(),
        body: body.to_owned(),
    }
}

#[test]
fn an_answer_of_the_declared_form_passes() {
    let modified = r#"{"id":"ghcr-pull","message":"Secret has been modified"}"#;
    let path = "/admin/dockerRegistrySecrets/{dockerRegistryName}";
    CONTRACT.check(&Method::PATCH, path, &reply(202, "application/json", modified), "202");
}

#[rstest::rstest]
#[case::id_is_missing(202, "application/json", r#"{"message":"x"}"#, "202", "required property")]
#[case::id_is_too_short(202, "application/json", r#"{"id":"gh","message":"x"}"#, "202", "does not match")]
#[case::other_status(200, "application/json", r#"{"id":"ghcr-pull","message":"x"}"#, "202", "as default")]
#[case::not_json(404, "text/plain", r#"{"error":{"code":"1","message":"x"}}"#, "404", "text/plain is not")]
#[case::no_code(404, "application/json", r#"{"error":{"message":"x"}}"#, "404", "required property")]
#[test]
fn another_answer_does_not(
    #[case] status: u16,
    #[case] content_type: &str,
    #[case] body: &str,
    #[case] declared: &str,
    #[case] problem: &str,
) {
    let path = "/admin/dockerRegistrySecrets/{dockerRegistryName}";
    let found = CONTRACT.body(&Method::PATCH, path, &reply(status, content_type, body), declared);
    let found = found.unwrap_err();
    assert!(found.contains(problem), "{found}");
}
