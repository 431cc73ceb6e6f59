//! A status as it is read back. The operator writes it, but the schema admits what no version of it writes (a time beyond all
//! calendars), and another version may write what this one does not know: what cannot be read counts as absent, and the rest is
//! kept.

use std::iter;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    api::{AICoreRegistrySecretStatus, UnansweredWrite},
    domain::{parse::bounds, tools::time::whole_seconds},
};

/// The status, field by field and condition by condition as far as it can be read, cut to its bounds.
#[must_use]
pub(crate) fn read(status: Value) -> AICoreRegistrySecretStatus {
    if !status.is_object() {
        return AICoreRegistrySecretStatus::default();
    }
    let read = AICoreRegistrySecretStatus::deserialize(&status).unwrap_or_else(|_| readable_part(status));
    bounds::status(in_whole_seconds(read))
}

/// As times are written, so that what is written and seen again is no change.
fn in_whole_seconds(mut status: AICoreRegistrySecretStatus) -> AICoreRegistrySecretStatus {
    let conditions = status.conditions.iter_mut().map(|condition| &mut condition.last_transition_time);
    let pushes = [&mut status.last_sync_time, &mut status.next_resync_time].into_iter().flatten();
    let attempt = status.failed_attempt.iter_mut().map(|attempt| &mut attempt.retry_time);
    let write = status.unanswered_write.iter_mut().flat_map(|write| {
        let UnansweredWrite { time, confirmation_time, .. } = &mut **write;
        iter::once(time).chain(confirmation_time)
    });
    for time in conditions.chain(pushes).chain(attempt).chain(write) {
        *time = whole_seconds(time.0);
    }
    status
}

fn readable_part(mut status: Value) -> AICoreRegistrySecretStatus {
    if let Some(Value::Array(conditions)) = status.get_mut("conditions") {
        conditions.retain(|condition| Condition::deserialize(condition).is_ok());
    }
    if let Value::Object(fields) = &mut status {
        fields.retain(|name, value| {
            let alone = Map::from_iter([(name.clone(), value.clone())]);
            AICoreRegistrySecretStatus::deserialize(&Value::Object(alone)).is_ok()
        });
    }
    AICoreRegistrySecretStatus::deserialize(&status).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::domain::testing::a_status_in_sync;

    /// A time of the calendar, and none that can be counted with.
    const BEYOND: &str = "9999-12-31T23:59:59Z";

    #[rstest]
    #[case::next_resync("nextResyncTime", json!(BEYOND))]
    #[case::last_sync("lastSyncTime", json!(BEYOND))]
    #[case::no_time("lastSyncTime", json!("yesterday"))]
    #[case::generation("observedGeneration", json!("hunter2"))]
    #[case::registries("registries", json!([1]))]
    #[case::conditions("conditions", json!({}))]
    #[case::no_conditions("conditions", json!(null))]
    #[case::api_url("apiURL", json!(["x"]))]
    fn a_field_that_cannot_be_read_counts_as_absent(#[case] field: &str, #[case] value: Value) {
        let good = serde_json::to_value(a_status_in_sync()).unwrap();
        assert_eq!(read(good.clone()), a_status_in_sync());
        let (mut broken, mut absent) = (good.clone(), good);
        broken[field] = value;
        absent.as_object_mut().unwrap().remove(field).unwrap();
        let kept = read(broken);
        assert_eq!(kept, serde_json::from_value(absent).unwrap());
        assert_ne!(kept, AICoreRegistrySecretStatus::default());
    }

    #[test]
    fn what_is_finer_than_a_second_is_cut_off() {
        let good = serde_json::to_value(a_status_in_sync()).unwrap();
        let mut fine = good.clone();
        let finer = |time: &mut Value| *time = json!(time.as_str().unwrap().replace('Z', ".987Z"));
        finer(&mut fine["lastSyncTime"]);
        finer(&mut fine["nextResyncTime"]);
        finer(&mut fine["conditions"][0]["lastTransitionTime"]);
        assert_ne!(fine, good);
        assert_eq!(read(fine), a_status_in_sync());
    }

    #[test]
    fn of_the_conditions_only_the_unreadable_are_left_out() {
        let mut status = serde_json::to_value(a_status_in_sync()).unwrap();
        let conditions = status["conditions"].as_array_mut().unwrap();
        let mut broken = conditions[0].clone();
        broken["type"] = json!("Stalled");
        broken["lastTransitionTime"] = json!(BEYOND);
        conditions.insert(0, broken);
        status["nextResyncTime"] = json!(BEYOND);
        let expected = AICoreRegistrySecretStatus { next_resync_time: None, ..a_status_in_sync() };
        assert_eq!(read(status), expected);
    }

    #[test]
    fn what_is_no_object_is_no_status() {
        for status in [json!(null), json!("hunter2"), json!([1])] {
            assert_eq!(read(status), AICoreRegistrySecretStatus::default());
        }
    }
}
