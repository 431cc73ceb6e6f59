//! What lies behind an error.

use std::{
    error::Error,
    fmt::{self, Display},
    io, iter,
};

/// The error, what caused it, what caused that, and so on.
pub(crate) fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(Some(error), |&error| error.source())
}

/// The same with what an [`io::Error`] wraps, which it does not count among its sources.
pub(crate) fn deep_chain<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(Some(error), |&error| {
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        wrapped.map_or_else(|| error.source(), |wrapped| Some(wrapped as &(dyn Error + 'static)))
    })
}

/// The innermost cause: it says most, and libraries put URLs, which can hold passwords, around it.
pub(crate) fn root_cause<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    chain(error).last().unwrap_or(error)
}

/// The error and its causes as one sentence: `cannot listen on 127.0.0.1:80: permission denied`. Errors whose text has their cause
/// in it do not give it as their source, so nothing is said twice.
pub(crate) struct WithCauses<'a>(pub(crate) &'a (dyn Error + 'static));

impl Display for WithCauses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, error) in chain(self.0).enumerate() {
            let separator = if number == 0 { "" } else { ": " };
            write!(f, "{separator}{error}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<Layer>>,
    }

    #[test]
    fn the_root_cause_is_the_last_of_the_chain() {
        let inner = Layer { text: "inner", source: None };
        let outer = Layer { text: "outer", source: Some(Box::new(inner)) };
        let texts: Vec<String> = chain(&outer).map(ToString::to_string).collect();
        assert_eq!(texts, ["outer", "inner"]);
        assert_eq!(root_cause(&outer).to_string(), "inner");
        assert_eq!(WithCauses(&outer).to_string(), "outer: inner");
        assert_eq!(root_cause(outer.source.as_deref().unwrap()).to_string(), "inner");
    }

    #[test]
    fn what_an_error_of_io_wraps_is_a_cause_too() {
        let wrapped = io::Error::other(io::Error::from(io::ErrorKind::ConnectionReset));
        let kinds: Vec<_> = deep_chain(&wrapped)
            .filter_map(|cause| cause.downcast_ref::<io::Error>().map(io::Error::kind))
            .collect();
        assert_eq!(kinds, [io::ErrorKind::Other, io::ErrorKind::ConnectionReset]);
        assert_eq!(chain(&wrapped).count(), 1);
    }
}
