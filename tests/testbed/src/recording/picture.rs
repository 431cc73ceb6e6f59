//! The picture: an SVG that plays by CSS alone, so that a README can show it as an image. Nothing in it moves for those who have
//! asked their system for less motion: they see the end.

use std::fmt::Write as _;

use super::Cast;

/// Sizes in pixels.
const ROW: usize = 19;
const FONT: usize = 14;
/// In tenths: fonts of one width have characters of 0.6 of their size, some of a little more.
const COLUMN_TENTHS: usize = 85;
const PADDING: usize = 14;
/// The bar above.
const BAR: usize = 30;

/// Seconds that a line is there at least before the next one, so that it can be read, and at most, so that nobody waits.
const SHORTEST: f64 = 0.16;
const LONGEST: f64 = 1.6;
/// Seconds before a heading or a command, so that what is above it can be read.
const PAUSE: f64 = 1.2;
/// Seconds that the end is shown before it begins again.
const END: f64 = 12.0;

const STYLE: &str = "\
:root{--back:#f6f8fa;--edge:#d0d7de;--text:#1f2328;--head:#0550ae;--typed:#116329;--dim:#59636e}\
@media(prefers-color-scheme:dark){:root{--back:#0d1117;--edge:#30363d;--text:#e6edf3;--head:#79c0ff;--typed:#7ee787;--dim:#9198a1}}\
.back{fill:var(--back)}.edge{fill:none;stroke:var(--edge)}.dot{fill:var(--edge)}\
text{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:var(--text);white-space:pre}\
.h{fill:var(--head);font-weight:bold}.c{fill:var(--typed);font-weight:bold}.r{fill:var(--dim)}";

/// A row of the terminal: a line, or a part of one that is longer than the terminal is wide.
struct Row {
    text: String,
    class: &'static str,
    /// Seconds from the start of the picture.
    shown: f64,
}

/// Draws the recording.
#[must_use]
pub fn draw(cast: &Cast) -> String {
    let rows = rows(cast);
    let length = rows.last().map_or(0.0, |row| row.shown) + END;
    let width = cast.columns * COLUMN_TENTHS / 10 + 2 * PADDING;
    let screen = cast.rows * ROW;
    let height = BAR + screen + PADDING;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         role=\"img\" aria-labelledby=\"title\">\n\
         <title id=\"title\">A terminal in which make demo runs: a registry credential rotates in a Kubernetes Secret, and AI \
         Core has it milliseconds later</title>\n<style>{STYLE}\n{}</style>\n",
        motion(&rows, cast.rows, length)
    );
    let _ = writeln!(
        svg,
        "<rect class=\"back\" width=\"{width}\" height=\"{height}\" rx=\"8\"/>\n\
         <rect class=\"edge\" x=\".5\" y=\".5\" width=\"{}\" height=\"{}\" rx=\"8\"/>",
        width - 1,
        height - 1
    );
    for dot in 0..3 {
        let _ = writeln!(svg, "<circle class=\"dot\" cx=\"{}\" cy=\"16\" r=\"5\"/>", 20 + dot * 18);
    }
    let _ = writeln!(
        svg,
        "<svg x=\"{PADDING}\" y=\"{BAR}\" width=\"{}\" height=\"{screen}\"><g class=\"scroll\" font-size=\"{FONT}\">",
        width - 2 * PADDING
    );
    for (number, row) in rows.iter().enumerate().filter(|(_, row)| !row.text.trim().is_empty()) {
        let class = if row.class.is_empty() { String::new() } else { format!(" class=\"{}\"", row.class) };
        let _ = writeln!(svg, "<text{class} y=\"{}\">{}</text>", number * ROW + FONT, escaped(&row.text));
    }
    let _ = writeln!(
        svg,
        "<rect class=\"back curtain\" width=\"{width}\" height=\"{}\"/>\n</g></svg>\n</svg>",
        rows.len() * ROW
    );
    svg
}

/// The rows in the order in which they are shown.
fn rows(cast: &Cast) -> Vec<Row> {
    let mut rows = Vec::new();
    let (mut shown, mut before) = (0.0, 0.0);
    for (number, (time, line)) in cast.lines.iter().enumerate() {
        let class = class(line);
        let least = if matches!(class, "h" | "c") { PAUSE } else { SHORTEST };
        if number > 0 {
            shown += (time - before).clamp(least, LONGEST);
        }
        before = *time;
        let characters: Vec<char> = line.chars().collect();
        let parts = characters.chunks(cast.columns).map(|part| part.iter().collect());
        let parts = if characters.is_empty() { vec![String::new()] } else { parts.collect() };
        rows.extend(parts.into_iter().map(|text| Row { text, class, shown }));
    }
    rows
}

