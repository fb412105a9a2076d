//! Products, and what is asked of the catalogue.

use std::fmt;
use std::str::FromStr;

use weir_proto::Money;

use crate::cursor::Cursor;
use crate::words::Word;

/// A currency: three upper-case letters, as in ISO 4217.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency([u8; 3]);

/// A text that is no [`Currency`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an ISO 4217 code of three upper-case letters, such as `USD`")]
pub struct CurrencyError;

impl Currency {
    /// Its three letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Letters only: it always is.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for Currency {
    type Err = CurrencyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let letters: [u8; 3] = text.as_bytes().try_into().map_err(|_| CurrencyError)?;
        if !letters.iter().all(u8::is_ascii_uppercase) {
            return Err(CurrencyError);
        }
        Ok(Currency(letters))
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// What one of a product costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// In minor units of the currency.
    pub amount: Money,
    /// In which it is paid.
    pub currency: Currency,
}

/// What is told of a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// Chosen by whoever made it.
    pub id: String,
    /// In a line.
    pub name: String,
    /// As long as it takes; may be empty.
    pub description: String,
    /// What it is among.
    pub category: String,
    /// Of one.
    pub price: Price,
}

/// A product of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// What is told of it.
    pub details: Details,
    /// How many can still be ordered.
    pub stock: i64,
    /// Its place in the catalogue: a product that was made later stands further behind.
    pub position: i64,
    /// The id of its picture, if it has one.
    pub image: Option<String>,
}

/// A change of a product's stock by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// It is made once under this id.
    pub id: String,
    /// Whose stock.
    pub product_id: String,
    /// Added; taken where negative.
    pub change: i64,
}

/// Where a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// So many are left out.
    Skip(u32),
    /// Behind the page before.
    Behind(Cursor),
}

/// Which products are looked for: all of it must be true of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// Each occurs in the name or in the description.
    pub words: Vec<Word>,
    /// They are among these.
    pub category: Option<String>,
    /// They cost at least this, in minor units.
    pub least: Option<i64>,
    /// They cost at most this, in minor units.
    pub most: Option<i64>,
    /// They stand behind this.
    pub behind: Cursor,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_currency_is_three_upper_case_letters() {
        assert_eq!(
            "USD".parse::<Currency>().map(|usd| usd.as_str().to_owned()),
            Ok("USD".to_owned())
        );
        for text in ["", "US", "usd", "USDT", "U D", "Ü$", "US1"] {
            assert_eq!(text.parse::<Currency>(), Err(CurrencyError), "{text}");
        }
    }
}
