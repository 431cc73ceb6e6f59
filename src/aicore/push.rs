//! One push, and one deletion: which requests they are made of.

use std::sync::Arc;

use super::{
    error::{Error, Server},
    exchange::{self, Answer},
    pool::Connection,
    redact::Redactor,
    secrets::Operation,
    token::{Insistence, Token},
};
use crate::domain::{docker_config::Payload, name::RemoteName};

/// What a push did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// Replaced the content of a secret that existed.
    Updated,
    /// Created the secret.
    Created,
}

/// A push that failed, with what it has shown about AI Core on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushError {
    /// What went wrong.
    pub error: Error,
    /// Whether AI Core answered that it has no secret of the name.
    pub remote_absent: bool,
}

impl From<Error> for PushError {
    fn from(error: Error) -> Self {
        Self { error, remote_absent: false }
    }
}

/// The requests of one pass for one remote secret. The token is renewed at most once in it.
pub struct Session<'a> {
    pub(super) connection: &'a Connection,
    insistence: Insistence,
    token: Option<Arc<Token>>,
    renewed: bool,
    sent: u32,
}

impl<'a> Session<'a> {
    /// Nothing is sent yet.
    #[must_use]
    pub fn new(connection: &'a Connection, insistence: Insistence) -> Self {
        Self { connection, insistence, token: None, renewed: false, sent: 0 }
    }

    /// Makes AI Core hold the payload under the name.
    ///
    /// # Errors
    /// What AI Core or the authorization server refused; [`Error::Missing`] when there is no secret and `create` is false.
    pub async fn push(
        &mut self,
        name: &RemoteName,
        payload: &Payload,
        create: bool,
    ) -> Result<Pushed, PushError> {
        match self.patch(name, payload).await {
            Ok(()) => return Ok(Pushed::Updated),
            Err(error) if error.status_of(Server::Api) == Some(404) => {}
            Err(error) => return Err(error.into()),
        }
        let absent = |error| PushError { error, remote_absent: true };
        if !create {
            return Err(absent(Error::Missing { name: name.to_string() }));
        }
        let post = Operation::Post { name, payload: payload.expose() };
        let Err(refused) = self.send(&post, Some(payload)).await else {
            return Ok(Pushed::Created);
        };
        let Some(status @ 400..=499) = refused.status_of(Server::Api) else {
            return Err(absent(refused));
        };
        if matches!(status, 401 | 408 | 429) {
            return Err(absent(refused));
        }
        // "Already exists" has no documented status: somebody else may have created it in between.
        if status != 403 && self.send(&Operation::Get { name }, None).await.is_ok() {
            self.patch(name, payload).await?;
            return Ok(Pushed::Updated);
        }
        Err(absent(self.quota_exceeded().await.unwrap_or(refused)))
    }

    /// Makes AI Core no longer hold a secret of the name.
    ///
    /// # Errors
    /// What AI Core or the authorization server refused.
    pub async fn delete(&mut self, name: &RemoteName) -> Result<(), Error> {
        match self.send(&Operation::Delete { name }, None).await {
            Err(error) if error.status_of(Server::Api) != Some(404) => Err(error),
            _ => Ok(()),
        }
    }

    async fn patch(&mut self, name: &RemoteName, payload: &Payload) -> Result<(), Error> {
        let mut refused = None;
        for media_type in self.connection.patch_type.preferred() {
            let operation = Operation::Patch { name, payload: payload.expose(), media_type };
            match self.send(&operation, Some(payload)).await {
                Ok(_) => {
                    self.connection.patch_type.works(media_type);
                    return Ok(());
                }
                Err(error) if error.status_of(Server::Api) == Some(415) => {
                    refused = Some(refused.unwrap_or(error));
                }
                Err(error) if error.status_of(Server::Api) == Some(404) => {
                    self.connection.patch_type.works(media_type);
                    return Err(error);
                }
                Err(error) => return Err(error),
            }
        }
        refused.map_or(Ok(()), Err)
    }

    /// The quota, if it is the reason why a creation was refused.
    async fn quota_exceeded(&mut self) -> Option<Error> {
        let (used, limit) = self.quota().await.ok()??;
        (used >= limit).then_some(Error::QuotaExceeded { used, limit })
    }

    /// One operation, with a token; once more with another token if the API refuses the first.
    pub(super) async fn send(
        &mut self,
        operation: &Operation<'_>,
        payload: Option<&Payload>,
    ) -> Result<Answer, Error> {
        let connection = self.connection;
        let mut token = match self.token.take() {
            Some(token) => token,
            None => connection.tokens.get(self.insistence).await?,
        };
        loop {
            let result = self.send_with(operation, payload, &token).await;
            let refused = result.as_ref().err().and_then(|error| error.status_of(Server::Api));
            if !matches!(refused, Some(401 | 403)) {
                if result.is_ok() {
                    connection.tokens.accepted();
                }
                self.token = Some(token);
                return result;
            }
            let another =
                if self.renewed { None } else { connection.tokens.replace(&token, self.insistence).await? };
            self.renewed = true;
            match another {
                Some(another) => token = another,
                None => {
                    self.token = Some(token);
                    return result;
                }
            }
        }
    }

    async fn send_with(
        &mut self,
        operation: &Operation<'_>,
        payload: Option<&Payload>,
        token: &Token,
    ) -> Result<Answer, Error> {
        // The first request of a pass has its reservation already; the others wait for theirs here.
        if self.sent > 0 {
            self.connection.rate_limiter.wait().await;
        }
        self.sent += 1;
        let mut redactor = Redactor::default();
        redactor.add(token.expose());
        for value in payload.into_iter().flat_map(Payload::sensitive) {
            redactor.add(value);
        }
        let connection = self.connection;
        let request = operation.request(&connection.http, &connection.api).bearer_auth(token.expose());
        connection.fence.pass().await;
        exchange::send(Server::Api, request, &redactor, &connection.metrics).await
    }
}
