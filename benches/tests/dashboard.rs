//! The picture of the dashboard shows every panel that Grafana would, within its place. No cluster is needed.

use std::{collections::BTreeMap, fs, path::PathBuf};

use bench::dashboard::{
    self,
    canvas::{escape, measure},
    model::{Dashboard, Panel},
    questions::{self, Window},
    series::{Answers, Series},
};

const WINDOW: Window =
    Window { start: 1_764_000_000_000, end: 1_764_000_300_000, step: 2000, rate_interval: 15_000 };

fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn shipped() -> String {
    fs::read_to_string(repository("deploy/grafana/dashboard.json")).unwrap()
}

/// `count` series for each query, with gaps, and with names that are longer than any panel.
fn made_up(dashboard: &Dashboard, count: usize) -> Answers {
    let mut answers = Answers::default();
    for asked in questions::of(dashboard, &WINDOW).unwrap() {
        let series = |number: usize| {
            let value = format!("a-long-name-with-mmmmmmmm-and-WWWWWWWW-<&>-{}-{number}", "x".repeat(60));
            let names =
                ["namespace", "name", "instance", "tenant", "method", "code", "outcome", "watch", "version"];
            let labels: BTreeMap<_, _> =
                names.iter().map(|name| ((*name).to_owned(), value.clone())).collect();
            let times =
                (0..150).filter(|step| asked.instant && *step == 149 || !asked.instant && step % 40 > 5);
            let points = times.map(|step| {
                let at = (WINDOW.start + step * WINDOW.step) as f64;
                (at, (step as f64 / 10.0).sin().abs() * 40.0 * number as f64)
            });
            Series { labels, points: points.collect() }
        };
        answers.insert(asked.panel, &asked.letter, (0..count).map(series).collect());
    }
    answers
}

/// What is drawn of a panel.
fn drawn<'a>(svg: &'a str, panel: &Panel) -> &'a str {
    let (_, rest) = svg
        .split_once(&format!("<g id=\"panel-{}\">", panel.id))
        .unwrap_or_else(|| panic!("{:?} is not drawn", panel.title));
    rest.split("</g>").next().unwrap()
}

fn attribute<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    element.split_once(&format!(" {name}=\""))?.1.split('"').next()
}

#[test]
fn every_panel_is_drawn_and_no_text_leaves_it() {
    let dashboard = Dashboard::parse(&shipped()).unwrap();
    for count in [0, 1, 3, 30] {
        let svg = dashboard::draw(&dashboard, &made_up(&dashboard, count), &WINDOW).unwrap();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        for panel in &dashboard.panels {
            let drawn = drawn(&svg, panel);
            let area = dashboard::place(panel.grid_pos);
            assert!(drawn.contains(&format!(">{}</text>", escape(&panel.title))), "{}: {drawn}", panel.title);
            if panel.kind != "row" {
                assert!(drawn.matches("<text").count() > 1, "{} is empty: {drawn}", panel.title);
            }
            for text in drawn.split("<text").skip(1) {
                let number = |name| attribute(text, name).unwrap().parse::<f64>().unwrap();
                let shown = text.split_once('>').unwrap().1.split("</text>").next().unwrap();
                let shown = shown
                    .replace("&lt;", "<")
                    .replace("&gt;", ">")
                    .replace("&quot;", "\"")
                    .replace("&amp;", "&");
                let bold = if text.contains("font-weight") { 1.1 } else { 1.0 };
                let (x, y) = (number("x"), number("y"));
                let width = measure(&shown, number("font-size") * bold);
                let left = match attribute(text, "text-anchor") {
                    Some("end") => x - width,
                    Some("middle") => x - width / 2.0,
                    _ => x,
                };
                let within = left >= area.x - 0.1 && left + width <= area.right() + 0.1;
                assert!(within && y >= area.y && y <= area.bottom(), "{}, {count}: {text}", panel.title);
            }
        }
    }
}

#[test]
fn what_cannot_be_drawn_is_an_error() {
    let dashboard = Dashboard::parse(&shipped()).unwrap();
    let answers = made_up(&dashboard, 1);
    for (known, unknown) in [
        ("\"type\": \"bargauge\"", "\"type\": \"heatmap\""),
        ("\"unit\": \"reqps\"", "\"unit\": \"furlongs\""),
        ("\"id\": \"organize\"", "\"id\": \"joinByField\""),
        ("\"fixedColor\": \"green\"", "\"fixedColor\": \"dark-yellow\""),
    ] {
        let json = shipped();
        assert!(json.contains(known), "{known}");
        let changed = Dashboard::parse(&json.replace(known, unknown)).unwrap();
        assert!(dashboard::draw(&changed, &answers, &WINDOW).is_err(), "{unknown}");
    }
    let changed = Dashboard::parse(&shipped().replace("$__range", "$__interval")).unwrap();
    assert!(questions::of(&changed, &WINDOW).is_err());
}

/// `make dashboard` draws it again.
#[test]
fn the_picture_in_the_documentation_has_the_panels_of_today() {
    let dashboard = Dashboard::parse(&shipped()).unwrap();
    let svg = fs::read_to_string(repository("docs/monitoring/dashboard.svg")).unwrap();
    for panel in &dashboard.panels {
        let title = format!(">{}</text>", escape(&panel.title));
        assert!(drawn(&svg, panel).contains(&title), "{} is missing: run make dashboard", panel.title);
    }
    assert_eq!(svg.matches("<g id=\"panel-").count(), dashboard.panels.len(), "run make dashboard");
    assert!(!svg.contains("127.0.0.1"), "an address of the machine that drew it");
}
