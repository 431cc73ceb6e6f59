//! Line plots as SVG.

use std::fmt::Write;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 360.0;
/// Left, right, top, bottom.
const MARGINS: (f64, f64, f64, f64) = (64.0, 16.0, 36.0, 48.0);
/// Points of a line, at most, and the last one.
const POINTS: usize = 200;
/// Readable on white and on dark ground, and by people who see no red or no green.
const COLOURS: [&str; 4] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"];

/// A plot.
#[derive(Clone, Debug)]
pub struct Plot<'a> {
    /// What it shows.
    pub title: &'a str,
    /// Label of the horizontal axis.
    pub x: &'a str,
    /// Label of the vertical axis.
    pub y: &'a str,
    /// Name and points of each line.
    pub lines: Vec<(String, Vec<(f64, f64)>)>,
}

impl Plot<'_> {
    /// Draws it.
    #[must_use]
    pub fn svg(&self) -> String {
        let points = || self.lines.iter().flat_map(|(_, points)| points);
        let (low_x, high_x) = range(points().map(|point| point.0));
        let (low_y, high_y) = range(points().map(|point| point.1));
        let (left, right, top, bottom) = MARGINS;
        let place_x = |x: f64| left + (x - low_x) / (high_x - low_x) * (WIDTH - left - right);
        let place_y = |y: f64| HEIGHT - bottom - (y - low_y) / (high_y - low_y) * (HEIGHT - top - bottom);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
             font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
             <text x=\"{left}\" y=\"20\" font-size=\"14\">{}</text>\n",
            self.title
        );
        for step in 0..=5 {
            let share = f64::from(step) / 5.0;
            let (x, y) = (low_x + share * (high_x - low_x), low_y + share * (high_y - low_y));
            let (at_x, at_y) = (place_x(x), place_y(y));
            let _ = writeln!(
                svg,
                "<line x1=\"{left}\" y1=\"{at_y:.1}\" x2=\"{}\" y2=\"{at_y:.1}\" stroke=\"#ddd\"/>\
                 <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
                 <text x=\"{at_x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                WIDTH - right,
                left - 6.0,
                at_y + 4.0,
                tick(y),
                HEIGHT - bottom + 18.0,
                tick(x),
            );
        }
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\
             <text transform=\"translate(16 {}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            f64::midpoint(left, WIDTH - right),
            HEIGHT - 10.0,
            self.x,
            f64::midpoint(top, HEIGHT - bottom),
            self.y,
        );
        for (number, (name, points)) in self.lines.iter().enumerate() {
            let colour = COLOURS[number % COLOURS.len()];
            // More than the eye can tell apart would only make the file large.
            let step = points.len().div_ceil(POINTS).max(1);
            let last = points.len().saturating_sub(1);
            let path: Vec<String> = points
                .iter()
                .enumerate()
                .filter(|(rank, _)| rank % step == 0 || *rank == last)
                .map(|(_, point)| point)
                .map(|(x, y)| format!("{:.1},{:.1}", place_x(*x), place_y(*y)))
                .collect();
            let _ = writeln!(
                svg,
                "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" points=\"{}\"/>\
                 <text x=\"{}\" y=\"{}\" fill=\"{colour}\" text-anchor=\"end\">{name}</text>",
                path.join(" "),
                WIDTH - right - 8.0,
                top + 16.0 * (number as f64 + 1.0),
            );
        }
        svg.push_str("</svg>\n");
        svg
    }
}

/// From zero, or below, to the largest; never empty.
fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values
        .filter(|value| value.is_finite())
        .fold((0.0_f64, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
    if high > low { (low, high) } else { (low, low + 1.0) }
}

fn tick(value: f64) -> String {
    if value.abs() >= 100.0 || value == 0.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_and_label_is_drawn_within_the_picture() {
        let lines = vec![("a".to_owned(), vec![(1.0, 5.0), (2.0, 9.0)]), ("b".to_owned(), Vec::new())];
        let svg = Plot { title: "title", x: "time", y: "rate", lines }.svg();
        assert_eq!(svg.matches("<polyline").count(), 2);
        for part in ["title", "time", "rate", "points=\"344.0,", "624.0,36.0"] {
            assert!(svg.contains(part), "{part}: {svg}");
        }
    }
}
