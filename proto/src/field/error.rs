//! What can be wrong with a field, and where.

use std::fmt;

use super::MAX_TEXT_BYTES;
use crate::{MoneyError, TimestampError, json, order};

/// Which part of the value a fault is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The value as a whole, or a field that the contract does not know.
    Value,
    /// A field of the outermost object.
    Named(&'static str),
    /// An element of `items`, by its index.
    Item(usize),
    /// A field of an element of `items`.
    OfItem(usize, &'static str),
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value => f.write_str("value"),
            Self::Named(name) => f.write_str(name),
            Self::Item(index) => write!(f, "items[{index}]"),
            Self::OfItem(index, name) => write!(f, "items[{index}].{name}"),
        }
    }
}

/// What is wrong. Ids are not repeated: they may say who somebody is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The bytes are not one JSON text within our limits.
    #[error(transparent)]
    Json(#[from] json::Fault),
    /// The record has no value (a tombstone).
    #[error("the record has no value (a tombstone)")]
    NoValue,
    /// Another kind of JSON value stands here.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// What the contract wants.
        expected: &'static str,
        /// What stands here.
        found: &'static str,
    },
    /// A field that must be there is not.
    #[error("is missing")]
    Missing,
    /// A field stands there twice, so that its meaning would depend on the reader.
    #[error("stands there twice")]
    Duplicate,
    /// The contract has no such field.
    #[error("unknown field `{0}`")]
    Unknown(String),
    /// A text or list that must not be empty is.
    #[error("is empty")]
    Empty,
    /// A text is longer than [`MAX_TEXT_BYTES`].
    #[error("is longer than {MAX_TEXT_BYTES} bytes")]
    TooLong,
    /// The event is of another type than wanted.
    #[error("is not `{}`", order::CREATED)]
    OtherType,
    /// No currency code.
    #[error("`{0}` is not a currency code of three upper-case letters")]
    Currency(String),
    /// A sound currency, but not the one that is wanted.
    #[error("`{found}` is not `{wanted}`, the one currency that is summed")]
    OtherCurrency {
        /// The code that stands here.
        found: String,
        /// The code that is wanted.
        wanted: String,
    },
    /// No amount of money.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// No moment, or one outside the years we count with.
    #[error(transparent)]
    Timestamp(#[from] TimestampError),
    /// Not written as an integer.
    #[error("`{0}` is not an integer")]
    NotInteger(String),
    /// An integer outside its range.
    #[error("`{value}` is not between {least} and {most}")]
    OutOfRange {
        /// The digits.
        value: String,
        /// The least allowed.
        least: i64,
        /// The most allowed.
        most: i64,
    },
    /// The quantities of an order add up to more than [`order::MAX_ITEMS`].
    #[error("the quantities add up to more than {}", order::MAX_ITEMS)]
    TooManyItems,
    /// The field contradicts others.
    #[error("{0}")]
    Contradiction(&'static str),
}

/// A fault, the field it is in, and the byte it begins at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {fault} (byte {offset})")]
pub struct FieldError {
    /// The part of the value that is wrong.
    pub field: Field,
    /// What is wrong with it.
    pub fault: Fault,
    /// Bytes of the value before the fault; for a missing field, before the end of the object that lacks it.
    pub offset: usize,
}

impl FieldError {
    /// The error of a record without a value (a tombstone), which is no event.
    #[must_use]
    pub const fn no_value() -> Self {
        Self {
            field: Field::Value,
            fault: Fault::NoValue,
            offset: 0,
        }
    }
}