fn class(line: &str) -> &'static str {
    let text = line.trim_start();
    if text.starts_with("== ") {
        "h"
    } else if text.starts_with("$ ") {
        "c"
    } else if line.starts_with("     ") && text.starts_with(|first: char| first.is_ascii_digit()) {
        "r" // a request of AI Core's journal
    } else {
        ""
    }
}

/// What moves: the rows go up when the screen is full, and a curtain over those that are still to come goes down. Without motion
/// both are where they are in the end.
fn motion(rows: &[Row], screen: usize, length: f64) -> String {
    let end = rows.len();
    let above = |count: usize| count.saturating_sub(screen) * ROW;
    let (mut scroll, mut curtain) = (String::new(), String::new());
    let mut last_above = None;
    for (number, row) in rows.iter().enumerate() {
        // Several rows that are shown at once are one step.
        if rows.get(number + 1).is_some_and(|next| next.shown <= row.shown) {
            continue;
        }
        let percent = format!("{:.2}%", row.shown / length * 100.0);
        let _ = write!(curtain, "{percent}{{transform:translateY({}px)}}", (number + 1) * ROW);
        if last_above != Some(above(number + 1)) {
            last_above = Some(above(number + 1));
            let _ = write!(scroll, "{percent}{{transform:translateY(-{}px)}}", above(number + 1));
        }
    }
    let (up, down) = (above(end), end * ROW);
    format!(
        ".scroll{{transform:translateY(-{up}px);animation:scroll {length:.1}s step-end infinite}}\
         .curtain{{transform:translateY({down}px);animation:curtain {length:.1}s step-end infinite}}\n\
         @keyframes scroll{{{scroll}to{{transform:translateY(-{up}px)}}}}\n\
         @keyframes curtain{{{curtain}to{{transform:translateY({down}px)}}}}\n\
         @media(prefers-reduced-motion:reduce){{.scroll,.curtain{{animation:none}}}}\n"
    )
}

fn escaped(text: &str) -> String {
    text.trim_end().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cast(lines: &[(f64, &str)]) -> Cast {
        let lines = lines.iter().map(|(time, line)| (*time, (*line).to_owned())).collect();
        Cast { columns: 10, rows: 3, lines }
    }

    #[test]
    fn a_line_is_shown_after_the_one_before_it_neither_at_once_nor_late() {
        let cast = cast(&[
            (0.0, "$ make"),
            (0.001, "a"),
            (60.0, "b"),
            (60.5, "a line of 21 letters!"),
            (60.5, "== c"),
        ]);
        let rows = rows(&cast);
        let shown: Vec<String> = rows.iter().map(|row| format!("{:.2} {}", row.shown, row.text)).collect();
        assert_eq!(
            shown,
            ["0.00 $ make", "0.16 a", "1.76 b", "2.26 a line of ", "2.26 21 letters", "2.26 !", "3.46 == c"]
        );
    }

    #[test]
    fn rows_go_up_when_the_screen_is_full_and_stay_there_without_motion() {
        let cast = cast(&[(0.0, "1"), (1.0, "2"), (2.0, "3"), (3.0, "4"), (4.0, "5")]);
        let svg = draw(&cast);
        assert!(
            svg.contains(".scroll{transform:translateY(-38px);animation:scroll 16.0s step-end infinite}"),
            "{svg}"
        );
        assert!(
            svg.contains(
                "@keyframes scroll{0.00%{transform:translateY(-0px)}18.75%{transform:translateY(-19px)}\
                 25.00%{transform:translateY(-38px)}to{transform:translateY(-38px)}}"
            ),
            "{svg}"
        );
        assert!(svg.contains(".curtain{transform:translateY(95px)"), "{svg}");
        assert!(svg.contains("@media(prefers-reduced-motion:reduce){.scroll,.curtain{animation:none}}"));
    }

    #[test]
    fn text_is_escaped_and_marked_by_what_it_is() {
        let cast =
            Cast { columns: 80, ..cast(&[(0.0, "$ a <b> & c"), (0.1, "== Step"), (0.2, "     2026 PATCH")]) };
        let svg = draw(&cast);
        assert!(svg.contains("<text class=\"c\" y=\"14\">$ a &lt;b&gt; &amp; c</text>"), "{svg}");
        assert!(svg.contains("<text class=\"h\" y=\"33\">== Step</text>"));
        assert!(svg.contains("<text class=\"r\" y=\"52\">     2026 PATCH</text>"));
    }
}
