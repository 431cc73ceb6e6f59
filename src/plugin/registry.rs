//! `check --registry`: tries a credential at its registry, from this machine, without pulling anything.
//!
//! [`attempts`] says what is tried where, [`conversation`] what is asked and what the answers mean, [`realm`] who may be asked
//! besides the registry; [`http`] sends the requests, and [`verdict`] says what came of them. The operator has nothing of this:
//! it needs no way to a registry.

mod attempts;
mod challenge;
mod conversation;
mod http;
mod image;
mod realm;
mod server;
mod verdict;

use std::collections::{BTreeMap, HashMap};

use futures::{StreamExt, stream};
use tokio::time::{Instant, timeout_at};

use self::{
    attempts::{Attempt, LoginId, Plan, Stray},
    conversation::Conversation,
    http::{Http, Limits},
    image::{BadImage, Image},
    realm::TokenHost,
    server::Server,
    verdict::{Report, Sentence, Verdict, Why},
};
use super::{Failed, check::Finding, cli::CheckArgs};
use crate::{aicore::way::Proxies, domain::parse::docker_config::Payload};

/// The part of a finding.
pub(super) const PART: &str = "registry";
/// Most logins that are tried by one command.
const MAX_ATTEMPTS: usize = 50;
/// How many hosts are asked at a time; each of them is asked one thing at a time.
const AT_A_TIME: usize = 8;

/// All registries that one command asks, and what they said.
pub(super) struct Registries {
    http: Http,
    image: Option<Image>,
    token_hosts: Vec<TokenHost>,
}

impl Registries {
    /// None when no registry is to be asked.
    pub(super) fn of(args: &CheckArgs, extra_roots_pem: Option<&[u8]>) -> Result<Option<Self>, Failed> {
        let Some(image) = &args.registry else { return Ok(None) };
        if let (true, Some(name)) =
            (image.is_empty(), args.name.as_deref().filter(|name| name.contains(['/', ':'])))
        {
            return Err(Failed::usage(format_args!(
                "{name} is not the name of a resource; an image follows --registry with '=', as in --registry=acme/app:1.2"
            )));
        }
        let image =
            image.first().map(|image| image.parse::<Image>()).transpose().map_err(|why: BadImage| {
                Failed::usage(format_args!("--registry does not name an image such as acme/app:1.2: {why}"))
            })?;
        let token_hosts = args.registry_token_hosts.iter().map(|pair| pair.parse());
        let token_hosts = token_hosts.collect::<Result<_, _>>().map_err(|why: realm::BadTokenHost| {
            Failed::usage(format_args!("--registry-token-host: {why}"))
        })?;
        let proxies = Proxies::from_environment(|name| std::env::var(name).ok()).map_err(Failed::unusable)?;
        let http = Http::new(extra_roots_pem, proxies, Limits::default()).map_err(Failed::unusable)?;
        Ok(Some(Self::new(http, image, token_hosts)))
    }

    fn new(http: Http, image: Option<Image>, token_hosts: Vec<TokenHost>) -> Self {
        Self { http, image, token_hosts }
    }

    /// What the registries of each credential say to it. All credentials of a command are judged together, so that each login is
    /// sent once to each host.
    pub(super) async fn judge(&self, payloads: &[&Payload]) -> Vec<Vec<Finding>> {
        let plans: Vec<Plan> =
            payloads.iter().map(|payload| attempts::plan(payload, self.image.as_ref())).collect();
        let reports = self.ask_each_once(&plans).await;
        plans.into_iter().map(|plan| self.findings(plan, &reports)).collect()
    }

