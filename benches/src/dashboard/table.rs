//! A table: a row for each set of labels, and a column for each label and each query.

use std::{cmp::Ordering, collections::BTreeMap};

use super::{
    canvas::{Area, Canvas, Style},
    colours,
    columns::{self, Column},
    model::Panel,
    series::Answers,
};

const SIZE: f64 = 12.0;
const HEADING: f64 = 26.0;
const ROW: f64 = 25.0;
/// Space at both sides of a cell.
const PADDING: f64 = 8.0;

/// Content of a cell.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    /// A label.
    Text(String),
    /// A value.
    Number(f64),
}

/// Cells by the name of their field.
type Row = BTreeMap<String, Cell>;

pub(super) fn draw(panel: &Panel, answers: &Answers, area: Area, canvas: &mut Canvas) -> anyhow::Result<()> {
    let mut rows = rows(panel, answers);
    let columns = columns::of(panel, rows.iter().flat_map(Row::keys))?;
    if columns.is_empty() {
        canvas.empty(area, panel.field_config.defaults.no_value(), 13.0);
        return Ok(());
    }
    sort(&mut rows, panel, &columns);
    let places = places(&columns, area);
    for (column, place) in columns.iter().zip(&places) {
        let style = Style::new(SIZE, colours::named("blue")?).bold();
        canvas.text((place.x + PADDING, area.y + 17.0), &column.title, style, place.width - PADDING * 2.0);
    }
    canvas.line((area.x, area.y + HEADING), (area.right(), area.y + HEADING), colours::EDGE);
    let fitting = ((area.height - HEADING) / ROW).floor() as usize;
    // The last place says how many rows there are, where Grafana would let them be scrolled.
    let shown = if rows.len() > fitting { fitting.saturating_sub(1) } else { rows.len() };
    for (number, row) in rows.iter().take(shown).enumerate() {
        let top = area.y + HEADING + ROW * number as f64;
        for (column, place) in columns.iter().zip(&places) {
            let Some(cell) = row.get(&column.field) else { continue };
            let (text, colour) = column.show(cell)?;
            let style = Style::new(SIZE, colour);
            canvas.text((place.x + PADDING, top + 17.0), &text, style, place.width - PADDING * 2.0);
        }
        canvas.line((area.x, top + ROW), (area.right(), top + ROW), colours::GRID);
    }
    if shown < rows.len() {
        let text = format!("and {} more, by scrolling", rows.len() - shown);
        let base = area.y + HEADING + ROW * shown as f64 + 17.0;
        canvas.text((area.x + PADDING, base), &text, Style::new(SIZE, colours::FAINT), area.width);
    }
    Ok(())
}

/// One row for all series with the same labels, as the transformation `merge` makes it.
fn rows(panel: &Panel, answers: &Answers) -> Vec<Row> {
    let mut merged: Vec<(&BTreeMap<String, String>, Row)> = Vec::new();
    for (target, series) in answers.of(panel) {
        let Some(value) = series.last() else { continue };
        let field =
            if panel.targets.len() > 1 { format!("Value #{}", target.ref_id) } else { "Value".to_owned() };
        let cell = Cell::Number(value);
        if let Some((_, row)) = merged.iter_mut().find(|(labels, _)| *labels == &series.labels) {
            row.insert(field, cell);
            continue;
        }
        let mut row: Row =
            series.labels.iter().map(|(name, value)| (name.clone(), Cell::Text(value.clone()))).collect();
        row.insert(field, cell);
        merged.push((&series.labels, row));
    }
    merged.into_iter().map(|(_, row)| row).collect()
}

fn sort(rows: &mut [Row], panel: &Panel, columns: &[Column]) {
    // The first column of the list weighs most, so that it is sorted by last.
    for by in panel.options.sort_by.iter().rev() {
        let Some(column) = columns.iter().find(|column| column.title == by.display_name) else { continue };
        rows.sort_by(|one, other| {
            let order = compare(one.get(&column.field), other.get(&column.field));
            if by.desc { order.reverse() } else { order }
        });
    }
}

fn compare(one: Option<&Cell>, other: Option<&Cell>) -> Ordering {
    match (one, other) {
        (Some(Cell::Number(one)), Some(Cell::Number(other))) => one.total_cmp(other),
        (Some(Cell::Text(one)), Some(Cell::Text(other))) => one.cmp(other),
        (one, other) => one.is_some().cmp(&other.is_some()),
    }
}

/// Columns without a width share what is left.
fn places(columns: &[Column], area: Area) -> Vec<Area> {
    let given: f64 = columns.iter().filter_map(|column| column.width).sum();
    let open = columns.iter().filter(|column| column.width.is_none()).count().max(1);
    let each = ((area.width - given) / open as f64).max(0.0);
    let mut x = area.x;
    let place = |column: &Column| {
        let place = Area { x, width: column.width.unwrap_or(each), ..area };
        x = place.right();
        place
    };
    columns.iter().map(place).collect()
}
