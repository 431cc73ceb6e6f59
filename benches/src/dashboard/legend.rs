//! Names of series below a graph.

use super::{
    canvas::{Area, Canvas, Style, measure},
    colours,
};

const SIZE: f64 = 11.0;
const ROW: f64 = 17.0;
/// More rows would leave too little of the graph.
const ROWS: usize = 3;
/// The coloured dash and the space after it.
const DASH: f64 = 18.0;
const GAP: f64 = 12.0;

/// Names, and where they stand.
pub(super) struct Legend {
    entries: Vec<Entry>,
    rows: usize,
}

struct Entry {
    row: usize,
    x: f64,
    room: f64,
    name: String,
    colour: Option<&'static str>,
}

impl Legend {
    /// Places names in rows. What does not fit is counted.
    pub(super) fn new(names: &[(String, &'static str)], width: f64) -> Self {
        let mut all = (0..=names.len()).rev().map(|kept| Self::of(names, kept, width));
        all.find(|legend| legend.rows <= ROWS).unwrap_or(Self { entries: Vec::new(), rows: 0 })
    }

    /// The first names, and how many are left.
    fn of(names: &[(String, &'static str)], kept: usize, width: f64) -> Self {
        let shown = names.iter().take(kept).map(|(name, colour)| (name.clone(), Some(*colour)));
        let left = names.len() - kept;
        let more = (left > 0).then(|| (format!("+{left} more"), None));
        let (mut row, mut x) = (0, 0.0);
        let place = |(name, colour): (String, Option<&'static str>)| {
            let before = if colour.is_some() { DASH } else { 0.0 };
            // A little more than it needs, since sums of fractions are not exact.
            let wanted = (before + measure(&name, SIZE) + 0.1).min(width);
            if x > 0.0 && x + wanted > width {
                (row, x) = (row + 1, 0.0);
            }
            let entry = Entry { row, x, room: wanted - before, name, colour };
            x += wanted + GAP;
            entry
        };
        let entries: Vec<Entry> = shown.chain(more).map(place).collect();
        let rows = entries.last().map_or(0, |entry| entry.row + 1);
        Self { entries, rows }
    }

    /// How much room it takes.
    pub(super) fn height(&self) -> f64 {
        self.rows as f64 * ROW
    }

    /// Draws it at the lower edge of an area.
    pub(super) fn draw(&self, area: Area, canvas: &mut Canvas) {
        let top = area.bottom() - self.height();
        for entry in &self.entries {
            let (x, base) = (area.x + entry.x, top + entry.row as f64 * ROW + 13.0);
            let style = Style::new(SIZE, colours::FAINT);
            match entry.colour {
                Some(colour) => {
                    let dash = Area { x, y: base - 5.0, width: 12.0, height: 3.0 };
                    canvas.fill(dash, colour);
                    canvas.text((x + DASH, base), &entry.name, style, entry.room);
                }
                None => canvas.text((x, base), &entry.name, style, entry.room),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_its_place_or_is_counted() {
        let names = |count: usize| -> Vec<_> {
            (0..count).map(|number| (format!("namespace/resource-{number}"), "red")).collect()
        };
        for count in [1, 2, 5, 6, 7, 8, 30] {
            let legend = Legend::new(&names(count), 420.0);
            let placed = legend.entries.iter().filter(|entry| entry.colour.is_some()).count();
            let counted = legend.entries.iter().find(|entry| entry.colour.is_none());
            let left: usize = counted.map_or(0, |entry| {
                entry.name.trim_matches(|letter: char| !letter.is_ascii_digit()).parse().unwrap_or_default()
            });
            assert_eq!(placed + left, count);
            assert!(legend.rows <= ROWS);
            for pair in legend.entries.windows(2) {
                let end = pair[0].x + DASH + pair[0].room;
                assert!(pair[0].row < pair[1].row || end <= pair[1].x, "{} overlaps", pair[0].name);
            }
            for entry in &legend.entries {
                assert!(entry.x + entry.room <= 420.0 + 1e-9, "{}", entry.name);
            }
        }
    }
}
