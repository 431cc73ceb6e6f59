//! The bodies of POST and PATCH.

use std::{fmt, sync::Arc};

use serde_json::Value;

/// The string under `.dockerconfigjson`, exactly as it was sent. `Debug` shows no more than its length and fingerprint.
#[derive(Clone, PartialEq, Eq)]
pub struct Payload(Arc<str>);

impl Payload {
    /// The string itself, credentials included.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// First 12 hexadecimal digits of its SHA-256.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, self.0.as_bytes());
        let first = digest.as_ref().first_chunk().expect("a digest has 32 bytes");
        format!("{:012x}", u64::from_be_bytes(*first) >> 16)
    }

    /// The keys of `auths`, without any user information before an `@`; none if it is no docker configuration.
    #[must_use]
    pub fn registries(&self) -> Vec<String> {
        let config: Value = serde_json::from_str(&self.0).unwrap_or_default();
        let auths = config.get("auths").and_then(Value::as_object);
        auths
            .into_iter()
            .flat_map(|auths| auths.keys())
            .map(|registry| registry.rsplit('@').next().unwrap_or_default().to_owned())
            .collect()
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes, {})", self.0.len(), self.fingerprint())
    }
}

/// What a body says, as far as it can be read.
#[derive(Debug, Default)]
pub(super) struct Write {
    /// `name`, of POST.
    pub(super) name: Option<String>,
    pub(super) payload: Option<Payload>,
    /// Why the body is refused; never quotes it.
    pub(super) problem: Option<&'static str>,
}

impl Write {
    /// Reads a body by the rules of `BcknddockerRegistrySecretWithSensitiveDataRequest`: `data` holds
    /// `.dockerconfigjson`, a string, and nothing else. Other keys beside `data` are not forbidden.
    pub(super) fn read(body: &[u8]) -> Self {
        let mut write = Self::default();
        write.problem = write.take(body).err();
        write
    }

    fn take(&mut self, body: &[u8]) -> Result<(), &'static str> {
        let body: Value = serde_json::from_slice(body).map_err(|_| "the body is not JSON")?;
        let body = body.as_object().ok_or("the body is not an object")?;
        if let Some(name) = body.get("name") {
            self.name = Some(name.as_str().ok_or("name is not a string")?.to_owned());
        }
        let data = body.get("data").ok_or("data is missing")?;
        let data = data.as_object().ok_or("data is not an object")?;
        let content = data.get(KEY).ok_or("data has no .dockerconfigjson")?;
        let content = content.as_str().ok_or(".dockerconfigjson is not a string")?;
        self.payload = Some(Payload(content.into()));
        if data.len() > 1 {
            return Err("data has other properties than .dockerconfigjson");
        }
        Ok(())
    }
}

const KEY: &str = ".dockerconfigjson";
