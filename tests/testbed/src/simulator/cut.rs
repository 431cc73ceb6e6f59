//! The error that ends a connection.

use std::fmt;

/// The connection is cut; its client learns nothing more.
#[derive(Debug)]
pub(super) struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the simulator cuts this connection")
    }
}

impl std::error::Error for Cut {}
