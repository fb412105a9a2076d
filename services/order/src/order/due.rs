//! What is still to be done for an order, elsewhere.

/// One thing to be done. Each may be done again without harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Give its stock back.
    Release,
    /// Its stock is sold.
    Sell,
    /// Have it paid by the method it brought along.
    Pay,
    /// Have its payment given back.
    Refund,
}

/// A set of them, as it is stored: one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dues(i64);

impl Due {
    /// All of them, in the sequence in which they are done.
    pub const ALL: [Due; 4] = [Due::Release, Due::Sell, Due::Pay, Due::Refund];

    /// Stored: it must never change.
    const fn bit(self) -> i64 {
        match self {
            Due::Release => 1,
            Due::Sell => 2,
            Due::Pay => 4,
            Due::Refund => 8,
        }
    }
}

impl Dues {
    /// A set that was stored.
    #[must_use]
    pub const fn stored(bits: i64) -> Dues {
        Dues(bits)
    }

    /// As it is stored.
    #[must_use]
    pub const fn bits(self) -> i64 {
        self.0
    }

    /// Whether nothing is to be done.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether this is to be done.
    #[must_use]
    pub const fn contains(self, due: Due) -> bool {
        self.0 & due.bit() != 0
    }

    /// Whether something is to be done that is not in the other set.
    #[must_use]
    pub const fn has_more_than(self, other: Dues) -> bool {
        self.0 & !other.0 != 0
    }

    /// It is to be done.
    pub const fn insert(&mut self, due: Due) {
        self.0 |= due.bit();
    }

    /// It is done, or not to be done any more.
    pub const fn remove(&mut self, due: Due) {
        self.0 &= !due.bit();
    }
}
