//! Which attempts a credential needs: one for each login of each host, whatever the number of entries that have it.

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::{
    image::Image,
    server::{Place, Server, Unaskable},
};
use crate::domain::parse::docker_config::Payload;

/// A user name and a password.
#[derive(Clone, Debug)]
pub(super) struct Login {
    pub(super) username: SecretString,
    pub(super) password: SecretString,
}

/// Tells logins of hosts apart without keeping them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct LoginId([u8; 32]);

/// What is sent to a registry once.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    /// The entries that it is for, as they are sent to AI Core.
    pub(super) entries: Vec<String>,
    pub(super) server: Server,
    pub(super) image: Option<Image>,
    pub(super) login: Login,
    pub(super) id: LoginId,
}

/// All attempts of a credential, in the order of its entries.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) attempts: Vec<Attempt>,
    /// Entries for which nobody can be asked.
    pub(super) unaskable: Vec<(String, Unaskable)>,
    /// Entries with a user name that no request can carry.
    pub(super) unsendable: Vec<String>,
    /// The image belongs to none of the entries, or it cannot be told to which, as it names no registry.
    pub(super) stray: Option<Stray>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stray {
    OfNoEntry,
    OfUnknownRegistry,
}

pub(super) fn plan(payload: &Payload, image: Option<&Image>) -> Plan {
    let mut plan = Plan::default();
    let mut places = Vec::new();
    payload.for_each_entry(|registry, username, password| match Place::of(registry) {
        Err(why) => plan.unaskable.push((registry.to_owned(), why)),
        Ok(_) if !is_sendable(username) => plan.unsendable.push(registry.to_owned()),
        Ok(place) => {
            let login = Login { username: username.into(), password: password.into() };
            places.push((registry.to_owned(), place, login));
        }
    });
    let image = image.filter(|image| {
        let one_server =
            places.windows(2).all(|pair| matches!(pair, [one, other] if one.1.server == other.1.server));
        if image.registry.is_none() && !one_server {
            plan.stray = Some(Stray::OfUnknownRegistry);
        } else if !places.is_empty() && !places.iter().any(|(_, place, _)| image.is_of(place)) {
            plan.stray = Some(Stray::OfNoEntry);
        }
        plan.stray.is_none()
    });
    for (entry, place, login) in places {
        let image = image.filter(|image| image.is_of(&place)).cloned();
        let id = LoginId::of(&place.server, &login);
        match plan.attempts.iter_mut().find(|attempt| attempt.id == id) {
            Some(attempt) => {
                attempt.entries.push(entry);
                attempt.image = attempt.image.take().or(image);
            }
            None => {
                plan.attempts.push(Attempt { entries: vec![entry], server: place.server, image, login, id });
            }
        }
    }
    plan
}

/// Whoever reads it takes what stands before the first colon for the user name (RFC 7617 §2): with another one, the login would
/// be that of somebody else.
fn is_sendable(username: &str) -> bool {
    !username.contains(':')
}

impl LoginId {
    fn of(server: &Server, login: &Login) -> Self {
        let mut hash = Sha256::new();
        for part in [server.as_str(), login.username.expose_secret(), login.password.expose_secret()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Self(hash.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::parse::{
        docker_config::{self, Selection},
        secret_data::tests::secret,
    };

    fn planned(auths: &Value, image: Option<&str>) -> Plan {
        let config = json!({ "auths": auths }).to_string();
        let secret = secret("pull", Some("kubernetes.io/dockerconfigjson"), [(".dockerconfigjson", config)]);
        let payload = docker_config::payload(&secret, &Selection::default()).unwrap();
        let image = image.map(|image| image.parse().unwrap());
        plan(&payload, image.as_ref())
    }

    fn login(password: &str) -> Value {
        json!({ "username": "robot", "password": password })
    }

    #[test]
    fn a_login_is_tried_once_at_each_host() {
        let plan = planned(
            &json!({
                "ghcr.io": login("one"), "ghcr.io/acme": login("one"), "ghcr.io/other": login("two"), "quay.io": login("one"),
                "10.0.0.1:5000": login("one"),
            }),
            None,
        );
        let attempts: Vec<(String, String)> = plan
            .attempts
            .iter()
            .map(|attempt| (attempt.entries.join(" "), attempt.server.to_string()))
            .collect();
        let expected =
            [("ghcr.io ghcr.io/acme", "ghcr.io"), ("ghcr.io/other", "ghcr.io"), ("quay.io", "quay.io")];
        assert_eq!(attempts, expected.map(|(entries, server)| (entries.to_owned(), server.to_owned())));
        assert_eq!(plan.unaskable, [("10.0.0.1:5000".to_owned(), Unaskable::Address)]);
    }

    /// Sent all the same, it would be a wrong login for the account `ro`.
    #[test]
    fn a_user_name_with_a_colon_is_not_sent() {
        let entry = |username: &str| json!({ "username": username, "password": "x:y" });
        let plan = planned(
            &json!({ "ghcr.io": entry("ro:bot"), "quay.io": entry("robot"), "gcr.io": entry(":") }),
            None,
        );
        assert_eq!(plan.unsendable, ["gcr.io", "ghcr.io"]);
        let sent: Vec<String> = plan.attempts.iter().map(|attempt| attempt.server.to_string()).collect();
        assert_eq!(sent, ["quay.io"]);
    }

    #[rstest]
    #[case::its_registry("quay.io/acme/app:1", &[None, Some("acme/app:1")], None)]
    #[case::another_registry("gcr.io/acme/app:1", &[None, None], Some(Stray::OfNoEntry))]
    #[case::no_registry("acme/app:1", &[None, None], Some(Stray::OfUnknownRegistry))]
    fn an_image_is_asked_for_where_it_belongs(
        #[case] image: &str,
        #[case] asked: &[Option<&str>],
        #[case] stray: Option<Stray>,
    ) {
        let plan = planned(&json!({ "ghcr.io": login("one"), "quay.io": login("two") }), Some(image));
        let images: Vec<Option<String>> =
            plan.attempts.iter().map(|attempt| attempt.image.as_ref().map(Image::name)).collect();
        assert_eq!(images.iter().map(Option::as_deref).collect::<Vec<_>>(), asked);
        assert_eq!(plan.stray, stray);
    }

    #[test]
    fn without_a_registry_an_image_is_that_of_the_only_one() {
        let plan = planned(
            &json!({ "ghcr.io/acme": login("one"), "ghcr.io/other": login("two") }),
            Some("acme/app:1"),
        );
        let images: Vec<bool> = plan.attempts.iter().map(|attempt| attempt.image.is_some()).collect();
        assert_eq!((images, plan.stray), (vec![true, false], None));
    }
}
