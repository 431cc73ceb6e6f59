//! Small tools: texts for people and terminals, a map, a token bucket, sizes of pages.

pub mod bucket;
pub(crate) mod invalid;
pub(crate) mod page_size;
pub mod printable;
pub(crate) mod vec_map;
