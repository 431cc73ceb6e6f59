//! The words that statuses are made of, as they stand in the text of one.

use crate::domain::tools::short_text::Words;

/// What most statuses have. A word that no status has any more costs nothing but its place.
pub(super) const STATUS: Words = Words::new(&[
    // The fields, in their order.
    "{\"observedGeneration\":",
    ",\"conditions\":[{\"lastTransitionTime\":\"",
    "\"},{\"lastTransitionTime\":\"",
    "\",\"message\":\"",
    "\",\"observedGeneration\":",
    ",\"reason\":\"",
    "\",\"status\":\"True\",\"type\":\"",
    "\",\"status\":\"False\",\"type\":\"",
    "\"}],\"remoteName\":\"",
    "\",\"registries\":[\"",
    "\"],\"credentialsDigest\":\"v1:",
    "\",\"secretResourceVersion\":\"",
    "\",\"aiCoreSecretResourceVersion\":\"",
    "\",\"lastSyncTime\":\"",
    "\",\"nextResyncTime\":\"",
    "\",\"credentialExpiresAt\":\"",
    "\",\"credentialExpiringFrom\":\"",
    "\",\"serviceKeyExpiresAt\":\"",
    "\",\"serviceKeyExpiringFrom\":\"",
    "\",\"lastHandledReconcileAt\":\"",
    // Conditions, and what is said of a resource in sync.
    "Ready",
    "Reconciling",
    "Stalled",
    "Synced",
    "AI Core accepted the credential for ",
    " as docker registry secret \\\"",
]);
