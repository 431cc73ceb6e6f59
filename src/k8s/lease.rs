//! The Lease of leader election. Each write names the version that it replaces, so that of two that write at the same time
//! one is refused.

use std::time::Duration;

use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};

use super::{error::Error, resources::FIELD_MANAGER};
use crate::domain::decide::lease::Record;

/// One Lease, that may not exist yet.
#[derive(Clone)]
pub(crate) struct Leases {
    api: Api<Lease>,
    namespace: String,
    name: String,
}

/// A Lease at one version.
#[derive(Clone, Debug)]
pub(crate) struct LeaseVersion(Lease);

impl LeaseVersion {
    /// What it says.
    #[must_use]
    pub(crate) fn record(&self) -> Record {
        let spec = self.0.spec.clone().unwrap_or_default();
        Record {
            holder: spec.holder_identity.unwrap_or_default(),
            duration: spec
                .lease_duration_seconds
                .and_then(|seconds| u64::try_from(seconds).ok())
                .map(Duration::from_secs),
            acquired: spec.acquire_time.map(|time| time.0),
            renewed: spec.renew_time.map(|time| time.0),
            transitions: spec.lease_transitions.unwrap_or_default(),
        }
    }
}

impl Leases {
    /// The Lease of this name.
    #[must_use]
    pub(crate) fn new(client: Client, namespace: &str, name: &str) -> Self {
        Self {
            api: Api::namespaced(client, namespace),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    /// Reads it. `None`: there is none.
    ///
    /// # Errors
    /// What the API server refused.
    pub(crate) async fn get(&self) -> Result<Option<LeaseVersion>, Error> {
        Ok(self.api.get_opt(&self.name).await?.map(LeaseVersion))
    }

    /// Has it say this, if it still is as it was found.
    ///
    /// # Errors
    /// [`Error::Refused`] with code 409 when it changed meanwhile; else what the API server refused.
    pub(crate) async fn write(
        &self,
        previous: Option<LeaseVersion>,
        record: &Record,
    ) -> Result<LeaseVersion, Error> {
        let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        let written = match previous {
            // What others have added to its metadata stays.
            Some(LeaseVersion(mut lease)) => {
                lease.spec = Some(spec(lease.spec.take().unwrap_or_default(), record));
                self.api.replace(&self.name, &params, &lease).await?
            }
            None => {
                let metadata = ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() };
                let lease = Lease { metadata, spec: Some(spec(LeaseSpec::default(), record)) };
                self.api.create(&params, &lease).await.map_err(|error| self.not_created(error))?
            }
        };
        Ok(LeaseVersion(written))
    }

    /// What is not found when something is made is the namespace.
    fn not_created(&self, error: kube::Error) -> Error {
        match Error::from(error) {
            Error::NotFound => {
                let message = format!("namespace {:?} does not exist", self.namespace);
                Error::Refused { code: 404, message }
            }
            other => other,
        }
    }
}

fn spec(previous: LeaseSpec, record: &Record) -> LeaseSpec {
    LeaseSpec {
        holder_identity: Some(record.holder.clone()),
        lease_duration_seconds: record
            .duration
            .map(|duration| i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)),
        acquire_time: record.acquired.map(MicroTime),
        renew_time: record.renewed.map(MicroTime),
        lease_transitions: Some(record.transitions),
        ..previous
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_the_way_to_the_api_server_and_back() {
        let time = |seconds| jiff::Timestamp::from_second(seconds).unwrap();
        let record = Record {
            holder: "me".to_owned(),
            duration: Some(Duration::from_secs(15)),
            acquired: Some(time(1)),
            renewed: Some(time(2)),
            transitions: 3,
        };
        let lease = Lease { spec: Some(spec(LeaseSpec::default(), &record)), ..Lease::default() };
        let sent = serde_json::to_string(&lease).unwrap();
        assert_eq!(LeaseVersion(serde_json::from_str(&sent).unwrap()).record(), record);
        assert_eq!(LeaseVersion(Lease::default()).record(), Record::default());
    }
}
