//! The series of the resources and of the AICoreTenants. They are read from the index at each scrape, so that they go with what they are of.

use std::{fmt, iter, sync::Arc, time::Duration};

use jiff::Timestamp;
use prometheus_client::{collector::Collector, encoding::DescriptorEncoder};

use super::index::{Index, Shown};
use crate::{
    api::{AICoreTenantStatus, Moment, condition},
    clock,
    leadership::Leadership,
    metrics::{
        encode_gauge,
        series::{Family, Pieces},
    },
};

/// So far another process's clock may be ahead.
const CLOCK_SKEW: Duration = Duration::from_mins(1);

const IS_READY: Family = Family {
    name: "resource_ready",
    help: "1 if AI Core holds the credential that the Secret holds now, else 0.",
    unit: None,
};
const LAST_SYNC: Family = Family {
    name: "resource_last_sync_timestamp",
    help: "When AI Core last accepted the credential, in seconds since 1970.",
    unit: Some("seconds"),
};
/// Where a status has a time.
type TimeOf<S> = fn(&S) -> Option<Moment>;

/// Times at which a life ends, or its last part begins, and where the status has them.
const LIVES: [(Family, TimeOf<Shown>); 4] = [
    (
        Family {
            name: "credential_expiration_timestamp",
            help: "When the credential that AI Core holds ends, in seconds since 1970.",
            unit: Some("seconds"),
        },
        |shown| shown.credential_expires_at,
    ),
    (
        Family {
            name: "credential_expiring_from_timestamp",
            help: "From when on less than a fifth of the life of that credential is left, in seconds since 1970.",
            unit: Some("seconds"),
        },
        |shown| shown.credential_expiring_from,
    ),
    (
        Family {
            name: "service_key_expiration_timestamp",
            help: "When the client certificate of the service key ends, in seconds since 1970.",
            unit: Some("seconds"),
        },
        |shown| shown.service_key_expires_at,
    ),
    (
        Family {
            name: "service_key_expiring_from_timestamp",
            help: "From when on less than a fifth of the life of that certificate is left, in seconds since 1970.",
            unit: Some("seconds"),
        },
        |shown| shown.service_key_expiring_from,
    ),
];

const TENANT_IS_READY: Family = Family {
    name: "tenant_ready",
    help: "1 if the service key of the AICoreTenant was given a token, else 0.",
    unit: None,
};
/// The same times of service keys that AICoreTenants share.
const TENANT_LIVES: [(Family, TimeOf<AICoreTenantStatus>); 2] = [
    (
        Family {
            name: "tenant_service_key_expiration_timestamp",
            help: "When the client certificate of the AICoreTenant's service key ends, in seconds since 1970.",
            unit: Some("seconds"),
        },
        |status| status.service_key_expires_at,
    ),
    (
        Family {
            name: "tenant_service_key_expiring_from_timestamp",
            help: "From when on less than a fifth of the life of that certificate is left, in seconds since 1970.",
            unit: Some("seconds"),
        },
        |status| status.service_key_expiring_from,
    ),
];

/// The families, for [`crate::metrics::Metrics::register_series`].
///
/// Several replicas would say the same of a resource or an AICoreTenant, and those that stand by would say it late: only the leader has them.
pub(super) fn pieces<K: Send + Sync + 'static>(
    index: &Arc<Index<K>>,
    leadership: Leadership,
) -> impl Fn() -> Pieces + Send + Sync + 'static {
    let index = Arc::clone(index);
    move || {
        if leadership.is_leader() {
            Box::new(of_resources(&index).chain(of_tenants(&index)))
        } else {
            Box::new(iter::empty())
        }
    }
}

/// How many resources are left alone, for [`crate::metrics::Metrics::register`].
pub(super) struct NotUnderstood<K>(pub(super) Arc<Index<K>>);

impl<K> fmt::Debug for NotUnderstood<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NotUnderstood").field(&self.0.left_alone()).finish()
    }
}

impl<K: fmt::Debug + Send + Sync + 'static> Collector for NotUnderstood<K> {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        #[expect(clippy::cast_precision_loss, reason = "a cluster never has 2^52 resources")]
        let count = self.0.left_alone() as f64;
        let help =
            "Resources that are ignored, because this version of the operator does not understand them.";
        encode_gauge(&mut encoder, "resources_not_understood", help, count)
    }
}

fn of_resources<K: Send + Sync + 'static>(
    index: &Arc<Index<K>>,
) -> impl Iterator<Item = String> + Send + use<K> {
    let (ready, synced) = (Arc::clone(index), Arc::clone(index));
    let ready = IS_READY.pieces(move |after, page| {
        ready.page(after, |key, shown| {
            page.add(&[("namespace", &key.namespace), ("name", &key.name)], u8::from(shown.ready));
            page.has_room()
        })
    });
    let synced = LAST_SYNC.pieces(move |after, page| {
        let latest = clock::now().saturating_add(CLOCK_SKEW).unwrap_or(Timestamp::MAX).as_second();
        synced.page(after, |key, shown| {
            // One that cannot be is due, and says nothing until then.
            if let Some(second) = shown.last_sync.filter(|second| *second <= latest) {
                page.add(&[("namespace", &key.namespace), ("name", &key.name)], second);
            }
            page.has_room()
        })
    });
    let lives = LIVES.map(|(family, time)| {
        let index = Arc::clone(index);
        family.pieces(move |after, page| {
            index.page(after, |key, shown| {
                if let Some(time) = time(shown) {
                    page.add(&[("namespace", &key.namespace), ("name", &key.name)], time.second());
                }
                page.has_room()
            })
        })
    });
    ready.chain(synced).chain(lives.into_iter().flatten())
}

fn of_tenants<K: Send + Sync + 'static>(
    index: &Arc<Index<K>>,
) -> impl Iterator<Item = String> + Send + use<K> {
    let ready = Arc::clone(index);
    let ready = TENANT_IS_READY.pieces(move |after, page| {
        ready.page_of_tenants(after, |name, status| {
            page.add(&[("name", name)], u8::from(condition::is_ready(&status.conditions)));
            page.has_room()
        })
    });
    let lives = TENANT_LIVES.map(|(family, time)| {
        let index = Arc::clone(index);
        family.pieces(move |after, page| {
            index.page_of_tenants(after, |name, status| {
                if let Some(time) = time(status) {
                    page.add(&[("name", name)], time.second());
                }
                page.has_room()
            })
        })
    });
    ready.chain(lives.into_iter().flatten())
}

#[cfg(test)]
mod tests;
