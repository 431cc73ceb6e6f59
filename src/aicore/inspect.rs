//! Questions to AI Core that change nothing there.

use super::{
    error::Server,
    operations::{Operation, Quota},
    session::{Session, Unfinished},
};
use crate::domain::parse::name::RemoteName;

impl Session<'_> {
    /// Whether AI Core has a docker registry secret of the name.
    ///
    /// # Errors
    /// What AI Core or the authorization server refused.
    pub(crate) async fn exists(&mut self, name: &RemoteName) -> Result<bool, Unfinished> {
        match self.ask(&Operation::Get { name }).await {
            Ok(_) => Ok(true),
            Err(Unfinished::Failed { error, .. }) if error.status_of(Server::Api) == Some(404) => Ok(false),
            Err(unfinished) => Err(unfinished),
        }
    }

    /// How many docker registry secrets the tenant has and may have; `None` when the answer does not say it.
    ///
    /// # Errors
    /// What AI Core or the authorization server refused.
    pub(crate) async fn quota(&mut self) -> Result<Option<(u64, u64)>, Unfinished> {
        let answer = self.ask(&Operation::Quota).await?;
        let counts = serde_json::from_slice::<Quota>(&answer.body).ok().and_then(Quota::counts);
        if let Some((used, limit)) = counts {
            self.connection.quota.tell(used, limit);
        }
        Ok(counts)
    }
}
