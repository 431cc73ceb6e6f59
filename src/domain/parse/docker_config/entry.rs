//! One entry of `auths`, judged as the kubelet judges it.

use base64::{
    Engine, alphabet,
    engine::{
        DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig,
        general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD},
    },
};
use serde::de::MapAccess;
use zeroize::Zeroizing;

use super::{
    reader::is_docker_config,
    text::{Text, is_field},
    value::{Members, NoMembers, Reading, Value, skip},
};
use crate::domain::{
    parse::{
        placeholder::{Kind, placeholder},
        quotes,
        registry_host::{Fault, RegistryHost},
        token,
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
    #[error("has a user name in quotes, which are no part of it")]
    Quotes,
    #[error("has a user name and a password that are base64; store them as they are")]
    BothEncoded,
    #[error(
        "has the user name {0} and a password that is not a JSON object, the key of a Google service account"
    )]
    NoGoogleKey(&'static str),
    #[error(
        "has the user name _json_key_base64 and a password that is the JSON itself; encode it, or write _json_key"
    )]
    GoogleKeyNotEncoded,
    #[error("has the key of a Google service account as its password, whose user name is _json_key")]
    GoogleKeyForAnother,
    #[error("has a user name with a colon, at which it would end")]
    ColonInUsername,
    #[error(
        "has an access key of Amazon, which a registry does not take; the user name is AWS, and the password what \"aws ecr \
         get-login-password\" prints"
    )]
    AmazonAccessKey,
    #[error("has {found}, which nobody reads; its name is {}", Quoted(.meant))]
    Misnamed { found: String, meant: &'static str },
    #[error("has a {} that is a JSON object; store it as a text, with a backslash in front of its quotes", Quoted(.0))]
    ObjectForText(&'static str),
    #[error("has an \"auth\" that is the password of Amazon ECR alone; encode AWS:<password>")]
    AuthIsEcrPassword,
    #[error("has an \"auth\" that is a whole docker config in base64; store that as it is")]
    AuthIsConfig,
    #[error("has an \"auth\" that is JSON in base64; encode user:password")]
    AuthIsJson,
    #[error("has an \"auth\" that is an access token; encode user:token in base64")]
    AuthIsToken,
    #[error("has an \"auth\" that starts with \"Bearer\", which is for a token; encode user:token in base64")]
    AuthIsBearer,
    #[error("has an \"auth\" in quotes within the quotes; leave them out")]
    AuthInQuotes,
    #[error(
        "has an \"auth\" that is base64url, which nodes cannot read; encode it in standard base64 (with + and /)"
    )]
    AuthIsBase64Url,
    #[error("has an \"auth\" with a wrong number of = at its end, which nodes cannot read; encode it again")]
    AuthPadding,
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
    /// A field of [`MISNAMED`], by its place there.
    misnamed: Option<(&'static str, &'static str)>,
}

/// Names that people give the fields, in lower case, and the field that they mean.
const MISNAMED: [(&str, &str); 9] = [
    ("user", "username"),
    ("login", "username"),
    ("passwd", "password"),
    ("pass", "password"),
    ("pwd", "password"),
    ("accesstoken", "password"),
    ("access_token", "password"),
    ("token", "password"),
    ("secret", "password"),
];

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
            _ => {
                self.misnamed =
                    self.misnamed.or_else(|| MISNAMED.into_iter().find(|(known, _)| is_field(name, known)));
                return skip(object);
            }
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
            () if let Some((found, meant)) = self.misnamed => {
                Unusable::Misnamed { found: Quoted(found).to_string(), meant }
            }
            () if !username.is_empty() => Unusable::NoPassword,
            () if !password.is_empty() => Unusable::NoUsername,
            () => Unusable::Empty,
        })
    }
}

/// The login of an `auth` that stands alone.
pub(super) fn of_auth(auth: &str) -> Result<Login<'static>, Unusable> {
    let (username, password) = decoded(auth)?;
    match (username.is_empty(), password.is_empty()) {
        (true, true) => Err(Unusable::Empty),
        (true, false) => Err(Unusable::NoUsername),
        (false, true) => Err(Unusable::NoPassword),
        (false, false) => {
            check(&username, &password)?;
            Ok(Login { username, password, disputed: false })
        }
    }
}

