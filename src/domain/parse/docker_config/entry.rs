//! One entry of `auths`, judged as the kubelet judges it.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::de::MapAccess;
use zeroize::Zeroizing;

use super::{
    text::{Text, is_field},
    value::{Members, NoMembers, Reading, Value, skip},
};
use crate::domain::{
    parse::{
        placeholder::{Kind, placeholder},
        registry_host::{Fault, RegistryHost},
    },
    tools::invalid::Quoted,
};

/// Accepts what the kubelet's decoder accepts: padded or not, any trailing bits.
pub(super) const AUTH_BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// With this user name a credential helper says that the password is an identity token (docker/docker-credential-helpers,
/// README, "Development").
const IDENTITY_TOKEN_USER: &str = "<token>";

/// A registry and its login, or why there is none.
#[derive(PartialEq)]
pub(super) struct Entry<'a> {
    pub(super) registry: RegistryHost,
    pub(super) login: Result<Login<'a>, Unusable>,
}

/// What AI Core needs; neither part is empty.
pub(super) struct Login<'a> {
    pub(super) username: Text<'a>,
    pub(super) password: Text<'a>,
    /// Whether the entry's `username` or `password` says something else than its `auth`, from which these are.
    pub(super) disputed: bool,
}

impl PartialEq for Login<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.username == other.username && self.password == other.password
    }
}

/// Why an entry is of no use to AI Core: a phrase that follows the entry's name.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unusable {
    #[error("is not the name of a registry: {0}")]
    Name(Fault),
    #[error("is not a JSON object")]
    NotAnObject,
    #[error("has a value of {} that is not text", Quoted(.0))]
    NotText(&'static str),
    #[error("has two different values of {}", Quoted(.0))]
    Ambiguous(&'static str),
    #[error("has no user name and no password")]
    Empty,
    #[error("has only an identity token, which AI Core cannot use")]
    IdentityToken,
    #[error("has only a registry token, which AI Core cannot use")]
    RegistryToken,
    #[error("has a password but no user name")]
    NoUsername,
    #[error("has a user name but no password")]
    NoPassword,
    #[error("has a {0} that {1}")]
    Placeholder(&'static str, Kind),
    #[error(
        "has a {0} with a zero byte in it, as UTF-16 text has, which Windows PowerShell makes; encode it as UTF-8"
    )]
    ZeroByte(&'static str),
    #[error("has an \"auth\" that is not base64")]
    AuthNotBase64,
    #[error("has an \"auth\" that starts with \"Basic\"; leave that word out")]
    AuthIsHeader,
    #[error("has an \"auth\" that is user:password as it is; encode it in base64")]
    AuthNotEncoded,
    #[error("has an \"auth\" that is base64-encoded twice")]
    AuthEncodedTwice,
    #[error("has an \"auth\" that is not UTF-8 text when decoded")]
    AuthNotUtf8,
    #[error("has an \"auth\" that is not user:password when decoded")]
    AuthWithoutColon,
}

impl Unusable {
    /// What to do about it.
    pub(super) fn cure(&self) -> &'static str {
        match self {
            Self::Name(_) => {
                "write the host of a registry, and a path if need be, as images have it, for example \"ghcr.io\" or \
                 \"ghcr.io/acme\""
            }
            _ => "store a user name and a password or access token for it",
        }
    }
}

/// The names of the fields that matter, in lower case.
const FIELDS: [&str; 5] = ["auth", "username", "password", "identitytoken", "registrytoken"];

/// Whether a member of that name belongs to an entry, and is no registry.
pub(super) fn is_field_of_entry(name: &str) -> bool {
    FIELDS.iter().any(|field| is_field(name, field))
}

/// The fields of an entry that matter, in any case; an error when the text has two different values of one.
#[derive(Default)]
pub(super) struct Fields<'a> {
    auth: Field<'a>,
    username: Field<'a>,
    password: Field<'a>,
    identity_token: Field<'a>,
    registry_token: Field<'a>,
}

/// None: absent.
type Field<'a> = Option<Result<Value<'a>, Ambiguous>>;

struct Ambiguous;

