//! Where a page of the catalogue begins.

use std::fmt;
use std::str::FromStr;

/// The position in the catalogue of the last product of the page before; 0 before the first one. As a product that is made
/// later stands further behind, no product comes twice and none is left out while the catalogue grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(i64);

/// A text that is no [`Cursor`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a `next_cursor` that was answered before")]
pub struct CursorError;

impl Cursor {
    /// Before the first product.
    pub const START: Cursor = Cursor(0);

    /// Behind the product at this position.
    #[must_use]
    pub(crate) const fn behind(position: i64) -> Cursor {
        Cursor(position)
    }

    /// The position behind which the page begins.
    pub(crate) const fn position(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_number = text.bytes().all(|b| b.is_ascii_digit());
        let position = text.parse().ok().filter(|_| is_number);
        position.map(Cursor).ok_or(CursorError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_is_written() {
        assert_eq!(Cursor::behind(17).to_string().parse(), Ok(Cursor::behind(17)));
        for text in ["", "-1", "+1", "a", "1.0", " 1", "99999999999999999999"] {
            assert_eq!(text.parse::<Cursor>(), Err(CursorError), "{text}");
        }
    }
}
