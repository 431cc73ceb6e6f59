//! Shapes and text of an SVG. No text is wider than the room that it is given.

use std::fmt::Write;

use super::colours;

/// A rectangle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

impl Area {
    /// Its right edge.
    #[must_use]
    pub fn right(self) -> f64 {
        self.x + self.width
    }

    /// Its lower edge.
    #[must_use]
    pub fn bottom(self) -> f64 {
        self.y + self.height
    }

    /// Its middle.
    #[must_use]
    pub fn middle(self) -> (f64, f64) {
        (self.x + self.width / 2.0, self.y + self.height / 2.0)
    }

    /// What is left of it within margins.
    #[must_use]
    pub fn without(self, left: f64, top: f64, right: f64, bottom: f64) -> Self {
        Self {
            x: self.x + left,
            y: self.y + top,
            width: (self.width - left - right).max(0.0),
            height: (self.height - top - bottom).max(0.0),
        }
    }
}

/// Where a text lies, seen from its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// To the right.
    Start,
    /// To both sides.
    Middle,
    /// To the left.
    End,
}

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Height of the letters.
    pub size: f64,
    /// Colour.
    pub colour: &'static str,
    /// Where it lies.
    pub anchor: Anchor,
    /// Whether it is bold.
    pub bold: bool,
}

impl Style {
    /// To the right of its position, and not bold.
    #[must_use]
    pub fn new(size: f64, colour: &'static str) -> Self {
        Self { size, colour, anchor: Anchor::Start, bold: false }
    }

    /// Lying elsewhere.
    #[must_use]
    pub fn at(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }

    /// In bold.
    #[must_use]
    pub fn bold(self) -> Self {
        Self { bold: true, ..self }
    }
}

/// An SVG in the making.
#[derive(Clone, Debug, Default)]
pub struct Canvas(String);

impl Canvas {
    /// The whole picture.
    #[must_use]
    pub fn finish(self, width: f64, height: f64, title: &str) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
             font-family=\"Helvetica, Arial, sans-serif\">\n<title>{}</title>\n{}</svg>\n",
            escape(title),
            self.0
        )
    }

    /// Opens a group, which [`Canvas::close`] ends.
    pub fn open(&mut self, id: &str) {
        let _ = writeln!(self.0, "<g id=\"{}\">", escape(id));
    }

    /// Ends a group.
    pub fn close(&mut self) {
        self.0.push_str("</g>\n");
    }

    /// A filled rectangle.
    pub fn fill(&mut self, area: Area, colour: &str) {
        self.rect(area, colour, "");
    }

    /// A filled rectangle with round corners and an edge.
    pub fn card(&mut self, area: Area, colour: &str, edge: &str) {
        self.rect(area, colour, &format!(" rx=\"4\" stroke=\"{edge}\""));
    }

    fn rect(&mut self, area: Area, colour: &str, more: &str) {
        let Area { x, y, width, height } = area;
        let _ = writeln!(
            self.0,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{colour}\"{more}/>"
        );
    }

    /// A thin line.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), colour: &str) {
        let _ = writeln!(
            self.0,
            "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"{colour}\"/>",
            from.0, from.1, to.0, to.1
        );
    }

    /// The line of a series, with round ends, so that a single point is seen too.
    pub fn stroke(&mut self, path: &str, colour: &str, width: f64) {
        let _ = writeln!(
            self.0,
            "<path fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\" stroke-linecap=\"round\" \
             stroke-linejoin=\"round\" d=\"{path}\"/>"
        );
    }

    /// What lies below it.
    pub fn shade(&mut self, path: &str, colour: &str, opacity: f64) {
        let _ = writeln!(self.0, "<path fill=\"{colour}\" fill-opacity=\"{opacity}\" d=\"{path}\"/>");
    }

    /// What stands in an area where nothing can be drawn.
    pub fn empty(&mut self, area: Area, text: &str, size: f64) {
        self.text(area.middle(), text, Style::new(size, colours::FAINT).at(Anchor::Middle), area.width);
    }

    /// A text on its base line, cut to the room it has.
    pub fn text(&mut self, at: (f64, f64), text: &str, style: Style, room: f64) {
        let anchor = match style.anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let weight = if style.bold { " font-weight=\"bold\"" } else { "" };
        let _ = writeln!(
            self.0,
            "<text x=\"{:.1}\" y=\"{:.1}\" font-size=\"{:.0}\" fill=\"{}\"{anchor}{weight}>{}</text>",
            at.0,
            at.1,
            style.size,
            style.colour,
            escape(&fit(text, if style.bold { style.size * 1.1 } else { style.size }, room))
        );
    }
}

/// The width of a text in the widest of the usual fonts without serifs, or a little more.
#[must_use]
pub fn measure(text: &str, size: f64) -> f64 {
    let width = |letter: char| match letter {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | ' ' => 0.34,
        'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '/' | '-' | '"' => 0.43,
        'm' | 'w' | 'M' | 'W' | '%' | '@' | '…' => 1.0,
        'A'..='Z' => 0.74,
        _ => 0.64,
    };
    text.chars().map(width).sum::<f64>() * size
}

/// The text, or as much of its beginning as there is room for.
#[must_use]
pub fn fit(text: &str, size: f64, room: f64) -> String {
    if measure(text, size) <= room {
        return text.to_owned();
    }
    let mut kept = text.to_owned();
    while kept.pop().is_some() {
        let cut = format!("{}…", kept.trim_end());
        if measure(&cut, size) <= room {
            return cut;
        }
    }
    String::new()
}

/// Text as XML writes it.
#[must_use]
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_to_its_room_and_escaped() {
        assert_eq!(fit("short", 10.0, 100.0), "short");
        let cut = fit("much too long for this room", 10.0, 60.0);
        assert!(cut.ends_with('…') && measure(&cut, 10.0) <= 60.0, "{cut}");
        assert_eq!(fit("anything", 10.0, 2.0), "");
        let mut canvas = Canvas::default();
        canvas.text((1.0, 2.0), "a<b>&\"c\"", Style::new(10.0, "red"), 500.0);
        assert!(canvas.finish(1.0, 1.0, "t").contains(">a&lt;b&gt;&amp;&quot;c&quot;</text>"));
    }
}
