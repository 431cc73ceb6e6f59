//! Families that have a series for each of many things. They are written page by page, so that a scrape never keeps the one
//! thread from a rotation for longer than a page takes, and never holds more than that in memory.

use std::fmt::{Display, Write};

use super::PREFIX;

/// Text of an exposition, in pieces, each of which is written when it is asked for.
pub(crate) type Pieces = Box<dyn Iterator<Item = String> + Send>;

/// How many things a page looks at: 0.1 ms of work.
pub(crate) const PAGE: usize = 256;

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
}

impl Page<'_> {
    /// Adds a series. Labels never hold more than a line of text.
    pub(crate) fn add(&mut self, labels: &[(&str, &str)], value: impl Display) {
        let mut separator = '{';
        self.text.push_str(self.name);
        for (label, value) in labels {
            self.text.push(separator);
            self.text.push_str(label);
            self.text.push_str("=\"");
            value.chars().for_each(|c| match c {
                '\\' => self.text.push_str("\\\\"),
                '"' => self.text.push_str("\\\""),
                '\n' => self.text.push_str("\\n"),
                c => self.text.push(c),
            });
            self.text.push('"');
            separator = ',';
        }
        // A String takes everything.
        let _ = writeln!(self.text, "}} {value}");
    }
}

impl Family {
    /// The pieces of the family. `page` is called with the key that the page before ended at; it adds the series of the next
    /// [`PAGE`] things, and returns the key of the last one, or `None` when there are no more. A family without a series is
    /// left out.
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
        std::iter::from_fn(move || {
            let after: Option<K> = next.take()?;
            let mut written = Page { name: &name, text: String::new() };
            next = page(after.as_ref(), &mut written).map(Some);
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
