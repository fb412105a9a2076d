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

/// As [`for_update!`], of the columns and the rest of a `SELECT`: its column `now_ms` is the database's clock when the row was
/// read. That saves asking for it.
#[macro_export]
macro_rules! for_update_now {
    ($transaction:expr, $columns:expr, $rest:literal) => {
        match $transaction.kind() {
            $crate::database::Kind::Sqlite => {
                concat!(
                    "SELECT ",
                    $columns,
                    ", ",
                    $crate::clock!(Sqlite),
                    " AS now_ms",
                    $rest
                )
            }
            $crate::database::Kind::Postgres => {
                concat!(
                    "SELECT ",
                    $columns,
                    ", ",
                    $crate::clock!(Postgres),
                    " AS now_ms",
                    $rest,
                    " FOR UPDATE"
                )
            }
        }
    };
}
