//! Colours of series and values, and those of the page.

use anyhow::bail;

use super::model::Defaults;
use crate::plot;

/// The ground that panels lie on. The picture has its own, so that it is read on white and on dark pages.
pub(super) const GROUND: &str = "#eef0f3";
/// The ground of panels.
pub(super) const PANEL: &str = "#ffffff";
/// Edges of panels.
pub(super) const EDGE: &str = "#cfd4da";
/// Lines of a graph's grid and between rows.
pub(super) const GRID: &str = "#e3e6ea";
/// Text.
pub(super) const TEXT: &str = "#1f2328";
/// Text of lesser weight.
pub(super) const FAINT: &str = "#57606a";

/// After the colours of plots, for panels with more series.
const MORE: [&str; 6] = ["#56b4e9", "#c77c02", "#882255", "#44aa99", "#6a51a3", "#7f7f7f"];

/// Of the series with this number.
pub(super) fn of_series(number: usize) -> &'static str {
    let all = plot::COLOURS.len() + MORE.len();
    plot::COLOURS.iter().chain(&MORE).nth(number % all).copied().unwrap_or(TEXT)
}

/// By Grafana's name for it.
///
/// # Errors
/// When it is not known here.
pub(super) fn named(name: &str) -> anyhow::Result<&'static str> {
    Ok(match name {
        "green" => "#00805d",
        "red" => "#c64a00",
        "orange" => "#c77c02",
        "blue" => "#0072b2",
        other => bail!("the colour {other:?} cannot be drawn yet"),
    })
}

/// Of a value.
///
/// # Errors
/// When it is not known here.
pub(super) fn of_value(defaults: &Defaults, value: f64) -> anyhow::Result<&'static str> {
    if let Some(colour) = defaults.color.as_ref().filter(|colour| colour.mode == "fixed") {
        return named(&colour.fixed_color);
    }
    let mut steps = defaults.thresholds.iter().flat_map(|thresholds| &thresholds.steps);
    let reached = steps.rfind(|step| step.value.is_none_or(|from| value >= from));
    reached.map_or(Ok(TEXT), |step| named(&step.color))
}
