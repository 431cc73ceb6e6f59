use super::*;

fn text(metrics: &Metrics) -> String {
    metrics.exposition().unwrap().collect()
}

/// A server can answer with each of 900 codes.
#[test]
fn the_number_of_series_does_not_grow_with_what_servers_answer() {
    let metrics = Metrics::new();
    for code in 100..1000 {
        let code = code.to_string();
        metrics.remote_request("PATCH", &code, Duration::ZERO);
        metrics.token_request(&code);
    }
    metrics.token_request("none");
    let text = text(&metrics);
    for family in ["remote_requests_total", "token_requests_total"] {
        let series: Vec<&str> =
            text.lines().filter(|line| line.starts_with(&format!("{PREFIX}_{family}{{"))).collect();
        assert!((60..80).contains(&series.len()), "{}: {series:?}", series.len());
        let count = |code: &str| {
            let label = format!("code=\"{code}\"");
            let line = series.iter().find(|line| line.contains(&label)).unwrap();
            line.rsplit(' ').next().unwrap().parse::<u32>().unwrap()
        };
        assert_eq!((count("200"), count("401"), count("9xx")), (1, 1, 100));
        assert!(count("2xx") > 80, "queries for 2.. find it");
    }
    assert!(text.contains("token_requests_total{code=\"none\"} 1\n"), "{text}");
}

#[test]
fn what_has_many_series_comes_before_the_end_and_after_the_rest() {
    let metrics = Metrics::new();
    metrics.register_series(|| Box::new(["# TYPE many gauge\n", "many 1\n"].map(str::to_owned).into_iter()));
    let text = text(&metrics);
    assert!(text.starts_with("# HELP aicore_registry_"), "{text}");
    assert!(text.ends_with("# TYPE many gauge\nmany 1\n# EOF\n"), "{text}");
    assert_eq!(text.matches("# EOF").count(), 1);
}
