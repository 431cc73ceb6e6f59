//! Series over time: lines, stacked lines, or points.

use std::collections::BTreeMap;

use super::{
    axis::{self, Axis},
    canvas::{Anchor, Area, Canvas, Style, measure},
    colours,
    legend::Legend,
    model::Panel,
    path,
    questions::Window,
    series::{Answers, Series},
    unit::{Unit, clock},
};

const SIZE: f64 = 11.0;
/// Height of the times below the graph.
const TIMES: f64 = 20.0;
/// Room between two times.
const TIME_WIDTH: f64 = 60.0;

struct Line {
    name: String,
    colour: &'static str,
    points: Vec<path::Point>,
}

pub(super) fn draw(
    panel: &Panel,
    answers: &Answers,
    window: &Window,
    area: Area,
    canvas: &mut Canvas,
) -> anyhow::Result<()> {
    let defaults = &panel.field_config.defaults;
    let unit = Unit::of(&defaults.unit)?;
    let lines = lines(panel, answers);
    let values = lines.iter().flat_map(|line| line.points.iter().map(|point| point.high));
    let axis = Axis::new(defaults.min, defaults.max, values);
    let names: Vec<_> = lines.iter().map(|line| (line.name.clone(), line.colour)).collect();
    let legend = Legend::new(&names, area.width);
    let labels: Vec<String> = axis.ticks.iter().map(|tick| unit.show(*tick)).collect();
    let left = labels.iter().map(|label| measure(label, SIZE)).fold(0.0, f64::max) + 6.0;
    let plot = area.without(left, 6.0, 6.0, TIMES + legend.height());
    legend.draw(area, canvas);
    grid(plot, &axis, &labels, window, canvas);
    if lines.is_empty() {
        canvas.empty(plot, defaults.no_value(), 13.0);
    }
    let custom = &defaults.custom;
    let place = |at: f64, value: f64| {
        let (start, end) = (window.start as f64, window.end as f64);
        (plot.x + (at - start) / (end - start) * plot.width, plot.bottom() - axis.share(value) * plot.height)
    };
    for line in &lines {
        let segments = path::segments(&line.points, window.step as f64 * 1.5);
        for segment in segments {
            if custom.draw_style == "points" {
                canvas.stroke(&path::dots(&segment, place), line.colour, custom.point_size);
                continue;
            }
            let segment =
                if custom.line_interpolation == "stepAfter" { path::stairs(&segment) } else { segment };
            if custom.fill_opacity > 0.0 {
                canvas.shade(&path::area(&segment, place), line.colour, custom.fill_opacity / 100.0);
            }
            canvas.stroke(&path::line(&segment, place), line.colour, 1.5);
        }
    }
    Ok(())
}

fn lines(panel: &Panel, answers: &Answers) -> Vec<Line> {
    let custom = &panel.field_config.defaults.custom;
    // What lies below at each time, by milliseconds.
    let mut below: BTreeMap<i64, f64> = BTreeMap::new();
    let ground = panel.field_config.defaults.min.unwrap_or_default();
    let mut lines: Vec<Line> = Vec::new();
    for (target, series) in answers.of(panel).filter(|(_, series)| !series.points.is_empty()) {
        let points = if custom.stacking.mode == "normal" {
            stacked(series, &mut below)
        } else {
            let point = |&(at, high): &(f64, f64)| path::Point { at, low: ground, high };
            series.points.iter().map(point).collect()
        };
        let colour = colours::of_series(lines.len());
        lines.push(Line { name: series.name(&target.legend_format), colour, points });
    }
    lines
}

fn stacked(series: &Series, below: &mut BTreeMap<i64, f64>) -> Vec<path::Point> {
    let point = |&(at, value): &(f64, f64)| {
        let top = below.entry(at as i64).or_default();
        let low = *top;
        *top += value;
        path::Point { at, low, high: *top }
    };
    series.points.iter().map(point).collect()
}

fn grid(plot: Area, axis: &Axis, labels: &[String], window: &Window, canvas: &mut Canvas) {
    let style = Style::new(SIZE, colours::FAINT);
    for (tick, label) in axis.ticks.iter().zip(labels) {
        let y = plot.bottom() - axis.share(*tick) * plot.height;
        canvas.line((plot.x, y), (plot.right(), y), colours::GRID);
        canvas.text((plot.x - 6.0, y + 4.0), label, style.at(Anchor::End), plot.width);
    }
    let count = (plot.width / TIME_WIDTH) as usize;
    for time in axis::minutes(window.start, window.end, count) {
        let share = (time - window.start) as f64 / (window.end - window.start) as f64;
        let x = plot.x + share * plot.width;
        canvas.line((x, plot.y), (x, plot.bottom()), colours::GRID);
        let text = clock(time);
        // Whole also at the edges.
        let half = measure(&text, SIZE) / 2.0;
        let x = x.min(plot.right() + 6.0 - half);
        canvas.text((x, plot.bottom() + 15.0), &text, style.at(Anchor::Middle), TIME_WIDTH);
    }
}
