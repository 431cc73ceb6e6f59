//! One attempt as questions and answers, without the network: what to ask next, and the verdict.
//!
//! Each question is asked without the credential first. That costs nothing, and only what an anonymous caller is refused proves
//! anything when the credential gets it. The credential is sent to one place until something is given for it, and not again once
//! it was refused.

use secrecy::SecretString;
use serde::Deserialize;
use url::Url;
use zeroize::Zeroizing;

use super::{
    challenge::{self, Challenge},
    image::Image,
    realm::{self, Refused, TokenHost},
    server::Server,
    verdict::{Caller, Report, Sight, Step, Verdict, Why},
};
use crate::domain::parse::json::from_object;

/// Longest answer of a server that gives tokens, in bytes.
pub(super) const MAX_TOKEN_ANSWER: usize = 64 * 1024;
/// Longest token, in bytes. Servers take requests with some 16 KiB of headers at most.
const MAX_TOKEN: usize = 16 * 1024;
/// Who asks, to the server that gives tokens.
const CLIENT_ID: &str = "kubectl-aicore_registry";

/// A request.
pub(super) struct Ask {
    pub(super) step: Step,
    pub(super) url: Url,
    pub(super) authorization: Authorization,
}

pub(super) enum Authorization {
    None,
    /// The user name and the password.
    Login,
    Token(SecretString),
}

/// What matters of an answer.
pub(super) struct Answer {
    pub(super) status: u16,
    /// The values of `WWW-Authenticate`.
    pub(super) challenges: Vec<String>,
    /// Of a [`Step::Token`] alone: one byte more than [`MAX_TOKEN_ANSWER`] at most.
    pub(super) body: Zeroizing<Vec<u8>>,
}

/// What an attempt has come to.
pub(super) struct Conversation<'a> {
    server: &'a Server,
    image: Option<&'a Image>,
    token_hosts: &'a [TokenHost],
    stage: Stage,
    seen: Vec<Sight>,
}

/// What is asked for now.
enum Stage {
    /// `/v2/`, by anybody.
    Base,
    /// The manifest, by anybody, because `/v2/` is open.
    OpenManifest,
    /// The manifest, by anybody, where the password goes with each request.
    AnybodysManifest,
    /// With the password itself.
    Login(Question, Anybody),
    AnybodysToken(Way),
    AnybodysAnswer(Way, SecretString),
    /// The manifest, without any token, because anybody is given none.
    TokenlessAnswer(Way),
    LoginsToken(Way, Anybody),
    LoginsAnswer(Way, Anybody, SecretString),
    Done(Verdict),
}

/// What a registry is asked for, to see who gets it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Question {
    Base,
    Manifest,
}

/// Where tokens are given, and what for.
struct Way {
    realm: Url,
    question: Question,
    /// Whether the question was asked already, by anybody and without a token, and refused.
    is_refused: bool,
}

/// How an anonymous caller fared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Anybody {
    GivenNoToken,
    Refused,
    Answered,
}

impl<'a> Conversation<'a> {
    pub(super) fn new(server: &'a Server, image: Option<&'a Image>, token_hosts: &'a [TokenHost]) -> Self {
        Self { server, image, token_hosts, stage: Stage::Base, seen: Vec::new() }
    }

    /// What to ask next, or what came of it all.
    pub(super) fn next(&self) -> Result<Ask, Report> {
        use Authorization as By;
        let (step, url, authorization) = match &self.stage {
            Stage::Base => (Step::Base, self.url(Question::Base), By::None),
            Stage::OpenManifest | Stage::AnybodysManifest | Stage::TokenlessAnswer(_) => {
                (Step::Manifest, self.url(Question::Manifest), By::None)
            }
            Stage::Login(question, _) => (question.step(), self.url(*question), By::Login),
            Stage::AnybodysToken(way) => (Step::Token, Some(way.realm.clone()), By::None),
            Stage::LoginsToken(way, _) => (Step::Token, Some(way.realm.clone()), By::Login),
            Stage::AnybodysAnswer(way, token) | Stage::LoginsAnswer(way, _, token) => {
                (way.question.step(), self.url(way.question), By::Token(token.clone()))
            }
            Stage::Done(verdict) => {
                return Err(Report { verdict: verdict.clone(), seen: self.seen.clone() });
            }
        };
        // A server's name was parsed as an address already, and an image's has nothing to escape.
        let url = url.ok_or_else(|| Report::unknown(Why::Unaskable(super::server::Unaskable::NoName)))?;
        Ok(Ask { step, url, authorization })
    }

