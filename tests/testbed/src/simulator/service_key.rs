//! Service keys and bindings in the forms that SAP hands out.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// What all credentials of a tenant have in common.
pub(super) struct Place {
    pub(super) api_url: String,
    pub(super) authorization_server: String,
    pub(super) client_id: String,
    pub(super) zone: String,
    pub(super) zone_id: String,
}

impl Place {
    /// Form: SAP documentation, "Create a Service Key" of SAP AI Core.
    fn key(&self, more: Value) -> Value {
        let mut key = json!({
            "appname": self.client_id.trim_start_matches("sb-"),
            "clientid": self.client_id,
            "identityzone": self.zone,
            "identityzoneid": self.zone_id,
            "serviceurls": {"AI_API_URL": self.api_url},
            "url": self.authorization_server,
        });
        if let (Value::Object(key), Value::Object(more)) = (&mut key, more) {
            key.extend(more);
        }
        key
    }
}

pub(super) fn with_secret(place: &Place, secret: &str) -> Value {
    place.key(json!({"clientsecret": secret, "credential-type": "binding-secret"}))
}

/// SAP's authorization servers have another name for clients with certificates, which an address has not.
pub(super) fn with_certificate(place: &Place, chain: &str, key: &str) -> Value {
    let cert_url = &place.authorization_server;
    place.key(json!({"certificate": chain, "key": key, "certurl": cert_url, "credential-type": "x509"}))
}

/// A service key as the data of the Secret that the SAP BTP service operator writes for a service binding by default:
/// one key per field, values that are no strings as JSON text, and what is known about the instance.
#[must_use]
pub fn binding_data(service_key: &Value, instance: &str) -> BTreeMap<String, String> {
    let about = [
        ("instance_name", instance),
        ("instance_guid", "5f7e0c2a-3b1d-4e86-9c55-2d0a7b94e1f3"),
        ("plan", "extended"),
        ("label", "aicore"),
        ("type", "aicore"),
    ];
    let nothing = Map::new();
    let fields = service_key.as_object().unwrap_or(&nothing);
    let property = |name: &str, format: &str| json!({"name": name, "format": format});
    let credential = |(name, value): (&String, &Value)| {
        let format = if value.is_string() { "text" } else { "json" };
        property(name, format)
    };
    let metadata = json!({
        "credentialProperties": fields.iter().map(credential).collect::<Vec<_>>(),
        "metaDataProperties": about.map(|(name, _)| property(name, "text")),
    });
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let fields = fields.iter().map(|(name, value)| (name.clone(), text(value)));
    let about = about.map(|(name, value)| (name.to_owned(), value.to_owned()));
    fields.chain(about).chain([(".metadata".to_owned(), metadata.to_string())]).collect()
}
