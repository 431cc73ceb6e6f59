//! A picture of the Grafana dashboard, for the documentation. No Grafana runs: the panels are drawn here, at their places
//! in the dashboard's JSON, from what Prometheus' own engine answers to their queries over a run of the test bed.
//!
//! What a dashboard has and this cannot draw is an error, never left out in silence.

mod activity;
mod axis;
mod bars;
pub mod canvas;
mod colours;
mod columns;
mod graph;
mod legend;
pub mod model;
mod path;
pub mod questions;
mod replica;
pub mod run;
mod scrapes;
pub mod series;
mod stat;
mod table;
mod team;
mod unit;
mod world;

use anyhow::bail;

use self::{
    canvas::{Anchor, Area, Canvas, Style},
    model::{Dashboard, GridPos, Panel},
    questions::Window,
    series::Answers,
};

/// Width of the picture.
const WIDTH: f64 = 1100.0;
/// Around the panels, and between two of them.
const GAP: f64 = 8.0;
/// Height of the dashboard's title.
const TITLE: f64 = 40.0;
/// Grafana's grid.
const COLUMNS: f64 = 24.0;
/// Height of a row of the grid, with the gap below it.
const ROW: f64 = 38.0;

/// Where a panel, or a heading, is.
#[must_use]
pub fn place(grid: GridPos) -> Area {
    let column = (WIDTH - GAP) / COLUMNS;
    Area {
        x: GAP + f64::from(grid.x) * column,
        y: TITLE + f64::from(grid.y) * ROW,
        width: f64::from(grid.w) * column - GAP,
        height: f64::from(grid.h) * ROW - GAP,
    }
}

/// Draws a dashboard as an SVG.
///
/// # Errors
/// When it has something that cannot be drawn yet.
pub fn draw(dashboard: &Dashboard, answers: &Answers, window: &Window) -> anyhow::Result<String> {
    let lowest = dashboard.panels.iter().map(|panel| place(panel.grid_pos).bottom()).fold(TITLE, f64::max);
    let whole = Area { x: 0.0, y: 0.0, width: WIDTH, height: lowest + GAP };
    let mut canvas = Canvas::default();
    canvas.fill(whole, colours::GROUND);
    let room = WIDTH / 2.0;
    let title = Style::new(17.0, colours::TEXT).bold();
    canvas.text((GAP + 4.0, 26.0), &dashboard.title, title, room);
    let time = format!("{} to {} UTC", unit::clock(window.start), unit::clock(window.end));
    let style = Style::new(13.0, colours::FAINT).at(Anchor::End);
    canvas.text((WIDTH - GAP - 4.0, 26.0), &time, style, room - GAP * 2.0);
    for panel in &dashboard.panels {
        canvas.open(&format!("panel-{}", panel.id));
        draw_panel(panel, answers, window, &mut canvas)?;
        canvas.close();
    }
    Ok(canvas.finish(whole.width, whole.height, &dashboard.title))
}

fn draw_panel(panel: &Panel, answers: &Answers, window: &Window, canvas: &mut Canvas) -> anyhow::Result<()> {
    let area = place(panel.grid_pos);
    if panel.kind == "row" {
        let style = Style::new(13.0, colours::TEXT).bold();
        canvas.text((area.x + 4.0, area.y + 21.0), &panel.title, style, area.width - 8.0);
        return Ok(());
    }
    let ground = if panel.kind == "stat" { stat::ground(panel, answers)? } else { None };
    canvas.card(area, ground.unwrap_or(colours::PANEL), ground.unwrap_or(colours::EDGE));
    let colour = if ground.is_some() { colours::PANEL } else { colours::TEXT };
    canvas.text((area.x + 10.0, area.y + 20.0), &panel.title, Style::new(12.0, colour), area.width - 20.0);
    let inner = area.without(10.0, 32.0, 10.0, 10.0);
    match panel.kind.as_str() {
        "stat" => stat::draw(panel, answers, inner, ground.is_none(), canvas),
        "table" => table::draw(panel, answers, inner, canvas),
        "timeseries" => graph::draw(panel, answers, window, inner, canvas),
        "bargauge" => bars::draw(panel, answers, inner, canvas),
        other => bail!("{:?}: a panel of the type {other:?} cannot be drawn yet", panel.title),
    }
}