    /// Goes on with the answer to [`Conversation::next`].
    #[must_use]
    pub(super) fn hear(mut self, answer: &Answer) -> Self {
        if let Some((caller, step)) = self.stage.asked() {
            self.seen.push(Sight { caller, step, status: answer.status });
        }
        self.stage = match self.stage {
            Stage::Base => match (answer.status, self.image) {
                (401, _) => self.challenged(answer, Question::Base),
                (200, Some(_)) => Stage::OpenManifest,
                (200, None) => unknown(Why::Open),
                _ => unknown(Why::Status),
            },
            Stage::OpenManifest => match answer.status {
                401 => self.challenged(answer, Question::Manifest),
                200 => unknown(Why::PublicImage),
                404 => unknown(Why::NoManifest),
                _ => unknown(Why::Status),
            },
            Stage::AnybodysManifest => match Anybody::of(answer.status) {
                Some(anybody) => Stage::Login(Question::Base, anybody),
                None => unknown(Why::Status),
            },
            Stage::Login(question, anybody) => match (answer.status, question) {
                (status @ (401 | 403), question) => Stage::Done(Verdict::Rejected(question.step(), status)),
                (200, _) if anybody == Anybody::Answered => unknown(Why::PublicImage),
                (200, Question::Base) if self.image.is_some() => Stage::Login(Question::Manifest, anybody),
                (200, _) => Stage::Done(Verdict::Accepted),
                (404, Question::Manifest) => unknown(Why::NoManifest),
                _ => unknown(Why::Status),
            },
            Stage::AnybodysToken(way) => match token(answer) {
                Given::Token(token) => Stage::AnybodysAnswer(way, token),
                Given::Nothing | Given::Refused if way.is_refused => {
                    Stage::LoginsToken(way, Anybody::GivenNoToken)
                }
                Given::Nothing | Given::Refused => Stage::TokenlessAnswer(way),
                Given::Unusable(why) => unknown(why),
            },
            Stage::AnybodysAnswer(way, _) | Stage::TokenlessAnswer(way) => match Anybody::of(answer.status) {
                Some(anybody) => Stage::LoginsToken(way, anybody),
                None => unknown(Why::Status),
            },
            Stage::LoginsToken(way, anybody) => match token(answer) {
                Given::Token(token) => Stage::LoginsAnswer(way, anybody, token),
                Given::Refused if matches!(answer.status, 401 | 403) => {
                    Stage::Done(Verdict::Rejected(Step::Token, answer.status))
                }
                Given::Refused => unknown(Why::Status),
                Given::Nothing => unknown(Why::NoToken),
                Given::Unusable(why) => unknown(why),
            },
            Stage::LoginsAnswer(way, anybody, _) => Stage::Done(judge(way.question, anybody, answer.status)),
            done @ Stage::Done(_) => done,
        };
        self
    }

    /// There is no answer to [`Conversation::next`], for this reason.
    pub(super) fn give_up(self, why: String) -> Report {
        Report { verdict: Verdict::Unknown(Why::NoAnswer(why)), seen: self.seen }
    }

    fn url(&self, question: Question) -> Option<Url> {
        match (question, self.image) {
            (Question::Manifest, Some(image)) => self.server.url(&image.manifest_path()),
            _ => self.server.url("/v2/"),
        }
    }

    /// How to go on after a 401 to anybody.
    fn challenged(&self, answer: &Answer, refused: Question) -> Stage {
        let (realm, service) = match challenge::choose(answer.challenges.iter().map(String::as_str)) {
            Ok(Challenge::Basic) => {
                return match (refused, self.image) {
                    (Question::Base, Some(_)) => Stage::AnybodysManifest,
                    (refused, _) => Stage::Login(refused, Anybody::Refused),
                };
            }
            Ok(Challenge::Bearer { realm: Some(realm), service }) => (realm, service),
            Ok(Challenge::Bearer { realm: None, .. }) => return unknown(Why::Realm(Refused::Missing)),
            Err(why) => return unknown(Why::Challenge(why)),
        };
        match realm::admit(&realm, self.server, self.token_hosts) {
            Ok(mut realm) => {
                let mut query = realm.query_pairs_mut();
                if let Some(service) = service {
                    query.append_pair("service", &service);
                }
                query.append_pair("client_id", CLIENT_ID);
                if let Some(image) = self.image {
                    query.append_pair("scope", &image.scope());
                }
                drop(query);
                let question = if self.image.is_some() { Question::Manifest } else { Question::Base };
                Stage::AnybodysToken(Way { realm, question, is_refused: question == refused })
            }
            Err(why) => unknown(Why::Realm(why)),
        }
    }
}

