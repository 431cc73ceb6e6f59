//! Columns of text, as kubectl prints them.

/// Blanks between columns.
const GAP: usize = 3;

/// The rows below the headings. Each column is as wide as its widest cell; the last one is not filled up.
pub(super) fn render(headings: &[&str], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = headings
        .iter()
        .enumerate()
        .map(|(column, heading)| {
            let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
            cells.chain([heading.chars().count()]).max().unwrap_or_default()
        })
        .collect();
    let mut text = String::new();
    line(&mut text, headings.iter().copied(), &widths);
    for row in rows {
        line(&mut text, row.iter().map(String::as_str), &widths);
    }
    text
}

fn line<'a>(text: &mut String, cells: impl Iterator<Item = &'a str>, widths: &[usize]) {
    let mut blanks = 0;
    for (cell, width) in cells.zip(widths) {
        text.extend(std::iter::repeat_n(' ', blanks));
        text.push_str(cell);
        blanks = width.saturating_sub(cell.chars().count()) + GAP;
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::render;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [
            vec!["a".to_owned(), "é-long".to_owned(), "x".to_owned()],
            vec!["ml".to_owned(), "b".to_owned(), "some words".to_owned()],
        ];
        assert_eq!(
            render(&["NAMESPACE", "NAME", "MESSAGE"], &rows),
            "NAMESPACE   NAME     MESSAGE\n\
             a           é-long   x\n\
             ml          b        some words\n"
        );
        assert_eq!(render(&["NAME"], &[]), "NAME\n");
    }
}