/// The text of a field; empty when it is absent or null.
fn text<'a>(field: Field<'a>, name: &'static str) -> Result<Text<'a>, Unusable> {
    match field {
        None | Some(Ok(Value::Null)) => Ok(Text::Borrowed("")),
        Some(Ok(Value::Text(text))) => Ok(text),
        Some(Ok(Value::Object)) => Err(Unusable::ObjectForText(name)),
        Some(Ok(Value::Other)) => Err(Unusable::NotText(name)),
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
    if quotes::inside(username).is_some() {
        return Err(Unusable::Quotes);
    }
    google(username, password)
}

/// The user names of Google's registries say what the password is.
fn google(username: &str, password: &str) -> Result<(), Unusable> {
    let is_object = password.trim_start().starts_with('{');
    let is_key = || is_object && password.contains("\"service_account\"");
    match username {
        "_json_key" if !is_object => Err(Unusable::NoGoogleKey("_json_key")),
        "_json_key_base64" if is_object => Err(Unusable::GoogleKeyNotEncoded),
        "_json_key" | "_json_key_base64" => Ok(()),
        _ if is_key() => Err(Unusable::GoogleKeyForAnother),
        _ => Ok(()),
    }
}

/// What cannot be right for a user name and a password under keys of their own.
pub(super) fn check_alone(registry: &RegistryHost, username: &str, password: &str) -> Result<(), Unusable> {
    let decoded = |text: &str| {
        let decoded = Zeroizing::new(STANDARD.decode(text).ok()?);
        (decoded.len() > 1 && decoded.iter().all(|byte| matches!(byte, b' '..=b'~'))).then_some(())
    };
    if username.contains(':') {
        return Err(Unusable::ColonInUsername);
    }
    // Without the mark at the end of one, both can be words.
    if [username, password].iter().any(|text| text.ends_with('='))
        && decoded(username).is_some()
        && decoded(password).is_some()
    {
        return Err(Unusable::BothEncoded);
    }
    amazon(registry, username)
}

/// What each registry of Amazon refuses.
fn amazon(registry: &RegistryHost, username: &str) -> Result<(), Unusable> {
    let is_amazon = registry.normalised().contains(".dkr.ecr.");
    let is_key = ["AKIA", "ASIA"].iter().any(|start| username.starts_with(start));
    if is_amazon && (is_key || username == "aws") { Err(Unusable::AmazonAccessKey) } else { Ok(()) }
}

impl Login<'_> {
    /// Refuses what the registry cannot take.
    pub(super) fn fits(self, registry: &RegistryHost) -> Result<Self, Unusable> {
        amazon(registry, &self.username).map(|()| self)
    }
}

/// User name and password of an `auth`. The kubelet's decoder skips line breaks, as `base64` writes them; the
/// password is what follows the first colon.
fn decoded(auth: &str) -> Result<(Text<'static>, Text<'static>), Unusable> {
    let auth = Zeroizing::new(auth.trim().replace(['\r', '\n'], ""));
    let Ok(bytes) = AUTH_BASE64.decode(auth.as_bytes()).map(Zeroizing::new) else {
        return Err(not_base64(&auth));
    };
    if token::is_token(&auth) && !bytes.contains(&b':') {
        return Err(Unusable::AuthIsToken);
    }
    if bytes.starts_with(b"{") {
        return Err(match () {
            () if bytes.starts_with(b"{\"payload\"") => Unusable::AuthIsEcrPassword,
            () if is_docker_config(&bytes) => Unusable::AuthIsConfig,
            () => Unusable::AuthIsJson,
        });
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| Unusable::AuthNotUtf8)?;
    let Some((username, password)) = text.split_once(':') else {
        let inner = AUTH_BASE64.decode(text.trim()).map(Zeroizing::new);
        let twice =
            inner.is_ok_and(|inner| std::str::from_utf8(&inner).is_ok_and(|inner| inner.contains(':')));
        return Err(if twice { Unusable::AuthEncodedTwice } else { Unusable::AuthWithoutColon });
    };
    Ok((Text::owned(username).into_line(), Text::owned(password).into_line()))
}

/// What an `auth` is that the kubelet's decoder cannot read.
fn not_base64(auth: &str) -> Unusable {
    let scheme = auth.split_once([' ', ':']).map_or("", |(scheme, _)| scheme);
    let base64url = || URL_SAFE.decode(auth).or_else(|_| URL_SAFE_NO_PAD.decode(auth)).map(Zeroizing::new);
    match () {
        () if scheme.eq_ignore_ascii_case("basic") => Unusable::AuthIsHeader,
        () if scheme.eq_ignore_ascii_case("bearer") => Unusable::AuthIsBearer,
        () if quotes::inside(auth).is_some() => Unusable::AuthInQuotes,
        () if token::is_token(auth) => Unusable::AuthIsToken,
        () if auth.contains(':') => Unusable::AuthNotEncoded,
        () if base64url().is_ok_and(|bytes| bytes.contains(&b':')) => Unusable::AuthIsBase64Url,
        () if auth.ends_with('=')
            && AUTH_BASE64.decode(auth.trim_end_matches('=')).map(Zeroizing::new).is_ok() =>
        {
            Unusable::AuthPadding
        }
        () => Unusable::AuthNotBase64,
    }
}
