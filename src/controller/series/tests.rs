use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::*;
use crate::{
    api::{AICoreRegistrySecretStatus, condition::READY},
    domain::{
        parse::{
            object::{Object, ObjectKey},
            tenant::SharedTenant,
        },
        testing::{
            LAST_SYNC as SYNCED, a_new_status, a_shared_tenant, a_status_in_sync, at, condition, object_named,
        },
    },
    metrics::series::PAGE,
};

type TestIndex = Index<u32>;

fn object(number: usize) -> Object {
    object_named(&format!("r{number:05}"), 1)
}

/// So many resources; every third was never accepted.
fn index_of(count: usize) -> Arc<TestIndex> {
    let index = TestIndex::default();
    for number in 0..count {
        let status = if number % 3 == 0 { a_new_status() } else { a_status_in_sync() };
        index.apply_resource(object(number), status);
    }
    Arc::new(index)
}

fn exposed(index: &Arc<TestIndex>) -> Vec<String> {
    pieces(index, Leadership::always())().collect()
}

fn labels(key: &ObjectKey) -> String {
    format!("{{namespace=\"{}\",name=\"{}\"}}", key.namespace, key.name)
}

#[test]
fn each_resource_is_in_each_family_once() {
    let count = PAGE * 2 + 7;
    let text = exposed(&index_of(count)).concat();
    let rows: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let unique: BTreeSet<&str> = rows.iter().copied().collect();
    assert_eq!((rows.len(), unique.len()), (count + count - count.div_ceil(3), rows.len()));
    for number in 0..count {
        let labels = labels(&object(number).key);
        let synced = number % 3 != 0;
        let ready = format!("aicore_registry_resource_ready{labels} {}", u8::from(synced));
        assert!(unique.contains(&*ready), "{ready}");
        let time = format!("aicore_registry_resource_last_sync_timestamp_seconds{labels} {SYNCED}");
        assert_eq!(unique.contains(&*time), synced, "{time}");
    }
    // What is of one family stands together.
    let families: Vec<&str> = rows.iter().map(|row| row.split('{').next().unwrap()).collect();
    assert_eq!(families.chunk_by(|one, other| one == other).count(), 2);
}

/// What a scrape does at once has a bound, and what it does not yet do it does not keep: the index can change in between.
#[test]
fn a_piece_is_a_page_and_the_index_may_change_between_two() {
    let count = PAGE * 4;
    let index = index_of(count);
    let mut scrape = pieces(&index, Leadership::always())();
    let first = scrape.next().unwrap();
    assert_eq!(first.lines().count(), PAGE + 2, "a page and the head of the family");
    let (last, ahead, after) = (object(PAGE - 1), object(PAGE), object(PAGE + 1));
    index.remove_resource(&last.key);
    index.remove_resource(&ahead.key);
    let fresh = object_named("r00256-new", 1);
    index.apply_resource(fresh.clone(), a_new_status());
    let rest: Vec<String> = scrape.collect();
    assert!(rest.iter().all(|piece| piece.lines().count() <= PAGE + 3), "each is a page at most");
    let ready: String = rest.into_iter().take_while(|piece| !piece.contains("last_sync")).collect();
    assert!(!ready.contains(&labels(&last.key)) && !ready.contains(&labels(&ahead.key)));
    assert!(ready.contains(&labels(&after.key)) && ready.contains(&labels(&fresh.key)));
    assert_eq!(ready.lines().count(), count - PAGE - 1 + 1);
}

/// Where nothing ends there is no series, and where something does it has the time of it.
#[test]
fn what_ends_has_series_of_its_own() {
    let index = index_of(3);
    assert!(!exposed(&index).concat().contains("expir"));
    let ends = |second| Moment::of(Timestamp::from_second(second).unwrap());
    let mortal = AICoreRegistrySecretStatus {
        credential_expires_at: ends(SYNCED + 100),
        credential_expiring_from: ends(SYNCED + 80),
        service_key_expires_at: ends(SYNCED + 200),
        service_key_expiring_from: ends(SYNCED + 160),
        ..a_status_in_sync()
    };
    index.apply_resource(object_named("mortal", 1), mortal);
    let text = exposed(&index).concat();
    let rows: Vec<&str> =
        text.lines().filter(|line| line.contains("expir") && !line.starts_with('#')).collect();
    let row = |name: &str, after: i64| {
        format!(
            "aicore_registry_{name}_timestamp_seconds{{namespace=\"ns\",name=\"mortal\"}} {}",
            SYNCED + after
        )
    };
    let expected = [
        row("credential_expiration", 100),
        row("credential_expiring_from", 80),
        row("service_key_expiration", 200),
        row("service_key_expiring_from", 160),
    ];
    assert_eq!(rows, expected);
    index.remove_resource(&object_named("mortal", 1).key);
    assert!(!exposed(&index).concat().contains("expir"));
}

/// A key that many resources share is one series.
#[test]
fn tenants_have_series_of_their_own() {
    let index = index_of(0);
    index.serve_tenants();
    let ends = |second| Moment::of(Timestamp::from_second(second).unwrap());
    let count = PAGE + 3;
    for number in 0..count {
        let tenant = SharedTenant { name: format!("t{number:05}").into(), ..a_shared_tenant(&["*"], None) };
        let mut status = AICoreTenantStatus::default();
        if number == 7 {
            status.conditions.push(condition(READY, "True", "Valid"));
            status.service_key_expires_at = ends(SYNCED + 200);
            status.service_key_expiring_from = ends(SYNCED + 160);
        }
        index.apply_tenant(tenant, status);
    }
    let text = exposed(&index).concat();
    let ready: Vec<&str> =
        text.lines().filter(|line| line.starts_with("aicore_registry_tenant_ready{")).collect();
    assert_eq!(ready.len(), count);
    assert_eq!(
        ready.iter().filter(|line| line.ends_with(" 1")).collect::<Vec<_>>(),
        [&"aicore_registry_tenant_ready{name=\"t00007\"} 1"]
    );
    let ends: Vec<&str> =
        text.lines().filter(|line| line.contains("expir") && !line.starts_with('#')).collect();
    let row = |name: &str, after: i64| {
        format!("aicore_registry_tenant_{name}_timestamp_seconds{{name=\"t00007\"}} {}", SYNCED + after)
    };
    assert_eq!(ends, [row("service_key_expiration", 200), row("service_key_expiring_from", 160)]);
    index.remove_tenant("t00007");
    let text = exposed(&index).concat();
    assert!(!text.contains("t00007") && !text.contains("expir"));
}

/// A wrong clock has written it; the push that is due replaces it.
#[test]
fn a_push_in_the_future_is_in_no_series() {
    let index = TestIndex::default();
    let now = clock::now().as_second();
    for (number, last) in [now + 30, now + 3600, 4_000_000_000].into_iter().enumerate() {
        let status =
            AICoreRegistrySecretStatus { last_sync_time: Some(Time(at(last))), ..a_status_in_sync() };
        index.apply_resource(object(number), status);
    }
    let text = exposed(&Arc::new(index)).concat();
    let rows = text.lines().filter(|line| line.starts_with("aicore_registry_resource_last_sync"));
    assert_eq!(rows.count(), 1, "{text}");
}

#[test]
fn series_go_with_their_resource() {
    let index = index_of(2);
    assert!(exposed(&index).concat().contains(&labels(&object(1).key)));
    index.remove_resource(&object(1).key);
    let text = exposed(&index).concat();
    assert!(!text.contains(&labels(&object(1).key)) && text.contains(&labels(&object(0).key)));
    index.remove_resource(&object(0).key);
    assert_eq!(exposed(&index).concat(), "");
}
