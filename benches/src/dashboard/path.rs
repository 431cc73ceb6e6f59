//! Lines of series as the paths of an SVG.

use std::fmt::Write;

/// A point of a line, and what is below it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    /// Time.
    pub(super) at: f64,
    /// Where the ground is, or the line below.
    pub(super) low: f64,
    /// The value.
    pub(super) high: f64,
}

/// Parts of a line between its gaps: where there was no value for longer than `gap`.
pub(super) fn segments(points: &[Point], gap: f64) -> Vec<Vec<Point>> {
    let mut segments: Vec<Vec<Point>> = Vec::new();
    for &point in points {
        match segments.last_mut().filter(|last| last.last().is_some_and(|end| point.at - end.at <= gap)) {
            Some(segment) => segment.push(point),
            None => segments.push(vec![point]),
        }
    }
    segments
}

/// The same as stairs: each value holds until the next.
pub(super) fn stairs(points: &[Point]) -> Vec<Point> {
    let mut stairs: Vec<Point> = Vec::new();
    for &point in points {
        if let Some(&before) = stairs.last() {
            stairs.push(Point { at: point.at, ..before });
        }
        stairs.push(point);
    }
    stairs
}

/// A line through the values.
pub(super) fn line(points: &[Point], place: impl Fn(f64, f64) -> (f64, f64)) -> String {
    let mut path = String::from("M");
    append(&mut path, points.iter().map(|point| place(point.at, point.high)));
    if points.len() == 1 {
        path.push_str("h0");
    }
    path
}

/// What is between the values and what is below them.
pub(super) fn area(points: &[Point], place: impl Fn(f64, f64) -> (f64, f64)) -> String {
    let mut path = String::from("M");
    append(&mut path, points.iter().map(|point| place(point.at, point.high)));
    path.push('L');
    append(&mut path, points.iter().rev().map(|point| place(point.at, point.low)));
    path.push('Z');
    path
}

/// A point at each value: a line without length, whose round ends show.
pub(super) fn dots(points: &[Point], place: impl Fn(f64, f64) -> (f64, f64)) -> String {
    let mut path = String::new();
    for point in points {
        let (x, y) = place(point.at, point.high);
        let _ = write!(path, "M{x:.1} {y:.1}h0");
    }
    path
}

/// Without the points in the middle of level stretches, which would only make the file large.
fn append(path: &mut String, places: impl Iterator<Item = (f64, f64)>) {
    let places: Vec<(String, String)> = places.map(|(x, y)| (format!("{x:.1}"), format!("{y:.1}"))).collect();
    for (number, (x, y)) in places.iter().enumerate() {
        let level = |other: Option<usize>| {
            other.and_then(|other| places.get(other)).is_some_and(|(_, other)| other == y)
        };
        if !(level(number.checked_sub(1)) && level(Some(number + 1))) {
            let _ = write!(path, "{x} {y} ");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(values: &[(f64, f64)]) -> Vec<Point> {
        values.iter().map(|&(at, high)| Point { at, low: 0.0, high }).collect()
    }

    #[test]
    fn gaps_divide_and_level_stretches_are_short() {
        let segments = segments(&points(&[(0.0, 1.0), (1.0, 1.0), (2.0, 1.0), (9.0, 2.0)]), 1.5);
        assert_eq!(segments.iter().map(Vec::len).collect::<Vec<_>>(), [3, 1]);
        let place = |x, y| (x, y);
        assert_eq!(line(&segments[0], place), "M0.0 1.0 2.0 1.0 ");
        assert_eq!(line(&segments[1], place), "M9.0 2.0 h0");
        assert_eq!(area(&segments[0], place), "M0.0 1.0 2.0 1.0 L2.0 0.0 0.0 0.0 Z");
        assert_eq!(dots(&segments[1], place), "M9.0 2.0h0");
        let stairs = stairs(&points(&[(0.0, 0.0), (1.0, 1.0)]));
        assert_eq!(stairs, points(&[(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)]));
    }
}
