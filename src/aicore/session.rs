//! The requests of one pass: each with leave of its mandate, a place in the tenant's rate, and a token.

use std::sync::Arc;

use super::{
    error::{Error, Server},
    exchange::{self, Answer, Failed},
    mandate::{Leave, Mandate, over},
    operations::Operation,
    pool::Connection,
    redact::Sent,
    token::{Insistence, Token},
};
use crate::domain::parse::{docker_config::Payload, name::RemoteName};

/// Why a pass did not reach what it wanted in AI Core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unfinished {
    /// Its mandate ended first, or the process is about to end; from then on nothing was sent.
    Withdrawn {
        /// Whether AI Core had answered that it has no secret of the name.
        remote_absent: bool,
    },
    /// A request failed.
    Failed {
        /// What went wrong.
        error: Error,
        /// Whether AI Core answered that it has no secret of the name.
        remote_absent: bool,
        /// What the last request that writes leaves behind.
        aftermath: Aftermath,
    },
}

/// What a request that writes and failed leaves behind in AI Core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aftermath {
    /// Nothing: it was refused, or never sent.
    Nothing,
    /// It may have been carried out: the server answered with an error of its own.
    Doubt,
    /// It may be carried out later still: there was no answer, or a gateway got none.
    Late,
}

impl Aftermath {
    /// Whether AI Core may have done what it was asked for.
    #[must_use]
    pub(crate) fn may_have_arrived(self) -> bool {
        match self {
            Self::Nothing => false,
            Self::Doubt | Self::Late => true,
        }
    }
}

/// The requests of one pass for one remote secret. The token is renewed at most once in it.
pub(crate) struct Session<'a> {
    pub(super) connection: &'a Connection,
    pub(super) mandate: &'a dyn Mandate,
    insistence: Insistence,
    token: Option<Arc<Token>>,
    renewed: bool,
    sent: u32,
}

impl<'a> Session<'a> {
    /// Nothing is sent yet.
    #[must_use]
    pub(crate) fn new(connection: &'a Connection, insistence: Insistence, mandate: &'a dyn Mandate) -> Self {
        Self { connection, mandate, insistence, token: None, renewed: false, sent: 0 }
    }

    #[cfg(test)]
    pub(super) fn with_token(mut self, token: Arc<Token>) -> Self {
        self.token = Some(token);
        self
    }

    /// One operation that carries no credential but the token.
    pub(super) async fn ask(&mut self, operation: &Operation<'_>) -> Result<Answer, Unfinished> {
        let connection = self.connection;
        self.attempt(operation).await.map_err(|refused| refused.checked(connection, operation.name(), None))
    }

    /// One operation, with a token; once more with another token if the API refuses the first.
    pub(super) async fn attempt(&mut self, operation: &Operation<'_>) -> Result<Answer, Refused> {
        let connection = self.connection;
        let mut token = self.take_token().await?;
        loop {
            let failed = match self.send(operation, &token).await {
                Ok(answer) => {
                    connection.tokens.accepted();
                    self.token = Some(token);
                    return Ok(answer);
                }
                Err(Unsent::Withdrawn) => return Err(Refused::Withdrawn),
                Err(Unsent::Failed(failed)) => failed,
            };
            let another = match failed.status() {
                Some(401 | 403) if !self.renewed => {
                    // Nobody needs a token for what is not to be sent any more.
                    if !self.mandate.stands() {
                        return Err(Refused::Withdrawn);
                    }
                    self.renewed = true;
                    self.unless_over(connection.tokens.replace(&token, self.insistence)).await?
                }
                _ => None,
            };
            match another {
                Some(another) => token = another,
                None => {
                    self.token = Some(Arc::clone(&token));
                    let writes = operation.writes();
                    return Err(Refused::Request { failed, token, writes });
                }
            }
        }
    }

