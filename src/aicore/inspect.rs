//! Questions to AI Core that change nothing there.

use super::{
    error::{Error, Server},
    push::Session,
};
use crate::{
    aicore::operations::{Operation, Quota},
    domain::parse::name::RemoteName,
};

impl Session<'_> {
    /// Whether AI Core has a docker registry secret of the name.
    ///
    /// # Errors
    /// What AI Core or the authorization server refused.
    pub(crate) async fn exists(&mut self, name: &RemoteName) -> Result<bool, Error> {
        match self.ask(&Operation::Get { name }).await {
            Ok(_) => Ok(true),
            Err(error) if error.status_of(Server::Api) == Some(404) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// How many docker registry secrets the tenant has and may have; `None` when the answer does not say it.
    ///
    /// # Errors
    /// What AI Core or the authorization server refused.
    pub(crate) async fn quota(&mut self) -> Result<Option<(u64, u64)>, Error> {
        let answer = self.ask(&Operation::Quota).await?;
        let counts = serde_json::from_slice::<Quota>(&answer.body).ok().and_then(Quota::counts);
        if let Some((used, limit)) = counts {
            self.connection.quota.tell(used, limit);
        }
        Ok(counts)
    }
}
