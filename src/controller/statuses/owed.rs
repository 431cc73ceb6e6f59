//! The metric of the statuses that the API server has not taken.

use std::{fmt, sync::Arc};

use prometheus_client::{collector::Collector, encoding::DescriptorEncoder};

use super::Statuses;
use crate::{controller::adapters::Kubernetes, metrics::encode_gauge};

/// Counts them when it is read.
pub(in crate::controller) struct Owed<K, C>(pub(in crate::controller) Arc<Statuses<K, C>>);

impl<K, C> fmt::Debug for Owed<K, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Owed")
    }
}

impl<K: Kubernetes, C: Send + Sync + 'static> Collector for Owed<K, C> {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        #[expect(clippy::cast_precision_loss, reason = "there are never 2^52 resources")]
        let refused = self.0.refused() as f64;
        let help = "Resources whose newest status the API server has not taken; their credentials are pushed all the same.";
        encode_gauge(&mut encoder, "statuses_unwritten", help, refused)
    }
}
