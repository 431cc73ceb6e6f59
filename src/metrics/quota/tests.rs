use super::*;
use crate::metrics::series::PAGE;

fn tenant(name: &str) -> Arc<Tenant> {
    Arc::new(Tenant {
        api_url: format!("https://api.{name}"),
        authorization_server: "https://auth".to_owned(),
    })
}

fn text(quotas: &Arc<Quotas>) -> String {
    pieces(quotas)().collect()
}

#[test]
fn the_series_of_a_tenant_go_with_the_last_who_is_connected() {
    let quotas = Arc::new(Quotas::default());
    let (one, same, other) =
        (quotas.hold(&tenant("a")), quotas.hold(&tenant("a")), quotas.hold(&tenant("b")));
    assert_eq!(text(&quotas), "", "nobody was asked yet");
    one.tell(49, 50);
    other.tell(0, u64::MAX);
    same.tell(50, 50);
    let all = text(&quotas);
    let row = |metric: &str, name: &str, value: u64| {
        format!("aicore_registry_{metric}{{tenant=\"https://api.{name} (https://auth)\"}} {value}\n")
    };
    for row in [
        row("quota_used", "a", 50),
        row("quota_limit", "a", 50),
        row("quota_used", "b", 0),
        row("quota_limit", "b", u64::MAX),
    ] {
        assert!(all.contains(&row), "{row}: {all}");
    }
    drop(one);
    assert!(text(&quotas).contains("api.a"));
    drop(same);
    assert!(!text(&quotas).contains("api.a") && text(&quotas).contains("api.b"));
    drop(other);
    assert!(quotas.0.lock().is_empty());
    let again = quotas.hold(&tenant("a"));
    assert_eq!(text(&quotas), "", "what is gone is not remembered");
    drop(again);
}

#[test]
fn many_tenants_are_written_in_pages() {
    let quotas = Arc::new(Quotas::default());
    let held: Vec<TenantQuota> =
        (0..=PAGE).map(|number| quotas.hold(&tenant(&format!("{number:04}")))).collect();
    held.iter().for_each(|quota| quota.tell(1, 2));
    let pieces: Vec<String> = pieces(&quotas)().collect();
    let lines: Vec<usize> = pieces.iter().map(|piece| piece.lines().count()).collect();
    assert_eq!(lines, [PAGE + 2, 1, PAGE + 2, 1]);
}

#[test]
fn a_label_is_short_and_no_two_tenants_share_one() {
    assert_eq!(label("https://api"), "https://api");
    let same_beginning = |end: &str| format!("https://api/{}{end}", "ä".repeat(5000));
    let labels = [same_beginning("1"), same_beginning("2"), same_beginning("1")];
    let labels = labels.each_ref().map(|tenant| label(tenant));
    assert!(labels.iter().all(|label| (LABEL_LIMIT - 2..=LABEL_LIMIT).contains(&label.len())), "{labels:?}");
    assert!(labels[0] != labels[1] && labels[0] == labels[2]);
    let longest = "a".repeat(LABEL_LIMIT);
    assert_eq!(label(&longest), longest);
    assert_ne!(label(&format!("{longest}a")), format!("{longest}a"));
}
