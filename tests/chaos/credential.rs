//! Credentials that name their owner: what arrives anywhere tells by itself whose it is and which version. Every secret value
//! holds the canary, which must be seen nowhere else.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Part of every password and every client secret.
pub(crate) const CANARY: &str = "s3cr3tKanari";
/// The registry of all credentials.
const HOST: &str = "ghcr.io";

/// Content number `version` of a source Secret. Two versions may share a password, never both values.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Content {
    pub(crate) namespace: String,
    pub(crate) secret: String,
    /// Of the user name.
    pub(crate) version: u32,
    /// Of the password: not above `version`.
    pub(crate) password: u32,
}

impl Content {
    fn user(&self) -> String {
        format!("{}/{}/{}", self.namespace, self.secret, self.version)
    }

    /// With characters that JSON, URLs and shells write in another way.
    fn password(&self) -> String {
        format!("{CANARY}\"ä\\$+/%={}-{}-{}", self.namespace, self.secret, self.password)
    }

    /// The data of the Secret.
    pub(crate) fn data(&self) -> BTreeMap<String, String> {
        let config = json!({ "auths": { HOST: { "username": self.user(), "password": self.password() } } });
        BTreeMap::from([(".dockerconfigjson".to_owned(), config.to_string())])
    }

    /// Reads what AI Core was sent. `None`: it is not, whole and alone, a credential that this suite has made.
    pub(crate) fn read(payload: &str) -> Option<Self> {
        let config: Value = serde_json::from_str(payload).ok()?;
        let login = &config["auths"][HOST];
        let mut user = login["username"].as_str()?.split('/');
        let (namespace, secret, version) = (user.next()?, user.next()?, user.next()?.parse().ok()?);
        let password = login["password"].as_str()?.rsplit('-').next()?.parse().ok()?;
        let content = Self { namespace: namespace.to_owned(), secret: secret.to_owned(), version, password };
        let whole =
            json!({ "auths": { HOST: { "username": content.user(), "password": content.password() } } });
        (config == whole).then_some(content)
    }
}

/// Client secret number `number` of a tenant.
pub(crate) fn client_secret(tenant: &str, number: u32) -> String {
    format!("{CANARY}${tenant}+{number}/=")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_is_read_and_nothing_else() {
        let content = Content { namespace: "e1-a".into(), secret: "r0-s1".into(), version: 12, password: 11 };
        let made = &content.data()[".dockerconfigjson"];
        assert_eq!(Content::read(made), Some(content));
        assert_eq!(Content::read(&made.replace("r0-s1/12", "r0-s2/12")), None, "the password is of another");
        assert_eq!(Content::read(&made.replace("{\"auths\":", "{\"more\":1,\"auths\":")), None);
        assert_eq!(Content::read("{}"), None);
    }
}
