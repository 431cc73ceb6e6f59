//! Columns of text, as kubectl prints them.

use crate::domain::tools::printable::Printable;

/// Blanks between columns.
const GAP: usize = 3;
/// Longest cell, in characters; what is longer is cut. The last column, which is text, may be longer.
const MAX_CELL: usize = 100;
/// Longest cell of the last column.
const MAX_LAST: usize = 2000;

/// The rows below the headings. Each column is as wide as its widest cell; the last one is not filled up.
pub(super) fn render(headings: &[&str], rows: &[Vec<String>]) -> Vec<Printable> {
    let last = headings.len().saturating_sub(1);
    let cell = |(column, text): (usize, &String)| {
        Printable::new(text).cut(if column == last { MAX_LAST } else { MAX_CELL })
    };
    let headings = headings.iter().map(Printable::new).collect();
    let rows = rows.iter().map(|row| row.iter().enumerate().map(cell).collect());
    let lines: Vec<Vec<Printable>> = std::iter::once(headings).chain(rows).collect();
    let mut widths = vec![0; last];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.width().max(*width);
        }
    }
    lines.iter().map(|cells| line(cells, &widths)).collect()
}

fn line(cells: &[Printable], widths: &[usize]) -> Printable {
    let mut text = String::new();
    let mut blanks = 0;
    for (cell, width) in cells.iter().zip(widths.iter().chain(&[0])) {
        text.extend(std::iter::repeat_n(' ', blanks));
        text.push_str(cell.as_str());
        blanks = width.saturating_sub(cell.width()) + GAP;
    }
    Printable::new(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(lines: &[Printable]) -> Vec<&str> {
        lines.iter().map(Printable::as_str).collect()
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [
            vec!["a".to_owned(), "é-long".to_owned(), "x".to_owned()],
            vec!["ml".to_owned(), "b".to_owned(), "some words".to_owned()],
        ];
        assert_eq!(
            text(&render(&["NAMESPACE", "NAME", "MESSAGE"], &rows)),
            ["NAMESPACE   NAME     MESSAGE", "a           é-long   x", "ml          b        some words"]
        );
        assert_eq!(text(&render(&["NAME"], &[])), ["NAME"]);
    }

    #[test]
    fn a_cell_neither_breaks_its_row_nor_fills_the_screen() {
        let rows = [
            vec!["a\nb".to_owned(), "x".repeat(1000), "m".repeat(5000)],
            vec!["::warning::".to_owned(), "y".to_owned(), "z".to_owned()],
        ];
        let lines = render(&["A", "B", "C"], &rows);
        let [heading, first, second] = &lines[..] else { panic!("{lines:?}") };
        assert!(heading.as_str().starts_with("A                  B "), "{heading}");
        assert!(first.as_str().starts_with("a\\nb               xxx"), "{first}");
        assert_eq!(first.width(), 16 + GAP + MAX_CELL + GAP + MAX_LAST);
        assert!(second.as_str().starts_with("\\u{3a}:warning::   y "), "{second}");
    }
}