    /// What came of each login, and for which image. Those for which there is no room are missing.
    async fn ask_each_once(&self, plans: &[Plan]) -> HashMap<LoginId, (Option<Image>, Report)> {
        let mut with_image: HashMap<LoginId, &Attempt> = HashMap::new();
        let mut order: Vec<LoginId> = Vec::new();
        for attempt in plans.iter().flat_map(|plan| &plan.attempts) {
            let chosen = with_image.entry(attempt.id).or_insert_with(|| {
                order.push(attempt.id);
                attempt
            });
            if chosen.image.is_none() {
                *chosen = attempt;
            }
        }
        let mut by_server: BTreeMap<&Server, Vec<&Attempt>> = BTreeMap::new();
        for attempt in order.iter().take(MAX_ATTEMPTS).filter_map(|id| with_image.get(id).copied()) {
            by_server.entry(&attempt.server).or_default().push(attempt);
        }
        let deadline = Instant::now() + self.http.limits().total;
        let asked = stream::iter(by_server.into_values().map(|attempts| self.ask_all(attempts, deadline)));
        asked.buffer_unordered(AT_A_TIME).flat_map(stream::iter).collect().await
    }

    fn findings(&self, plan: Plan, reports: &HashMap<LoginId, (Option<Image>, Report)>) -> Vec<Finding> {
        let mut findings: Vec<Finding> = Vec::new();
        if let (Some(stray), Some(image)) = (plan.stray, &self.image) {
            findings.push(Finding::unchecked(PART, stray.in_words(image)));
        }
        let too_many = (None, Report::unknown(Why::TooMany));
        for attempt in &plan.attempts {
            let (image, report) = reports.get(&attempt.id).unwrap_or(&too_many);
            findings.push(finding(report, &attempt.entries, Some(&attempt.server), image.as_ref()));
        }
        for (entry, why) in plan.unaskable {
            findings.push(finding(&Report::unknown(Why::Unaskable(why)), &[entry], None, None));
        }
        for entry in plan.unsendable {
            findings.push(finding(&Report::unknown(Why::ColonInUserName), &[entry], None, None));
        }
        findings
    }

    /// All logins of one host, one after the other.
    async fn ask_all(
        &self,
        attempts: Vec<&Attempt>,
        deadline: Instant,
    ) -> Vec<(LoginId, (Option<Image>, Report))> {
        let mut reports: Vec<(LoginId, (Option<Image>, Report))> = Vec::new();
        for attempt in attempts {
            let of_host =
                reports.last().map(|(_, (_, report))| report).filter(|last| last.is_about_the_host());
            let report = match of_host {
                Some(report) => report.clone(),
                None => match timeout_at(deadline, self.ask(attempt)).await {
                    Ok(report) => report,
                    Err(_) => Report::unknown(Why::OutOfTime),
                },
            };
            reports.push((attempt.id, (attempt.image.clone(), report)));
        }
        reports
    }

    async fn ask(&self, attempt: &Attempt) -> Report {
        let mut conversation = Conversation::new(&attempt.server, attempt.image.as_ref(), &self.token_hosts);
        loop {
            let ask = match conversation.next() {
                Ok(ask) => ask,
                Err(report) => return report,
            };
            conversation = match self.http.ask(ask, &attempt.login).await {
                Ok(answer) => conversation.hear(&answer),
                Err(why) => return conversation.give_up(why),
            };
        }
    }
}

impl Stray {
    fn in_words(self, image: &Image) -> String {
        let name = image.name();
        match self {
            Self::OfNoEntry => {
                format!(
                    "{name} is not asked for: the credential has no entry for it; name an image of one of its registries"
                )
            }
            Self::OfUnknownRegistry => format!(
                "{name} is not asked for: the credential has entries for several registries; write the image's with it, as in \
                 ghcr.io/acme/app:1.2"
            ),
        }
    }
}

fn finding(report: &Report, entries: &[String], server: Option<&Server>, image: Option<&Image>) -> Finding {
    let sentence = Sentence { report, entries: entries.join(", "), server, image };
    match report.verdict {
        Verdict::Accepted => Finding::ok(PART, sentence.to_string()),
        Verdict::Rejected(..) => Finding::wrong(PART, sentence),
        Verdict::Unknown(_) => Finding::unchecked(PART, sentence.to_string()),
    }
}

#[cfg(test)]
mod tests;
