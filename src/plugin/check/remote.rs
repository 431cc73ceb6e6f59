//! Asks AI Core about a case. Nothing is changed there.

use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::{
    doctor::{Examined, TOKEN},
    findings::Finding,
};
use crate::{
    aicore::{
        Insistence,
        error::Error,
        mandate::Mandate,
        session::{Session, Unfinished},
    },
    api::CreationPolicy,
};

/// A person waits for the answers, and ends the program when they are not wanted any more.
#[derive(Default)]
struct Asked {
    ending: CancellationToken,
}

impl Mandate for Asked {
    fn stands(&self) -> bool {
        true
    }

    fn withdrawn(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::pending())
    }

    fn namespace(&self) -> &'static str {
        // Nobody else is about to send anything.
        ""
    }

    fn ending(&self) -> &CancellationToken {
        &self.ending
    }
}

pub(super) async fn ask(examined: &Examined) -> Vec<Finding> {
    const PART: &str = "AI Core";
    let Some((holder, connection)) = &examined.connection else {
        let why = if examined.has_service_key {
            "not asked, because there is no usable service key"
        } else {
            "not asked, because the service key was not read"
        };
        let note = Finding::unchecked(PART, why);
        return if examined.has_service_key || examined.remote_name.is_some() {
            vec![note]
        } else {
            Vec::new()
        };
    };
    let failed = |part, unfinished| match unfinished {
        Unfinished::Failed { error, .. } => Finding::wrong(part, error.message(holder)),
        Unfinished::Withdrawn { .. } => Finding::unchecked(part, "not asked"),
    };
    let asked = Asked::default();
    let mut session = Session::new(connection, Insistence::Forced, &asked);
    let mut findings = match connection.authorize(Insistence::Forced).await.result {
        Ok(()) => {
            let how = examined.token.as_deref().unwrap_or("although the certificate is out of date here");
            vec![Finding::ok(TOKEN, format!("got one {how}"))]
        }
        Err(error) => return vec![failed(TOKEN, error.into())],
    };
    let mut exists = true;
    if let Some(name) = &examined.remote_name {
        exists = match session.exists(name).await {
            Ok(exists) => exists,
            // What refused this refuses the rest too.
            Err(unfinished) => {
                findings.push(failed(PART, unfinished));
                return findings;
            }
        };
        findings.push(match (exists, examined.creation_policy) {
            (true, _) => Finding::ok(PART, format!("it has a docker registry secret {:?}", name.as_str())),
            (false, CreationPolicy::IfMissing) => Finding::ok(
                PART,
                format!("it has no docker registry secret {:?} yet; the operator creates it", name.as_str()),
            ),
            (false, CreationPolicy::Never) => failed(PART, Error::Missing { name: name.to_string() }.into()),
        });
    }
    findings.push(match session.quota().await {
        // A full quota is in the way only of what has to be created.
        Ok(Some((used, limit))) if used >= limit && !exists => {
            failed(PART, Error::QuotaExceeded { used, limit }.into())
        }
        Ok(Some((used, limit))) => {
            Finding::ok("quota", format!("{used} of {limit} docker registry secrets are used"))
        }
        Ok(None) => Finding::note("quota", "AI Core's answer does not say how much of it is used"),
        Err(unfinished) => failed("quota", unfinished),
    });
    findings
}
