//! Small tools: texts for people and terminals, a map, a token bucket, sizes of pages.

pub mod bucket;
pub mod invalid;
pub mod page_size;
pub mod printable;
pub mod vec_map;
