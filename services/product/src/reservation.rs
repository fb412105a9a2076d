//! What an order has of the stock.

use std::collections::BTreeMap;

use crate::product::Price;

/// A line of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What.
    pub product_id: String,
    /// How many; at least one.
    pub quantity: u32,
}

/// A line with the price at which it was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PricedLine {
    /// What.
    pub product_id: String,
    /// How many.
    pub quantity: u32,
    /// Of one.
    pub unit_price: Price,
}

/// What became of an order's wish for stock. It is stored with the order's id, so that whoever asks again is told the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All its lines are set aside.
    Reserved(Vec<PricedLine>),
    /// All its lines are sold.
    Sold(Vec<PricedLine>),
    /// It got nothing, as there is too little of these products.
    OutOfStock(Vec<String>),
    /// It got nothing, as these products do not exist.
    UnknownProducts(Vec<String>),
    /// It has nothing and will get nothing: what it had was given back, or it was given up before it came.
    Released,
}

/// How many of each product, sorted by id: everybody who changes the stock of several products does so in this sequence, or
/// two could wait for each other.
pub(crate) fn sums<'a>(lines: impl IntoIterator<Item = (&'a str, u32)>) -> BTreeMap<&'a str, i64> {
    let mut sums = BTreeMap::new();
    for (product_id, quantity) in lines {
        *sums.entry(product_id).or_default() += i64::from(quantity);
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_same_product_are_one_sum_and_products_are_sorted() {
        let sums = sums([("b", 2), ("a", 1), ("b", u32::MAX)]);
        assert_eq!(
            sums.into_iter().collect::<Vec<_>>(),
            [("a", 1), ("b", i64::from(u32::MAX) + 2)]
        );
    }
}
