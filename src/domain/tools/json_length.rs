//! How long a value is as JSON, before it is written: a buffer that grows leaves copies of a credential behind.

use std::io;

use serde::Serialize;

/// Bytes of the JSON of `value`; 0 when it cannot be written.
pub(crate) fn json_length(value: &impl Serialize) -> usize {
    let mut length = Length(0);
    serde_json::to_writer(&mut length, value).map_or(0, |()| length.0)
}

/// Counts what is written.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