impl Stage {
    /// Who has asked for what.
    fn asked(&self) -> Option<(Caller, Step)> {
        Some(match self {
            Self::Base => (Caller::Anybody, Step::Base),
            Self::OpenManifest | Self::AnybodysManifest | Self::TokenlessAnswer(_) => {
                (Caller::Anybody, Step::Manifest)
            }
            Self::Login(question, _) => (Caller::Login, question.step()),
            Self::AnybodysToken(_) => (Caller::Anybody, Step::Token),
            Self::AnybodysAnswer(way, _) => (Caller::Anybody, way.question.step()),
            Self::LoginsToken(..) => (Caller::Login, Step::Token),
            Self::LoginsAnswer(way, ..) => (Caller::Login, way.question.step()),
            Self::Done(_) => return None,
        })
    }
}

impl Anybody {
    /// None where the answer is neither: the credential is not sent then.
    fn of(status: u16) -> Option<Self> {
        match status {
            200 => Some(Self::Answered),
            400 | 401 | 403 | 404 => Some(Self::Refused),
            _ => None,
        }
    }
}

impl Question {
    fn step(self) -> Step {
        match self {
            Self::Base => Step::Base,
            Self::Manifest => Step::Manifest,
        }
    }
}

fn unknown(why: Why) -> Stage {
    Stage::Done(Verdict::Unknown(why))
}

/// What the answer to the credential's token is worth, beside the answer to an anonymous caller.
fn judge(question: Question, anybody: Anybody, status: u16) -> Verdict {
    match (question, status, anybody) {
        (Question::Base, 200, Anybody::Answered) => Verdict::Unknown(Why::OpenTokens),
        (Question::Manifest, 200, Anybody::Answered) => Verdict::Unknown(Why::PublicImage),
        (_, 200, _) => Verdict::Accepted,
        // Where no token without a scope is good for anything, this says nothing of the credential, for which one was given.
        (Question::Base, 401 | 403, Anybody::Refused) => Verdict::Unknown(Why::NoDifference),
        (Question::Base, 401 | 403, _) => Verdict::Unknown(Why::TokenRefused),
        (Question::Manifest, 401 | 403, _) => Verdict::Rejected(question.step(), status),
        (Question::Manifest, 404, _) => Verdict::Unknown(Why::NoManifest),
        _ => Verdict::Unknown(Why::Status),
    }
}

/// What a server that gives tokens has given.
enum Given {
    Token(SecretString),
    /// An answer that all is well, without a token.
    Nothing,
    /// With a status that says so.
    Refused,
    Unusable(Why),
}

/// The two names that a token has (distribution, `docs/content/spec/auth/token.md`).
#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<SecretString>,
    access_token: Option<SecretString>,
}

fn token(answer: &Answer) -> Given {
    use secrecy::ExposeSecret;
    match answer.status {
        200 => {}
        429 => return Given::Unusable(Why::Status),
        400..=499 => return Given::Refused,
        _ => return Given::Unusable(Why::Status),
    }
    if answer.body.len() > MAX_TOKEN_ANSWER {
        return Given::Unusable(Why::BadToken("is longer than 64 KiB"));
    }
    let Some(TokenAnswer { token, access_token }) = from_object(&answer.body) else {
        return Given::Unusable(Why::BadToken("is not JSON as the protocol has it"));
    };
    let is_empty = |token: &SecretString| token.expose_secret().is_empty();
    let token = token.filter(|token| !is_empty(token)).or(access_token.filter(|token| !is_empty(token)));
    let Some(token) = token else { return Given::Nothing };
    let text = token.expose_secret();
    if text.len() > MAX_TOKEN {
        Given::Unusable(Why::BadToken("holds one of more than 16 KiB"))
    } else if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Given::Unusable(Why::BadToken("holds one with characters that no token has"))
    } else {
        Given::Token(token)
    }
}

#[cfg(test)]
mod tests;
