//! The Lease of leader election. Each write names the version that it replaces, so that of two that write at the same time
//! one is refused.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{
    Api, Client, Resource,
    api::{GetParams, ObjectMeta, PostParams},
    core::Request,
};

use super::{answer, error::Error, resources::FIELD_MANAGER};
use crate::domain::decide::lease::Record;

/// One Lease, that may not exist yet.
#[derive(Clone)]
pub(crate) struct Leases {
    client: Client,
    api: Api<Lease>,
    namespace: String,
    name: String,
}

/// A Lease at one version.
#[derive(Clone, Debug)]
pub(crate) struct LeaseVersion {
    lease: Lease,
    /// When the API server answered, by its own clock.
    answered_at: Option<Timestamp>,
}

impl LeaseVersion {
    /// What it says.
    #[must_use]
    pub(crate) fn record(&self) -> Record {
        let spec = self.lease.spec.clone().unwrap_or_default();
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

    /// For how long nobody has written it, by the clock of the API server; zero when that is not known. To the second.
    #[must_use]
    pub(crate) fn silent(&self) -> Duration {
        let writes = self.lease.metadata.managed_fields.as_deref().unwrap_or_default();
        let known = writes.iter().map(|write| Some(write.time.as_ref()?.0)).collect::<Option<Vec<_>>>();
        let last = known.and_then(|times| times.into_iter().max());
        match (last, self.answered_at) {
            (Some(last), Some(now)) => Duration::try_from(now.duration_since(last)).unwrap_or_default(),
            _ => Duration::ZERO,
        }
    }
}

impl Leases {
    /// The Lease of this name.
    #[must_use]
    pub(crate) fn new(client: Client, namespace: &str, name: &str) -> Self {
        Self {
            api: Api::namespaced(client.clone(), namespace),
            client,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    /// Reads it. `None`: there is none.
    ///
    /// # Errors
    /// What the API server refused.
    pub(crate) async fn get(&self) -> Result<Option<LeaseVersion>, Error> {
        let request = Request::new(Lease::url_path(&(), Some(&self.namespace)))
            .get(&self.name, &GetParams::default())
            .map_err(|_| Error::Garbled("its address is none"))?;
        let text = match answer::read(&self.client, request).await {
            Ok(text) => text,
            Err(Error::NotFound) => return Ok(None),
            Err(error) => return Err(error),
        };
        let lease = serde_json::from_slice(text.bytes()).map_err(|_| Error::Garbled("it is no Lease"))?;
        Ok(Some(LeaseVersion { lease, answered_at: text.answered_at() }))
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
            Some(LeaseVersion { mut lease, .. }) => {
                lease.spec = Some(spec(lease.spec.take().unwrap_or_default(), record));
                self.api.replace(&self.name, &params, &lease).await?
            }
            None => {
                let metadata = ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() };
                let lease = Lease { metadata, spec: Some(spec(LeaseSpec::default(), record)) };
                self.api.create(&params, &lease).await.map_err(|error| self.not_created(error))?
            }
        };
        Ok(LeaseVersion { lease: written, answered_at: None })
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
    use http::header::DATE;
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::k8s::testing::{answer, api_server};

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
        let version = |lease| LeaseVersion { lease, answered_at: None };
        assert_eq!(version(serde_json::from_str(&sent).unwrap()).record(), record);
        assert_eq!(version(Lease::default()).record(), Record::default());
    }

    /// What the API server says of the time: of each write in the object, and of the answer in a header.
    #[rstest]
    #[case::long_ago(Some("Thu, 26 Nov 2026 08:02:39 GMT"), &[Some("2026-11-26T08:01:00Z")], 99)]
    #[case::the_last_write_counts(Some("Thu, 26 Nov 2026 08:02:39 GMT"), &[Some("2026-11-26T08:02:38Z"), Some("2026-11-26T07:00:00Z")], 1)]
    #[case::a_write_without_time(Some("Thu, 26 Nov 2026 08:02:39 GMT"), &[Some("2026-11-26T07:00:00Z"), None], 0)]
    #[case::clocks_that_differ(Some("Thu, 26 Nov 2026 08:02:39 GMT"), &[Some("2026-11-26T09:00:00Z")], 0)]
    #[case::no_writes(Some("Thu, 26 Nov 2026 08:02:39 GMT"), &[], 0)]
    #[case::no_date(None, &[Some("2026-11-26T07:00:00Z")], 0)]
    #[case::no_date_that_can_be_read(Some("yesterday"), &[Some("2026-11-26T07:00:00Z")], 0)]
    #[tokio::test]
    async fn the_api_server_tells_for_how_long_it_was_silent(
        #[case] date: Option<&str>,
        #[case] writes: &[Option<&str>],
        #[case] seconds: u64,
    ) {
        let fields: Vec<_> = writes.iter().map(|time| json!({ "manager": "m", "time": time })).collect();
        let lease = json!({ "metadata": { "name": "l", "managedFields": fields }, "spec": {} }).to_string();
        let date = date.map(str::to_owned);
        let (client, _) = api_server(move |_| {
            let mut response = answer(200, lease.clone());
            if let Some(date) = &date {
                response.headers_mut().insert(DATE, date.parse().unwrap());
            }
            response
        });
        let found = Leases::new(client, "ops", "l").get().await.unwrap().unwrap();
        assert_eq!(found.silent(), Duration::from_secs(seconds));
    }
}
