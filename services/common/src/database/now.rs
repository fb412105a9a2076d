//! The clock of the database, in milliseconds since 1970.

use super::Kind;

/// The clock's expression, as a literal for `concat!`.
#[doc(hidden)]
#[macro_export]
macro_rules! clock {
    (Sqlite) => {
        "CAST(unixepoch('subsec') * 1000 AS INTEGER)"
    };
    (Postgres) => {
        "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"
    };
}

/// For use in statements.
pub(super) const fn expression(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => clock!(Sqlite),
        Kind::Postgres => clock!(Postgres),
    }
}

/// A statement that gives nothing else.
pub(super) const fn statement(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => concat!("SELECT ", clock!(Sqlite)),
        Kind::Postgres => concat!("SELECT ", clock!(Postgres)),
    }
}
