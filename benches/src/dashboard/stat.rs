//! A panel of one large value, or of a few.

use super::{
    canvas::{Anchor, Area, Canvas, Style, measure},
    colours,
    model::Panel,
    series::Answers,
    unit::Unit,
};

/// The largest letters.
const LARGEST: f64 = 40.0;
/// The smallest.
const SMALLEST: f64 = 12.0;

/// The colour of the whole panel, if it has one: that of its first value.
pub(super) fn ground(panel: &Panel, answers: &Answers) -> anyhow::Result<Option<&'static str>> {
    let values = values(panel, answers)?;
    let coloured = panel.options.color_mode == "background";
    Ok(values.first().filter(|_| coloured).map(|value| value.1))
}

/// Draws the values side by side. `plain`: on a panel without a colour of its own.
pub(super) fn draw(
    panel: &Panel,
    answers: &Answers,
    area: Area,
    plain: bool,
    canvas: &mut Canvas,
) -> anyhow::Result<()> {
    let values = values(panel, answers)?;
    let width = area.width / values.len() as f64;
    for (number, (text, colour)) in values.iter().enumerate() {
        let part = Area { x: area.x + width * number as f64, width, ..area };
        let room = width - 12.0;
        let fitting = room / measure(text, 1.1).max(1.0);
        let size = fitting.min(area.height * 0.55).clamp(SMALLEST, LARGEST).floor();
        let style = Style::new(size, if plain { colour } else { colours::PANEL }).at(Anchor::Middle).bold();
        canvas.text((part.middle().0, part.middle().1 + size * 0.36), text, style, room);
    }
    Ok(())
}

/// Texts and colours.
fn values(panel: &Panel, answers: &Answers) -> anyhow::Result<Vec<(String, &'static str)>> {
    let defaults = &panel.field_config.defaults;
    let unit = Unit::of(&defaults.unit)?;
    let mut found = Vec::new();
    for (target, series) in answers.of(panel) {
        let Some(value) = series.last() else { continue };
        let text = match panel.options.text_mode.as_str() {
            "name" => series.name(&target.legend_format),
            _ => unit.show(value),
        };
        found.push((text, colours::of_value(defaults, value)?));
    }
    if found.is_empty() {
        found.push((defaults.no_value().to_owned(), colours::FAINT));
    }
    Ok(found)
}
