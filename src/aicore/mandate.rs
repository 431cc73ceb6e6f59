//! What stands behind requests: a decision that was made a while ago, and may not hold any more when a request is about to go out.

use tokio_util::sync::CancellationToken;

/// A decision to change something in AI Core. It is asked right before each request, and while a pass waits in between.
pub(crate) trait Mandate: Send + Sync {
    /// Whether what was decided is still to be done, by all that is known at this moment.
    fn stands(&self) -> bool;

    /// Cancelled when the process is about to end: from then on nothing waits for its turn any more.
    fn ending(&self) -> &CancellationToken;
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
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    /// A mandate that stands until it is withdrawn.
    #[derive(Default)]
    pub(in crate::aicore) struct Withdrawable {
        withdrawn: AtomicBool,
        ending: CancellationToken,
    }

    impl Withdrawable {
        pub(in crate::aicore) fn withdraw(&self) {
            self.withdrawn.store(true, Ordering::SeqCst);
        }

        pub(in crate::aicore) fn end(&self) {
            self.ending.cancel();
        }
    }

    impl Mandate for Withdrawable {
        fn stands(&self) -> bool {
            !self.withdrawn.load(Ordering::SeqCst)
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