    /// One operation, with the token that there is; it is not replaced if the API refuses it.
    pub(super) async fn attempt_once(&mut self, operation: &Operation<'_>) -> Result<Answer, Refused> {
        let token = self.take_token().await?;
        let result = self.send(operation, &token).await;
        self.token = Some(Arc::clone(&token));
        result.map_err(|unsent| match unsent {
            Unsent::Withdrawn => Refused::Withdrawn,
            Unsent::Failed(failed) => Refused::Request { failed, token, writes: operation.writes() },
        })
    }

    /// The token of the requests before, or one that is asked for.
    async fn take_token(&mut self) -> Result<Arc<Token>, Refused> {
        match self.token.take() {
            Some(token) => Ok(token),
            None => self.unless_over(self.connection.tokens.get(self.insistence)).await,
        }
    }

    /// What comes of waiting for a token, unless nothing is to be sent with it any more.
    async fn unless_over<T>(&self, token: impl Future<Output = Result<T, Error>>) -> Result<T, Refused> {
        tokio::select! {
            biased;
            token = token => token.map_err(Refused::NoToken),
            () = over(self.mandate) => Err(Refused::Withdrawn),
        }
    }

    async fn send(&mut self, operation: &Operation<'_>, token: &Token) -> Result<Answer, Unsent> {
        let connection = self.connection;
        // The first request of a pass has had its turn already; the others take the next one.
        if self.sent > 0 {
            tokio::select! {
                biased;
                () = connection.rate_limiter.wait(self.mandate.namespace()) => {}
                () = over(self.mandate) => return Err(Unsent::Withdrawn),
            }
        }
        connection.fence.wait_open().await;
        // After the last wait, and right before the request.
        let leave = Leave::by(self.mandate).ok_or(Unsent::Withdrawn)?;
        self.sent += 1;
        let request = operation.request(leave, &connection.http, &connection.api).bearer_auth(token.expose());
        exchange::send(Server::Api, request, &connection.way, &connection.metrics)
            .await
            .map_err(Unsent::Failed)
    }
}

/// Why there is no good answer to one request.
enum Unsent {
    Withdrawn,
    Failed(Failed),
}

/// A request of a session that failed, and what is needed to say why.
pub(super) enum Refused {
    /// It was not sent: the mandate has ended.
    Withdrawn,
    /// It was not sent: there is no token.
    NoToken(Error),
    /// It was sent with this token.
    Request { failed: Failed, token: Arc<Token>, writes: bool },
}

impl Refused {
    /// The status that the API answered.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Withdrawn | Self::NoToken(_) => None,
            Self::Request { failed, .. } => failed.status(),
        }
    }

    /// What to show, after a request about the remote secret `name` that carried `payload`.
    pub(super) fn checked(
        self,
        connection: &Connection,
        name: Option<&RemoteName>,
        payload: Option<&Payload>,
    ) -> Unfinished {
        match self {
            Self::Withdrawn => Unfinished::Withdrawn { remote_absent: false },
            Self::NoToken(error) => Unfinished::from(error),
            Self::Request { failed, token, writes } => {
                let aftermath = if writes { failed.aftermath() } else { Aftermath::Nothing };
                let client_secret = connection.tokens.client_secret().unwrap_or_default();
                let error = failed.checked(&Sent {
                    secrets: &[token.expose(), client_secret],
                    names: name.map(RemoteName::as_str).as_slice(),
                    payload,
                });
                Unfinished::Failed { error, remote_absent: false, aftermath }
            }
        }
    }
}

impl Unfinished {
    /// Whether a request that writes may be carried out later still.
    #[must_use]
    pub(crate) fn may_come_late(&self) -> bool {
        matches!(self, Self::Failed { aftermath: Aftermath::Late, .. })
    }

    /// The same, when AI Core has answered that it has no secret of the name.
    pub(super) fn with_remote_absent(self) -> Self {
        match self {
            Self::Withdrawn { .. } => Self::Withdrawn { remote_absent: true },
            Self::Failed { error, aftermath, .. } => Self::Failed { error, remote_absent: true, aftermath },
        }
    }
}

impl From<Error> for Unfinished {
    /// A failure that leaves nothing behind.
    fn from(error: Error) -> Self {
        Self::Failed { error, remote_absent: false, aftermath: Aftermath::Nothing }
    }
}
