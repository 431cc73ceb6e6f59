//! Small tools: texts for people and terminals, a map, shared values, shares, shortened texts, a token bucket, lists by pages.

pub mod bucket;
pub(crate) mod invalid;
pub(crate) mod json_length;
pub(crate) mod list_progress;
pub(crate) mod page_size;
pub mod printable;
pub(crate) mod shared;
pub(crate) mod shares;
pub(crate) mod short_text;
pub(in crate::domain) mod time;
pub(crate) mod vec_map;
