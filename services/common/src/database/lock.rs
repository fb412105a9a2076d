//! Rows that are read in order to be changed.

/// A `SELECT` of literals that locks its rows until the end of the transaction. With SQLite a transaction that writes is
/// the only one already.
#[macro_export]
macro_rules! for_update {
    ($transaction:expr, $($part:tt)+) => {
        match $transaction.kind() {
            $crate::database::Kind::Sqlite => concat!($($part)+),
            $crate::database::Kind::Postgres => concat!($($part)+, " FOR UPDATE"),
        }
    };
}
