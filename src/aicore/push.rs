//! One push, and one deletion: which requests they are made of.

use std::sync::Arc;

use super::{
    error::{Error, Server},
    exchange::{self, Answer, Failed},
    pool::Connection,
    redact::Sent,
    token::{Insistence, Token},
};
use crate::{
    aicore::operations::Operation,
    domain::parse::{docker_config::Payload, name::RemoteName},
};

/// What a push did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// Replaced the content of a secret that existed.
    Updated,
    /// Created the secret.
    Created,
}

/// A push that failed, with what it has shown about AI Core on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PushError {
    /// What went wrong.
    pub error: Error,
    /// Whether AI Core answered that it has no secret of the name.
    pub(crate) remote_absent: bool,
}

impl From<Error> for PushError {
    fn from(error: Error) -> Self {
        Self { error, remote_absent: false }
    }
}

/// The requests of one pass for one remote secret. The token is renewed at most once in it.
pub(crate) struct Session<'a> {
    pub(super) connection: &'a Connection,
    insistence: Insistence,
    token: Option<Arc<Token>>,
    renewed: bool,
    sent: u32,
}

impl<'a> Session<'a> {
    /// Nothing is sent yet.
    #[must_use]
    pub(crate) fn new(connection: &'a Connection, insistence: Insistence) -> Self {
        Self { connection, insistence, token: None, renewed: false, sent: 0 }
    }

    /// Gets the token that the requests will carry.
    ///
    /// # Errors
    /// What the authorization server refused.
    pub(crate) async fn authenticate(&mut self) -> Result<(), Error> {
        self.token = Some(self.connection.tokens.get(self.insistence).await?);
        Ok(())
    }

    /// Makes AI Core hold the payload under the name.
    ///
    /// # Errors
    /// What AI Core or the authorization server refused; [`Error::Missing`] when there is no secret and `create` is false.
    pub(crate) async fn push(
        &mut self,
        name: &RemoteName,
        payload: &Payload,
        create: bool,
    ) -> Result<Pushed, PushError> {
        let connection = self.connection;
        let shown = |refused: Refused| refused.checked(connection, Some(name), Some(payload));
        match self.patch(name, payload).await {
            Ok(()) => return Ok(Pushed::Updated),
            Err(refused) if refused.status() == Some(404) => {}
            Err(refused) => return Err(shown(refused).into()),
        }
        let absent = |error| PushError { error, remote_absent: true };
        if !create {
            return Err(absent(Error::Missing { name: name.to_string() }));
        }
        let post = Operation::Post { name, payload: payload.expose() };
        let Err(refused) = self.attempt(&post).await else {
            return Ok(Pushed::Created);
        };
        let Some(status @ 400..=499) = refused.status() else {
            return Err(absent(shown(refused)));
        };
        if matches!(status, 401 | 408 | 429) {
            return Err(absent(shown(refused)));
        }
        // "Already exists" has no documented status: somebody else may have created it in between.
        if status != 403 && self.attempt(&Operation::Get { name }).await.is_ok() {
            self.patch(name, payload).await.map_err(shown)?;
            return Ok(Pushed::Updated);
        }
        Err(absent(self.quota_exceeded().await.unwrap_or_else(|| shown(refused))))
    }

    /// Makes AI Core no longer hold a secret of the name.
    ///
    /// # Errors
    /// What AI Core or the authorization server refused.
    pub(crate) async fn delete(&mut self, name: &RemoteName) -> Result<(), Error> {
        match self.attempt(&Operation::Delete { name }).await {
            Err(refused) if refused.status() != Some(404) => {
                Err(refused.checked(self.connection, Some(name), None))
            }
            _ => Ok(()),
        }
    }

    async fn patch(&mut self, name: &RemoteName, payload: &Payload) -> Result<(), Refused> {
        let mut other_type = None;
        for media_type in self.connection.patch_type.preferred() {
            let operation = Operation::Patch { name, payload: payload.expose(), media_type };
            match self.attempt(&operation).await {
                Ok(_) => {
                    self.connection.patch_type.works(media_type);
                    return Ok(());
                }
                Err(refused) if refused.status() == Some(415) => {
                    other_type = Some(other_type.unwrap_or(refused));
                }
                Err(refused) => {
                    if refused.status() == Some(404) {
                        self.connection.patch_type.works(media_type);
                    }
                    return Err(refused);
                }
            }
        }
        other_type.map_or(Ok(()), Err)
    }

    /// The quota, if it is the reason why a creation was refused.
    async fn quota_exceeded(&mut self) -> Option<Error> {
        let (used, limit) = self.quota().await.ok()??;
        (used >= limit).then_some(Error::QuotaExceeded { used, limit })
    }

    /// One operation that carries no credential but the token.
    pub(super) async fn ask(&mut self, operation: &Operation<'_>) -> Result<Answer, Error> {
        let connection = self.connection;
        self.attempt(operation).await.map_err(|refused| refused.checked(connection, operation.name(), None))
    }

    /// One operation, with a token; once more with another token if the API refuses the first.
    async fn attempt(&mut self, operation: &Operation<'_>) -> Result<Answer, Refused> {
        let connection = self.connection;
        let mut token = match self.token.take() {
            Some(token) => token,
            None => connection.tokens.get(self.insistence).await.map_err(Refused::NoToken)?,
        };
        loop {
            let result = self.send(operation, &token).await;
            let refused = result.as_ref().err().and_then(Failed::status);
            if !matches!(refused, Some(401 | 403)) {
                if result.is_ok() {
                    connection.tokens.accepted();
                }
                self.token = Some(Arc::clone(&token));
                return result.map_err(|failed| Refused::Request { failed, token });
            }
            let another = if self.renewed {
                None
            } else {
                connection.tokens.replace(&token, self.insistence).await.map_err(Refused::NoToken)?
            };
            self.renewed = true;
            match another {
                Some(another) => token = another,
                None => {
                    self.token = Some(Arc::clone(&token));
                    return result.map_err(|failed| Refused::Request { failed, token });
                }
            }
        }
    }

    async fn send(&mut self, operation: &Operation<'_>, token: &Token) -> Result<Answer, Failed> {
        // The first request of a pass has its reservation already; the others wait for theirs here.
        if self.sent > 0 {
            self.connection.rate_limiter.wait().await;
        }
        self.sent += 1;
        let connection = self.connection;
        let request = operation.request(&connection.http, &connection.api).bearer_auth(token.expose());
        connection.fence.wait_open().await;
        exchange::send(Server::Api, request, &connection.way, &connection.metrics).await
    }
}

/// A request of a session that failed, and what is needed to say why.
enum Refused {
    /// It was not sent: there is no token.
    NoToken(Error),
    /// It was sent with this token.
    Request { failed: Failed, token: Arc<Token> },
}

impl Refused {
    /// The status that the API answered.
    fn status(&self) -> Option<u16> {
        match self {
            Self::NoToken(_) => None,
            Self::Request { failed, .. } => failed.status(),
        }
    }

    /// The error to show, after a request about the remote secret `name` that carried `payload`.
    fn checked(self, connection: &Connection, name: Option<&RemoteName>, payload: Option<&Payload>) -> Error {
        match self {
            Self::NoToken(error) => error,
            Self::Request { failed, token } => {
                let client_secret = connection.tokens.client_secret().unwrap_or_default();
                failed.checked(&Sent {
                    secrets: &[token.expose(), client_secret],
                    names: name.map(RemoteName::as_str).as_slice(),
                    payload,
                })
            }
        }
    }
}

#[cfg(test)]
mod tests;
