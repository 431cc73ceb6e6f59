//! What stands behind requests: a decision that was made a while ago, and may not hold any more when a request is about to go out.

use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

/// A decision to change something in AI Core. It is asked right before each request, and while a pass waits in between.
pub(crate) trait Mandate: Send + Sync {
    /// Whether what was decided is still to be done, by all that is known at this moment.
    fn stands(&self) -> bool;

    /// Waits until it does not stand any more, as soon as that is heard of.
    fn withdrawn(&self) -> BoxFuture<'_, ()>;

    /// The namespace on whose account requests are: others share the tenant's rate with it.
    fn namespace(&self) -> &str;

    /// Cancelled when the process is about to end: from then on nothing waits for its turn any more.
    fn ending(&self) -> &CancellationToken;
}

/// Waits until nothing more is to be sent: what was decided is not to be done any more, or the process is about to end. What waits
/// for something before a request waits for this, too.
pub(crate) async fn over(mandate: &dyn Mandate) {
    tokio::select! {
        () = mandate.withdrawn() => {}
        () = mandate.ending().cancelled() => {}
    }
}

/// Leave to send one request to AI Core. Only a mandate gives it, and making the request uses it up, so that none can be made
/// without a look at the mandate: not the second one of a pass either, nor one that is repeated.
#[must_use]
pub(super) struct Leave(());

impl Leave {
    /// Leave, if the mandate stands. What is asked now is old after the next wait.
    pub(super) fn by(mandate: &dyn Mandate) -> Option<Self> {
        mandate.stands().then_some(Self(()))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A mandate that stands until it is withdrawn.
    #[derive(Default)]
    pub(in crate::aicore) struct Withdrawable {
        withdrawn: CancellationToken,
        ending: CancellationToken,
    }

    impl Withdrawable {
        pub(in crate::aicore) fn withdraw(&self) {
            self.withdrawn.cancel();
        }

        pub(in crate::aicore) fn end(&self) {
            self.ending.cancel();
        }
    }

    impl Mandate for Withdrawable {
        fn stands(&self) -> bool {
            !self.withdrawn.is_cancelled()
        }

        fn withdrawn(&self) -> BoxFuture<'_, ()> {
            Box::pin(self.withdrawn.cancelled())
        }

        fn namespace(&self) -> &'static str {
            "ns"
        }

        fn ending(&self) -> &CancellationToken {
            &self.ending
        }
    }

    #[test]
    fn leave_is_given_while_the_mandate_stands() {
        let mandate = Withdrawable::default();
        assert!(Leave::by(&mandate).is_some());
        mandate.withdraw();
        assert!(Leave::by(&mandate).is_none());
    }
}
