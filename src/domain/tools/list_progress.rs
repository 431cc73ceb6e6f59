//! Whether a list comes to an end. The server says where each page ends by a token for the next one; one that is broken, or wants to
//! hold its clients up, can give out tokens for ever.

use std::time::Duration;

/// Empty pages that may follow each other. The API server gives one out when all objects that it looked at are filtered out.
const EMPTY_PAGES: u32 = 5;
/// How long a list may take. The API server forgets a list's version, and ends the list thereby, within about ten minutes.
const LIST_LIMIT: Duration = Duration::from_hours(1);

/// Why a list is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Endless {
    /// A page goes on where it began.
    #[error("the list does not end: the API server answered the same continue token again")]
    Repeated,
    /// Too many pages without an object.
    #[error("the list does not end: the API server answered {EMPTY_PAGES} empty pages after each other")]
    Empty,
    /// Too much time.
    #[error("the list did not end within {} min", LIST_LIMIT.as_secs() / 60)]
    Long,
}

/// How far a list is.
#[derive(Debug, Default)]
pub(crate) struct ListProgress {
    began: Duration,
    token: Option<String>,
    empty: u32,
}

impl ListProgress {
    /// The next page will be asked for at `uptime`: with the token of the last one, or without, when a list begins.
    ///
    /// # Errors
    /// When the list makes no progress.
    pub(crate) fn ask(&mut self, token: Option<&str>, uptime: Duration) -> Result<(), Endless> {
        let Some(token) = token else {
            *self = Self { began: uptime, ..Self::default() };
            return Ok(());
        };
        if self.token.as_deref() == Some(token) {
            return Err(Endless::Repeated);
        }
        if self.empty >= EMPTY_PAGES {
            return Err(Endless::Empty);
        }
        if uptime.saturating_sub(self.began) > LIST_LIMIT {
            return Err(Endless::Long);
        }
        self.token = Some(token.to_owned());
        Ok(())
    }

    /// A page with so many objects has come.
    pub(crate) fn page(&mut self, objects: usize) {
        self.empty = if objects == 0 { self.empty + 1 } else { 0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(7);

    fn list(pages: &[(Option<&str>, usize)]) -> Result<(), Endless> {
        let mut progress = ListProgress::default();
        pages.iter().try_for_each(|(token, objects)| {
            progress.ask(*token, NOW)?;
            progress.page(*objects);
            Ok(())
        })
    }

    #[test]
    fn a_list_goes_on_as_long_as_it_makes_progress() {
        assert_eq!(
            list(&[(None, 1), (Some("a"), 1), (Some("b"), 0), (Some("c"), 0), (Some("d"), 1)]),
            Ok(())
        );
        assert_eq!(list(&[(None, 1), (Some("a"), 1), (Some("a"), 1)]), Err(Endless::Repeated));
        // Another list may have the same tokens.
        assert_eq!(list(&[(None, 1), (Some("a"), 1), (None, 1), (Some("a"), 1)]), Ok(()));
    }

    #[test]
    fn empty_pages_are_few() {
        let empty = |pages: u32| {
            let mut progress = ListProgress::default();
            (0..pages).try_for_each(|page| {
                let token = page.to_string();
                progress.ask((page > 0).then_some(&*token), NOW)?;
                progress.page(0);
                Ok(())
            })
        };
        assert_eq!(empty(EMPTY_PAGES), Ok(()));
        assert_eq!(empty(EMPTY_PAGES + 1), Err(Endless::Empty));
    }

    #[test]
    fn a_list_takes_no_longer_than_the_limit() {
        let mut progress = ListProgress::default();
        assert_eq!(progress.ask(None, NOW), Ok(()));
        assert_eq!(progress.ask(Some("a"), NOW + LIST_LIMIT), Ok(()));
        let late = NOW + LIST_LIMIT + Duration::from_secs(1);
        assert_eq!(progress.ask(Some("b"), late), Err(Endless::Long));
        assert_eq!(progress.ask(None, late), Ok(()), "the next one has its own time");
    }
}
