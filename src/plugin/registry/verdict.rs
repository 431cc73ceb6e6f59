//! What came of an attempt, in words: whether the registry takes the credential, what was seen, and what that is worth.

use std::fmt;

use super::{
    challenge::Unanswerable,
    image::Image,
    realm::Refused,
    server::{DOCKER_HUB_SERVER, Server, Unaskable},
};

/// What a request was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// `GET /v2/`
    Base,
    /// `GET` of the realm
    Token,
    /// `HEAD` of the manifest
    Manifest,
}

/// On whose behalf a request was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    /// Without the credential, or with a token that was given without it.
    Anybody,
    /// With the credential, or with a token that was given for it.
    Login,
}

/// One answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sight {
    pub(super) caller: Caller,
    pub(super) step: Step,
    pub(super) status: u16,
}

/// Whether the registry takes the credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Something was given for it that anybody else is refused.
    Accepted,
    /// The credential itself, or for the manifest the token that was given for it, was answered with 401 or 403.
    Rejected(Step, u16),
    Unknown(Why),
}

/// Why there is no verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Nobody was asked.
    Unaskable(Unaskable),
    /// The user name cannot be sent as it is.
    ColonInUserName,
    /// Too many entries.
    TooMany,
    /// The time for all of them was over.
    OutOfTime,
    /// There was no answer, for this reason: a clause.
    NoAnswer(String),
    /// The registry answers everybody.
    Open,
    /// Its tokens open to anybody what they open to the credential.
    OpenTokens,
    /// Anybody may have the manifest.
    PublicImage,
    /// A token that anybody is given is refused in the same way.
    NoDifference,
    /// The token that is given for the credential is refused, as one that is for no image may be.
    TokenRefused,
    /// There is no manifest of that name, or the registry hides it.
    NoManifest,
    /// No token in a good answer.
    NoToken,
    /// The answer with the token cannot be used: a clause.
    BadToken(&'static str),
    Challenge(Unanswerable),
    Realm(Refused),
    /// Any other status.
    Status,
}

/// What there is to say of one attempt.
#[derive(Clone, Debug)]
pub(super) struct Report {
    pub(super) verdict: Verdict,
    pub(super) seen: Vec<Sight>,
}

/// A report on what was asked, to be printed.
pub(super) struct Sentence<'a> {
    pub(super) report: &'a Report,
    /// The entries of the credential that it is about.
    pub(super) entries: String,
    /// None when nobody could be asked.
    pub(super) server: Option<&'a Server>,
    pub(super) image: Option<&'a Image>,
}

impl Report {
    pub(super) fn unknown(why: Why) -> Self {
        Self { verdict: Verdict::Unknown(why), seen: Vec::new() }
    }

    /// Whether the next credential for the same host would fare alike, so that it is not sent.
    pub(super) fn is_about_the_host(&self) -> bool {
        let asked_to_wait = self.seen.last().is_some_and(|sight| sight.status == 429 || sight.status >= 500);
        match &self.verdict {
            Verdict::Unknown(Why::NoAnswer(_)) => true,
            Verdict::Unknown(Why::Status) => asked_to_wait,
            _ => false,
        }
    }
}

impl fmt::Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = &self.entries;
        match &self.report.verdict {
            Verdict::Accepted => {
                write!(f, "{entries}: accepted, ")?;
                match self.image {
                    Some(image) => {
                        write!(
                            f,
                            "it has the manifest of {} for the credential, and not for anybody",
                            image.name()
                        )?;
                    }
                    None => {
                        f.write_str(
                            "it lets the credential in, and not anybody; whether an image may be pulled shows when you name one \
                             with --registry=repository:tag",
                        )?;
                        if self.report.seen.iter().any(|sight| sight.step == Step::Token) {
                            f.write_str(
                                ", and only that tells the right password from a wrong one at a registry that gives tokens for both",
                            )?;
                        }
                    }
                }
            }
            Verdict::Rejected(step, status) => {
                write!(f, "{entries}: rejected with {status} ")?;
                match (step, self.image) {
                    (Step::Base, _) => f.write_str("at /v2/")?,
                    (Step::Token, _) => f.write_str("where its tokens are given")?,
                    (Step::Manifest, image) => {
                        let name = image.map(Image::name).unwrap_or_default();
                        write!(
                            f,
                            "for the manifest of {name}: the credential has ended or is wrong (some registries give tokens for it \
                             nevertheless), or it may not pull that image, or there is none of that name"
                        )?;
                    }
                }
                if let Some(hint) = self.server.and_then(|server| hint(server, *step, *status)) {
                    write!(f, "; {hint}")?;
                }
                f.write_str(
                    "; it was sent once, because some registries lock an account after a few failures",
                )?;
            }
            Verdict::Unknown(why) => {
                write!(f, "{entries}: unknown, {}", InWords { why, sentence: self })?;
            }
        }
        if let Some((first, rest)) = self.report.seen.split_first() {
            write!(f, " (seen: {first}")?;
            for sight in rest {
                write!(f, ", {sight}")?;
            }
            f.write_str(")")?;
        }
        Ok(())
    }
}

