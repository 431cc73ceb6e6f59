//! What a request meets.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};

use crate::simulator::Gate;

/// What the proxy does with a request.
#[derive(Clone, Debug)]
pub struct Action {
    /// Before anything else.
    pub(super) gate: Option<Gate>,
    pub(super) delay: Duration,
    pub(super) travel: Travel,
}

#[derive(Clone, Debug)]
pub(super) enum Travel {
    /// To the API server and back.
    Pass,
    /// Answered here.
    Answer(StatusCode, Value),
    /// The connection ends without an answer; the API server is not asked.
    Cut,
    /// The API server has acted, and the connection ends without an answer.
    CutAnswer,
    /// The API server acts, and its answer comes so much later.
    Late(Duration),
    /// After so many bytes of the answer's body the connection ends.
    CutAfter(usize),
    /// The API server is asked; of its answer the head passes, and nothing more.
    Silence,
    /// Nothing ever comes; the API server is not asked.
    Hang,
}

impl Action {
    fn travelling(travel: Travel) -> Self {
        Self { gate: None, delay: Duration::ZERO, travel }
    }

    /// Passed on, for what [`Action::through`] or [`Action::delayed`] adds.
    #[must_use]
    pub fn pass() -> Self {
        Self::travelling(Travel::Pass)
    }

    /// Passed on once `gate` lets it.
    #[must_use]
    pub fn hold(gate: &Gate) -> Self {
        Self::pass().through(gate)
    }

    /// Answered with a status object of this code, as the API server refuses.
    ///
    /// # Panics
    ///
    /// When there is no such code.
    #[must_use]
    pub fn refuse(code: u16) -> Self {
        let reason = match code {
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "NotFound",
            409 => "Conflict",
            410 => "Expired",
            429 => "TooManyRequests",
            _ => "InternalError",
        };
        let status = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": format!("refused by the test's proxy with {code}"), "reason": reason, "code": code });
        Self::answer(code, status)
    }

    /// Answered with this JSON.
    ///
    /// # Panics
    ///
    /// When there is no such code.
    #[must_use]
    pub fn answer(code: u16, body: Value) -> Self {
        Self::travelling(Travel::Answer(StatusCode::from_u16(code).expect("a status of HTTP"), body))
    }

    /// The connection ends at once. The API server is not asked.
    #[must_use]
    pub fn cut() -> Self {
        Self::travelling(Travel::Cut)
    }

    /// The API server acts, and the connection ends without its answer.
    #[must_use]
    pub fn cut_answer() -> Self {
        Self::travelling(Travel::CutAnswer)
    }

    /// The API server acts at once, and its answer comes late.
    #[must_use]
    pub fn late(delay: Duration) -> Self {
        Self::travelling(Travel::Late(delay))
    }

    /// The connection ends after so many bytes of the answer's body.
    #[must_use]
    pub fn cut_after(bytes: usize) -> Self {
        Self::travelling(Travel::CutAfter(bytes))
    }

    /// The answer begins and never goes on: a watch that is deaf.
    #[must_use]
    pub fn silence() -> Self {
        Self::travelling(Travel::Silence)
    }

    /// Never answered: a half-open connection. The API server is not asked.
    #[must_use]
    pub fn hang() -> Self {
        Self::travelling(Travel::Hang)
    }

    /// Waits at `gate` first.
    #[must_use]
    pub fn through(mut self, gate: &Gate) -> Self {
        self.gate = Some(gate.clone());
        self
    }

    /// Waits so long first.
    #[must_use]
    pub fn delayed(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}
