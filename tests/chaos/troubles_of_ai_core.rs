//! What goes wrong in AI Core and its authorization servers.

use std::time::Duration;

use testbed::simulator::{Fault, Matcher, Operation, RetryAfter};
use tokio::time::sleep;

use crate::{
    plan::{Answer, Left, Operations},
    world::World,
};

/// Life of a token ordinarily, and when it is short.
const TOKEN: Duration = Duration::from_secs(7_199);
const SHORT_TOKEN: Duration = Duration::from_secs(2);
/// Room of a tenant ordinarily.
const ROOM: usize = 50;

/// The next so many requests are answered like this, whenever they come in this round.
pub(crate) fn answer(world: &World<'_>, tenant: usize, operations: Operations, answer: Answer, count: usize) {
    world.tenant(tenant).faults().next(count, matcher(operations), fault(answer));
}

pub(crate) async fn hang(world: &World<'_>, tenant: usize, lasting: Duration) {
    let _fault = world.tenant(tenant).faults().lasting(Matcher::any(), Fault::hang());
    sleep(lasting).await;
}

pub(crate) async fn close_door(world: &World<'_>, tenant: usize, lasting: Duration) {
    let tenant = world.tenant(tenant);
    tenant.revoke_tokens();
    let _fault = tenant.faults().lasting(Operation::Token, Fault::status(503));
    sleep(lasting).await;
}

pub(crate) async fn shorten_tokens(world: &World<'_>, tenant: usize, lasting: Duration) {
    let tenant = world.tenant(tenant);
    tenant.configure(|options| options.token_lifetime = SHORT_TOKEN);
    tenant.revoke_tokens();
    sleep(lasting).await;
    tenant.configure(|options| options.token_lifetime = TOKEN);
}

pub(crate) async fn fill(world: &World<'_>, tenant: usize, room: usize, lasting: Duration) {
    let tenant = world.tenant(tenant);
    tenant.configure(|options| options.quota = room);
    sleep(lasting).await;
    tenant.configure(|options| options.quota = ROOM);
}

fn matcher(operations: Operations) -> Matcher {
    match operations {
        Operations::All => Matcher::any(),
        Operations::Token => Operation::Token.into(),
        Operations::Patch => Operation::Patch.into(),
        Operations::Create => Operation::Create.into(),
        Operations::Delete => Operation::Delete.into(),
    }
}

fn fault(answer: Answer) -> Fault {
    let seconds = Duration::from_secs;
    let milliseconds = Duration::from_millis;
    match answer {
        Answer::Status(status) => Fault::status(status),
        Answer::RetrySeconds(wait) => Fault::rate_limited(RetryAfter::Seconds(wait)),
        Answer::RetryDate(wait) => Fault::rate_limited(RetryAfter::HttpDate(seconds(wait))),
        Answer::RetryUtc(wait) => Fault::rate_limited(RetryAfter::UtcDateTime(seconds(wait))),
        Answer::RetryPast => Fault::rate_limited(RetryAfter::PastHttpDate(seconds(60))),
        Answer::RetryPastUtc => Fault::rate_limited(RetryAfter::PastUtcDateTime(seconds(60))),
        Answer::RetryText(text) => Fault::rate_limited(RetryAfter::Text(text)),
        Answer::Page(status) => Fault::html(status, "<html><h1>Service Unavailable</h1></html>"),
        Answer::Echo(status) => Fault::echo(status),
        Answer::Malformed => Fault::malformed_token(),
        Answer::Late(wait) => Fault::latency(milliseconds(wait)),
        Answer::Drip => Fault::drip(milliseconds(60)),
        Answer::Cut => Fault::cut(),
        Answer::CutBody => Fault::cut_in_body(),
        Answer::Hang => Fault::hang(),
        Answer::StoredThen(status) => Fault::status(status).applied(),
        Answer::StoredThenCut => Fault::cut().applied(),
        Answer::StoredThenLate(wait) => Fault::latency(milliseconds(wait)).applied(),
        Answer::GoesOnAlone { by, left } => match left {
            Left::Cut => Fault::cut(),
            Left::TimedOut => Fault::hang(),
            Left::GatewayTimeout => Fault::status(504),
        }
        .applied_after(milliseconds(by)),
    }
}
