//! A panel of bars, one for each series.

use super::{
    canvas::{Anchor, Area, Canvas, Style, measure},
    colours,
    model::Panel,
    series::Answers,
    unit::Unit,
};

const SIZE: f64 = 13.0;
/// Size of names.
const NAME: f64 = 11.0;
/// The thickest bar.
const THICKEST: f64 = 60.0;
/// Bars that have more room than this have their name above, as in Grafana.
const ROOMY: f64 = 40.0;

pub(super) fn draw(panel: &Panel, answers: &Answers, area: Area, canvas: &mut Canvas) -> anyhow::Result<()> {
    let defaults = &panel.field_config.defaults;
    let unit = Unit::of(&defaults.unit)?;
    let bars: Vec<(String, f64)> = answers
        .of(panel)
        .filter_map(|(target, series)| Some((series.name(&target.legend_format), series.last()?)))
        .collect();
    if bars.is_empty() {
        canvas.empty(area, defaults.no_value(), 16.0);
        return Ok(());
    }
    let least = defaults.min.unwrap_or_default();
    let most = defaults.max.unwrap_or_else(|| bars.iter().map(|bar| bar.1).fold(least, f64::max));
    let height = area.height / bars.len() as f64;
    let values: Vec<String> = bars.iter().map(|bar| unit.show(bar.1)).collect();
    let right = values.iter().map(|value| measure(value, SIZE * 1.1)).fold(0.0, f64::max) + 10.0;
    let beside =
        bars.iter().map(|bar| measure(&bar.0, NAME) + 10.0).fold(0.0, f64::max).min(area.width * 0.4);
    for (number, ((name, value), text)) in bars.iter().zip(&values).enumerate() {
        let slot = Area { y: area.y + height * number as f64, height, ..area };
        let above = height > ROOMY;
        let (left, top) = if above { (0.0, NAME + 8.0) } else { (beside, 0.0) };
        let free = slot.without(left, top, right, 0.0);
        let thick = (free.height - 6.0).clamp(2.0, THICKEST);
        let top = if above { free.y } else { free.middle().1 - thick / 2.0 };
        let bar = Area { y: top, height: thick, ..free };
        let colour = colours::of_value(defaults, *value)?;
        canvas.fill(bar, colours::GROUND);
        let share = ((value - least) / (most - least)).clamp(0.0, 1.0);
        canvas.fill(Area { width: bar.width * share, ..bar }, colour);
        let base = bar.middle().1 + SIZE * 0.36;
        let style = Style::new(NAME, colours::TEXT);
        if above {
            canvas.text((slot.x, slot.y + NAME), name, style, slot.width);
        } else {
            canvas.text((slot.x, base), name, style, beside - 8.0);
        }
        canvas.text((slot.right(), base), text, Style::new(SIZE, colour).at(Anchor::End).bold(), right);
    }
    Ok(())
}