/// What is known of how a registry refuses.
fn hint(server: &Server, step: Step, status: u16) -> Option<&'static str> {
    let host = server.as_str();
    match (host, step, status) {
        _ if is_ecr(host) && status == 403 => {
            Some("Amazon ECR answers so when the password has ended, which it does after 12 hours")
        }
        ("ghcr.io", Step::Token, 403) => {
            Some("GitHub answers so when the token was revoked, has ended or lacks read:packages")
        }
        (DOCKER_HUB_SERVER, ..) => Some(
            "Docker Hub locks accounts and addresses: put the right credential in before it is used again",
        ),
        ("registry.gitlab.com", Step::Token, 401 | 403) => {
            Some("see whether the GitLab token has ended or lacks read_registry")
        }
        _ => None,
    }
}

fn is_ecr(host: &str) -> bool {
    host.contains(".dkr.ecr.") && (host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn"))
}

struct InWords<'a> {
    why: &'a Why,
    sentence: &'a Sentence<'a>,
}

impl fmt::Display for InWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let private = match self.sentence.image {
            None => "name an image that only the credential may pull with --registry=repository:tag",
            Some(_) => "name an image that only the credential may pull",
        };
        match self.why {
            Why::Unaskable(why) => write!(f, "it is not asked, because it {why}"),
            Why::ColonInUserName => f.write_str(
                "it is not tried, because its user name has a ':' in it, and whoever reads a login takes what stands before the \
                 first ':' for the user name (RFC 7617): correct \"username\", what follows the ':' is mostly the password",
            ),
            Why::TooMany => f.write_str("it is not asked, because there are too many others; choose some with --registries"),
            Why::OutOfTime => {
                f.write_str("there was no time left for it; choose fewer registries with --registries, or try again")
            }
            Why::NoAnswer(why) => f.write_str(why),
            Why::Open => write!(f, "because it answers everybody without asking who they are; {private}"),
            Why::OpenTokens => {
                write!(f, "because it gave a token for the credential and an equal one to anybody; {private}")
            }
            Why::PublicImage => write!(f, "because anybody may pull that image; {private}"),
            Why::NoDifference => write!(
                f,
                "because it gives a token to anybody, and refuses at /v2/ what it gave for the credential and to anybody alike; \
                 {private}"
            ),
            Why::TokenRefused => write!(
                f,
                "because it gives a token for the credential and refuses it at /v2/, as it may do with any token that is for no image; \
                 {private}"
            ),
            Why::NoManifest => f.write_str(
                "because it has no manifest of that name, or hides it from this credential; see the repository and the tag",
            ),
            Why::NoToken => f.write_str(
                "because it answered with no token, as GitLab does for a repository that the credential may not see or that does not \
                 exist; see the repository and what the credential may read",
            ),
            Why::BadToken(why) => write!(f, "because the answer with its token {why}"),
            Why::Challenge(why) => write!(f, "because {why}"),
            Why::Realm(why) => write!(f, "and the credential was not sent: {why}"),
            Why::Status => match self.sentence.report.seen.last() {
                Some(Sight { status: 429, .. }) => {
                    f.write_str("because it asks to be left alone for a while (429); try again later")
                }
                Some(Sight { status: 300..=399, .. }) => {
                    f.write_str("because it sends its callers elsewhere, and a credential does not follow")
                }
                Some(Sight { status: 404, step: Step::Base, .. }) => {
                    f.write_str("because there is no registry at /v2/ of that host")
                }
                Some(Sight { status: 500.., .. }) => {
                    f.write_str("because it has a fault of its own; try again later")
                }
                _ => f.write_str("because its answer says neither yes nor no"),
            },
        }
    }
}

impl fmt::Display for Sight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.step, self.caller) {
            (Step::Base, Caller::Anybody) => "/v2/ for anybody",
            (Step::Base, Caller::Login) => "/v2/ with the credential",
            (Step::Token, Caller::Anybody) => "token for anybody",
            (Step::Token, Caller::Login) => "token for the credential",
            (Step::Manifest, Caller::Anybody) => "manifest for anybody",
            (Step::Manifest, Caller::Login) => "manifest with the credential",
        })?;
        write!(f, " {}", self.status)
    }
}
