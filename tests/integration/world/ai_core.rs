//! What AI Core does and sees.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use testbed::simulator::{Fault, Gate, Journal, Operation, Simulator, Tenant};

use super::{Login, World};
use crate::{cluster::PATIENCE, invariants};

impl World {
    pub(crate) fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    pub(crate) fn simulator(&self) -> &Simulator {
        &self.simulator
    }

    pub(crate) fn api_url(&self) -> String {
        self.tenant.api_url()
    }

    pub(crate) fn authorization_server(&self) -> String {
        self.tenant.authorization_server()
    }

    /// What AI Core is to hold for these logins: its documented form, independent of the operator's code.
    pub(crate) fn payload(entries: &[(&str, Login)]) -> String {
        let auths: BTreeMap<&str, Value> = entries
            .iter()
            .map(|(host, login)| (*host, json!({ "password": login.password(), "username": login.user })))
            .collect();
        json!({ "auths": auths }).to_string()
    }

    pub(crate) fn remote(&self, name: &str) -> Option<String> {
        self.tenant.secrets().remove(name)
    }

    pub(crate) fn preset_remote(&self, name: &str, content: &str) {
        self.tenant.put(name, content);
    }

    pub(crate) fn remove_remote(&self, name: &str) {
        self.tenant.remove(name);
    }

    /// Waits until AI Core holds exactly this.
    pub(crate) async fn wait_remote(&self, name: &str, payload: &str) {
        if self.remote(name).as_deref() == Some(payload) {
            return;
        }
        let journal = self.journal();
        journal.wait_for(|_| self.remote(name).as_deref() == Some(payload), PATIENCE).await.unwrap();
    }

    /// Refuses the client secret and all tokens of before.
    pub(crate) fn rotate_service_key(&self) {
        let new = format!("{}-client-secret$=", invariants::CANARY);
        self.client_secrets.lock().unwrap().push(new.clone());
        self.tenant.rotate_secret(new);
        self.tenant.revoke_tokens();
    }

    pub(crate) fn revoke_tokens(&self) {
        self.tenant.revoke_tokens();
    }

    pub(crate) fn always_answer(&self, operation: Operation, status: u16) {
        self.tenant.faults().always(operation, Fault::status(status));
    }

    pub(crate) fn echo_requests(&self, operation: Operation) {
        self.tenant.faults().always(operation, Fault::echo(400));
    }

    pub(crate) fn clear_faults(&self) {
        self.tenant.faults().clear();
    }

    /// Holds the next request of the kind until the gate is released.
    pub(crate) fn hold_next(&self, operation: Operation) -> Gate {
        let gate = Gate::new();
        self.tenant.faults().next(1, operation, Fault::gate(&gate));
        gate
    }

    // The journal.

    fn journal(&self) -> Journal {
        self.journal.lock().unwrap().clone()
    }

    /// Counts requests from now on.
    pub(crate) fn forget_requests(&self) {
        let mut journal = self.journal.lock().unwrap();
        *journal = journal.from_now();
    }

    /// Writes: operation and status.
    pub(crate) fn writes(&self) -> Vec<(Operation, u16)> {
        self.journal()
            .writes()
            .iter()
            .map(|entry| (entry.operation, entry.status.map_or(0, |status| status.as_u16())))
            .collect()
    }

    pub(crate) fn writes_of(&self, name: &str) -> Vec<(Operation, u16)> {
        let writes = self.journal().writes();
        let own = writes.iter().filter(|entry| entry.name.as_deref() == Some(name));
        own.map(|entry| (entry.operation, entry.status.map_or(0, |status| status.as_u16()))).collect()
    }

    /// Whether the secret was created by these writes: at once, where the tenant's names were asked for because others were about to be
    /// created too, else after a look.
    pub(crate) fn is_creation(writes: &[(Operation, u16)]) -> bool {
        const AT_ONCE: (Operation, u16) = (Operation::Create, 202);
        [&[AT_ONCE][..], &[(Operation::Patch, 404), AT_ONCE]].contains(&writes)
    }

    pub(crate) fn token_requests(&self) -> usize {
        self.journal().token_requests().len()
    }

    pub(crate) fn requests(&self) -> usize {
        self.journal().entries().len()
    }

    pub(crate) fn requests_of(&self, operation: Operation) -> usize {
        self.journal().entries().iter().filter(|entry| entry.operation == operation).count()
    }

    /// What accepted writes carried, in the order in which AI Core had them.
    pub(crate) fn sent_payloads(&self, name: &str) -> Vec<String> {
        let writes = self.journal().writes();
        let own = writes.iter().filter(|entry| entry.applied && entry.name.as_deref() == Some(name));
        own.filter_map(|entry| entry.payload.as_ref().map(|payload| payload.expose().to_owned())).collect()
    }

    /// Waits for so many requests of the kind.
    pub(crate) async fn wait_requests(&self, operation: Operation, count: usize) {
        let mut seen = 0;
        let journal = self.journal();
        let enough = journal.wait_for(
            |entry| {
                seen += usize::from(entry.operation == operation);
                seen >= count
            },
            PATIENCE,
        );
        enough.await.unwrap();
    }

    /// Times between requests of the kind.
    pub(crate) fn gaps_between(&self, operation: Operation) -> Vec<Duration> {
        let entries = self.journal().entries();
        let times: Vec<_> =
            entries.iter().filter(|entry| entry.operation == operation).map(|entry| entry.received).collect();
        times.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    /// The most requests for one secret that were ever under way at once.
    pub(crate) fn most_at_once(&self, name: &str) -> usize {
        self.tenant.concurrency_of(name).max
    }
}
