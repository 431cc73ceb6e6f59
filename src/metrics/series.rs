//! Families that have a series for each of many things. They are written page by page, so that a scrape never keeps the one
//! thread from a rotation for longer than a page takes, and never holds more than that in memory.

use std::fmt::{Display, Write};

use super::PREFIX;

/// Text of an exposition, in pieces, each of which is written when it is asked for.
pub(crate) type Pieces = Box<dyn Iterator<Item = String> + Send>;

/// The most series of a page: some 0.1 ms of work.
pub(crate) const PAGE: usize = 256;
/// The most things that a page looks at. Of those without a series many are passed in the time that one series takes.
pub(crate) const LOOKS: usize = 4 * PAGE;

/// A family of gauges. Its name has neither the prefix that all share nor the unit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Family {
    /// What is measured.
    pub name: &'static str,
    /// The same in a sentence.
    pub help: &'static str,
    /// The unit, which is the end of the full name.
    pub unit: Option<&'static str>,
}

/// A page of a family while it is written.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    name: &'a str,
    text: String,
    series: usize,
    looks: usize,
}

impl<'a> Page<'a> {
    fn new(name: &'a str, room: usize) -> Self {
        Self { name, text: String::with_capacity(room), series: 0, looks: 0 }
    }

    /// Adds a series. Labels never hold more than a line of text.
    pub(crate) fn add(&mut self, labels: &[(&str, &str)], value: impl Display) {
        let mut separator = '{';
        self.text.push_str(self.name);
        for (label, value) in labels {
            self.text.push(separator);
            self.text.push_str(label);
            self.text.push_str("=\"");
            self.push_escaped(value);
            self.text.push('"');
            separator = ',';
        }
        // A String takes everything.
        let _ = writeln!(self.text, "}} {value}");
        self.series += 1;
    }

    /// One more thing was looked at, and its series are added. Whether the page has room for another one.
    pub(crate) fn has_room(&mut self) -> bool {
        self.looks += 1;
        self.series < PAGE && self.looks < LOOKS
    }

    fn push_escaped(&mut self, value: &str) {
        // Mostly there is nothing to escape, and it is copied as a whole.
        if !value.contains(['\\', '"', '\n']) {
            return self.text.push_str(value);
        }
        value.chars().for_each(|c| match c {
            '\\' => self.text.push_str("\\\\"),
            '"' => self.text.push_str("\\\""),
            '\n' => self.text.push_str("\\n"),
            c => self.text.push(c),
        });
    }
}

impl Family {
    /// The pieces of the family. `page` is called with the key that the page before ended at; it adds the series of the next
    /// things as long as there is room ([`Page::has_room`]), and returns the key of the last one, or `None` when there are no
    /// more. A family without a series is left out, and a page without one is empty.
    pub(crate) fn pieces<K: Send + 'static>(
        self,
        mut page: impl FnMut(Option<&K>, &mut Page<'_>) -> Option<K> + Send + 'static,
    ) -> impl Iterator<Item = String> + Send + 'static {
        let name = self.unit.map_or_else(
            || format!("{PREFIX}_{}", self.name),
            |unit| format!("{PREFIX}_{}_{unit}", self.name),
        );
        let mut head = Some(self.head(&name));
        let mut next = Some(None);
        let mut room = 0;
        std::iter::from_fn(move || {
            let after: Option<K> = next.take()?;
            let mut written = Page::new(&name, room);
            next = page(after.as_ref(), &mut written).map(Some);
            // The next page is about as long.
            room = written.text.len();
            let begins = !written.text.is_empty();
            match head.take_if(|_| begins) {
                Some(head) => Some(head + &written.text),
                None => Some(written.text),
            }
        })
    }

    fn head(self, name: &str) -> String {
        let help = self.help;
        let unit = self.unit.map_or_else(String::new, |unit| format!("# UNIT {name} {unit}\n"));
        format!("# HELP {name} {help}\n# TYPE {name} gauge\n{unit}")
    }
}

#[cfg(test)]
mod tests;