impl<'de> Members<'de> for Fields<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, object: &mut A) -> Result<(), A::Error> {
        let field = match FIELDS.iter().position(|field| is_field(name, field)) {
            Some(0) => &mut self.auth,
            Some(1) => &mut self.username,
            Some(2) => &mut self.password,
            Some(3) => &mut self.identity_token,
            Some(4) => &mut self.registry_token,
            _ => return skip(object),
        };
        let value = object.next_value_seed(Reading(&mut NoMembers))?;
        *field = match field.take() {
            None => Some(Ok(value)),
            Some(Ok(before)) if before == value => Some(Ok(value)),
            Some(_) => Some(Err(Ambiguous)),
        };
        Ok(())
    }
}

impl<'a> Fields<'a> {
    /// The login. `auth` wins over `username` and `password`; tokens are only looked at to say why there is no login.
    pub(super) fn login(self) -> Result<Login<'a>, Unusable> {
        let auth = text(self.auth, "auth")?;
        let (username, password, disputed) = if auth.is_empty() {
            (
                text(self.username, "username")?.into_line(),
                text(self.password, "password")?.into_line(),
                false,
            )
        } else {
            let (username, password) = decoded(&auth)?;
            let differs = |field, name, taken: &Text<'_>| {
                text(field, name).is_ok_and(|text| !text.is_empty() && text.into_line() != *taken)
            };
            let disputed = differs(self.username, "username", &username)
                || differs(self.password, "password", &password);
            (username, password, disputed)
        };
        if !username.is_empty() && !password.is_empty() {
            check(&username, &password)?;
            return Ok(Login { username, password, disputed });
        }
        let has_token = |field| text(field, "").is_ok_and(|token| !token.is_empty());
        Err(match () {
            () if has_token(self.identity_token) => Unusable::IdentityToken,
            () if has_token(self.registry_token) => Unusable::RegistryToken,
            () if !username.is_empty() => Unusable::NoPassword,
            () if !password.is_empty() => Unusable::NoUsername,
            () => Unusable::Empty,
        })
    }
}

/// The text of a field; empty when it is absent or null.
fn text<'a>(field: Field<'a>, name: &'static str) -> Result<Text<'a>, Unusable> {
    match field {
        None | Some(Ok(Value::Null)) => Ok(Text::Borrowed("")),
        Some(Ok(Value::Text(text))) => Ok(text),
        Some(Ok(Value::Object | Value::Other)) => Err(Unusable::NotText(name)),
        Some(Err(Ambiguous)) => Err(Unusable::Ambiguous(name)),
    }
}

/// What no registry has for a user name and a password.
pub(super) fn check(username: &str, password: &str) -> Result<(), Unusable> {
    if username == IDENTITY_TOKEN_USER {
        return Err(Unusable::IdentityToken);
    }
    for (name, text) in [("user name", username), ("password", password)] {
        if let Some(kind) = placeholder(text) {
            return Err(Unusable::Placeholder(name, kind));
        }
        if text.contains('\0') {
            return Err(Unusable::ZeroByte(name));
        }
    }
    Ok(())
}

/// User name and password of an `auth`. The kubelet's decoder skips line breaks, as `base64` writes them; the
/// password is what follows the first colon.
fn decoded(auth: &str) -> Result<(Text<'static>, Text<'static>), Unusable> {
    let auth = Zeroizing::new(auth.trim().replace(['\r', '\n'], ""));
    let Ok(bytes) = AUTH_BASE64.decode(auth.as_bytes()).map(Zeroizing::new) else {
        return Err(match auth.split_once([' ', ':']) {
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("basic") => Unusable::AuthIsHeader,
            Some(_) if auth.contains(':') => Unusable::AuthNotEncoded,
            _ => Unusable::AuthNotBase64,
        });
    };
    let text = std::str::from_utf8(&bytes).map_err(|_| Unusable::AuthNotUtf8)?;
    let Some((username, password)) = text.split_once(':') else {
        let inner = AUTH_BASE64.decode(text.trim()).map(Zeroizing::new);
        let twice =
            inner.is_ok_and(|inner| std::str::from_utf8(&inner).is_ok_and(|inner| inner.contains(':')));
        return Err(if twice { Unusable::AuthEncodedTwice } else { Unusable::AuthWithoutColon });
    };
    Ok((Text::owned(username).into_line(), Text::owned(password).into_line()))
}
