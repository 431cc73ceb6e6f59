//! One push, and one deletion: which requests they are made of.

use super::{
    error::Error,
    session::{Refused, Session, Unfinished},
};
use crate::{
    aicore::operations::Operation,
    domain::{
        decide::opening::Manner,
        parse::{docker_config::Payload, name::RemoteName},
    },
};

/// What a push did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// Replaced the content of a secret that existed.
    Updated,
    /// Created the secret.
    Created,
}

impl Session<'_> {
    /// Makes AI Core hold the payload under the name.
    ///
    /// # Errors
    /// What AI Core or the authorization server refused; [`Error::Missing`] when there is no secret and none is to be created;
    /// [`Unfinished::Withdrawn`] when the mandate ended before all was sent.
    pub(crate) async fn push(
        &mut self,
        name: &RemoteName,
        payload: &Payload,
        manner: Manner,
    ) -> Result<Pushed, Unfinished> {
        if manner == Manner::CreateOrUpdate {
            // What is sent without an answer may be there as well.
            self.connection.names.may_exist(name);
            return self.create(name, payload, false).await;
        }
        match self.patch(name, payload).await {
            Ok(()) => Ok(Pushed::Updated),
            Err(refused) if refused.status() == Some(404) => match manner {
                Manner::Update => {
                    Err(Unfinished::from(Error::Missing { name: name.to_string() }).with_remote_absent())
                }
                Manner::UpdateOrCreate | Manner::CreateOrUpdate => self.create(name, payload, true).await,
            },
            Err(refused) => Err(refused.checked(self.connection, Some(name), Some(payload))),
        }
    }

    /// Creates the secret, or replaces its content if it is there after all. `absent`: AI Core has just answered that it is not.
    async fn create(
        &mut self,
        name: &RemoteName,
        payload: &Payload,
        mut absent: bool,
    ) -> Result<Pushed, Unfinished> {
        let connection = self.connection;
        let shown = |refused: Refused| refused.checked(connection, Some(name), Some(payload));
        let knowing = |absent: bool, unfinished: Unfinished| {
            if absent { unfinished.with_remote_absent() } else { unfinished }
        };
        let post = Operation::Post { name, payload: payload.expose() };
        let Err(refused) = self.attempt(&post).await else {
            return Ok(Pushed::Created);
        };
        let status = match refused.status() {
            Some(status @ 400..=499) if !matches!(status, 401 | 408 | 429) => status,
            _ => return Err(knowing(absent, shown(refused))),
        };
        // "Already exists" has no documented status: somebody else may have created it in between.
        if status != 403 {
            match self.attempt(&Operation::Get { name }).await {
                Ok(_) => {
                    connection.names.disproved();
                    // What is there is of somebody else.
                    self.patch(name, payload).await.map_err(|refused| match shown(refused) {
                        withdrawn @ Unfinished::Withdrawn { .. } => knowing(absent, withdrawn),
                        failed @ Unfinished::Failed { .. } => failed,
                    })?;
                    return Ok(Pushed::Updated);
                }
                Err(Refused::Withdrawn) => {
                    return Err(knowing(absent, Unfinished::Withdrawn { remote_absent: false }));
                }
                Err(looked) => absent |= looked.status() == Some(404),
            }
        }
        // The quota, if it is the reason why the creation was refused.
        let unfinished = match self.quota().await {
            Err(withdrawn @ Unfinished::Withdrawn { .. }) => withdrawn,
            Ok(Some((used, limit))) if used >= limit => Error::QuotaExceeded { used, limit }.into(),
            _ => shown(refused),
        };
        Err(knowing(absent, unfinished))
    }

    /// Makes AI Core no longer hold a secret of the name.
    ///
    /// # Errors
    /// What AI Core or the authorization server refused; [`Unfinished::Withdrawn`] when the mandate ended before.
    pub(crate) async fn delete(&mut self, name: &RemoteName) -> Result<(), Unfinished> {
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
}

#[cfg(test)]
mod tests;
