//! The analytics result: topic `analytics-results`, key = start of the window, value JSON.

mod json;

use std::ops::{Range, RangeInclusive};

use crate::field::{Fault, Field, field_names};
use crate::{MoneyError, MoneySum, Timestamp};

/// Why a value is no analytics result: field, fault and byte offset.
pub type ResultError = crate::FieldError;

field_names! {
    /// The fields of a result.
    enum Name {
        WindowStart = "window_start",
        WindowEnd = "window_end",
        OrderCount = "order_count",
        TotalRevenue = "total_revenue",
        TotalItems = "total_items",
        UniqueUsers = "unique_users",
        AverageOrderValue = "average_order_value",
        Revision = "revision",
    }
}

impl Name {
    const fn field(self) -> Field {
        Field::Named(self.text())
    }
}

/// What a count may be: a window without an order has no result, and the columns of Parquet and SQL are signed.
const COUNT: RangeInclusive<i64> = 1..=i64::MAX;

/// What the orders of one window come to. It cannot be wrong: what one holds, [`Self::from_json`] takes.
///
/// # Examples
/// ```
/// use weir_proto::{AnalyticsResult, MoneySum, ResultTotals, Timestamp};
///
/// let start = Timestamp::parse_rfc3339("2026-11-23T02:36:00Z")?;
/// let end = Timestamp::parse_rfc3339("2026-11-23T02:37:00Z")?;
/// let totals = ResultTotals {
///     order_count: 3,
///     total_revenue: MoneySum::from_minor(389_70),
///     total_items: 7,
///     unique_users: 2,
/// };
/// let result = AnalyticsResult::new(start..end, totals, 0)?;
/// assert_eq!(result.average_order_value().to_string(), "129.90");
///
/// let totals = ResultTotals { unique_users: 4, ..totals };
/// let error = AnalyticsResult::new(start..end, totals, 0).unwrap_err();
/// assert_eq!(error.to_string(), "unique_users: is more than order_count");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnalyticsResult {
    window_start: Timestamp,
    window_end: Timestamp,
    totals: ResultTotals,
    revision: u32,
}

/// The totals of a window, as they are put into an [`AnalyticsResult`], which judges them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResultTotals {
    /// Orders, each counted once: 1 to 2^63 - 1.
    pub order_count: u64,
    /// The sum of the orders' amounts; not negative.
    pub total_revenue: MoneySum,
    /// The sum of the orders' quantities: `order_count` or more, as each order has an item.
    pub total_items: i64,
    /// Users who ordered, each counted once: 1 to `order_count`.
    pub unique_users: u64,
}

/// Why parts make no analytics result: the field that would be wrong, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {fault}", name.text())]
pub struct ResultFault {
    name: Name,
    fault: Fault,
}

impl ResultFault {
    const fn contradiction(name: Name, reason: &'static str) -> Self {
        let fault = Fault::Contradiction(reason);
        Self { name, fault }
    }

    /// The field of the result that would be wrong.
    #[must_use]
    pub const fn field(&self) -> Field {
        self.name.field()
    }

    /// What is wrong with it.
    #[must_use]
    pub const fn fault(&self) -> &Fault {
        &self.fault
    }
}

impl AnalyticsResult {
    /// The result of the window that begins at the start of the range and ends before its end; `revision` is 0 for the
    /// first one of the window and one more for each later one.
    ///
    /// # Errors
    /// A window that does not end after it begins, a total outside its range, and two that contradict each other.
    pub fn new(window: Range<Timestamp>, totals: ResultTotals, revision: u32) -> Result<Self, ResultFault> {
        if window.end <= window.start {
            let reason = "is not after window_start";
            return Err(ResultFault::contradiction(Name::WindowEnd, reason));
        }
        totals.judge()?;
        Ok(Self {
            window_start: window.start,
            window_end: window.end,
            totals,
            revision,
        })
    }

    /// The first moment of the window.
    #[must_use]
    pub const fn window_start(&self) -> Timestamp {
        self.window_start
    }

    /// The first moment after the window.
    #[must_use]
    pub const fn window_end(&self) -> Timestamp {
        self.window_end
    }

    /// All totals.
    #[must_use]
    pub const fn totals(&self) -> ResultTotals {
        self.totals
    }

    /// Orders, each counted once: 1 to 2^63 - 1.
    #[must_use]
    pub const fn order_count(&self) -> u64 {
        self.totals.order_count
    }

    /// The sum of the orders' amounts; not negative.
    #[must_use]
    pub const fn total_revenue(&self) -> MoneySum {
        self.totals.total_revenue
    }

    /// The sum of the orders' quantities: [`Self::order_count`] or more, as each order has an item.
    #[must_use]
    pub const fn total_items(&self) -> i64 {
        self.totals.total_items
    }

    /// Users who ordered, each counted once: 1 to [`Self::order_count`].
    #[must_use]
    pub const fn unique_users(&self) -> u64 {
        self.totals.unique_users
    }

    /// The revenue for each order, rounded half-even to the cent.
    #[must_use]
    pub const fn average_order_value(&self) -> MoneySum {
        self.totals.total_revenue.average(self.totals.order_count)
    }

    /// 0 for the first result of the window, one more for each later one.
    #[must_use]
    pub const fn revision(&self) -> u32 {
        self.revision
    }

    /// The key of the record: the start of the window by RFC 3339.
    #[must_use]
    pub fn key(&self) -> String {
        self.window_start.to_string()
    }
}

impl ResultTotals {
    fn judge(&self) -> Result<(), ResultFault> {
        count(Name::OrderCount, self.order_count)?;
        count(Name::TotalItems, self.total_items)?;
        count(Name::UniqueUsers, self.unique_users)?;
        if self.total_revenue < MoneySum::default() {
            let negative = MoneyError::Negative(self.total_revenue.to_string());
            return Err(ResultFault {
                name: Name::TotalRevenue,
                fault: negative.into(),
            });
        }
        if self.total_items.unsigned_abs() < self.order_count {
            let reason = "is less than order_count";
            return Err(ResultFault::contradiction(Name::TotalItems, reason));
        }
        if self.unique_users > self.order_count {
            let reason = "is more than order_count";
            return Err(ResultFault::contradiction(Name::UniqueUsers, reason));
        }
        Ok(())
    }
}

/// A count must lie within [`COUNT`].
fn count<N>(name: Name, number: N) -> Result<(), ResultFault>
where
    N: Copy + std::fmt::Display + TryInto<i64>,
{
    if number.try_into().is_ok_and(|number| COUNT.contains(&number)) {
        return Ok(());
    }
    let fault = Fault::OutOfRange {
        value: number.to_string(),
        least: *COUNT.start(),
        most: *COUNT.end(),
    };
    Err(ResultFault { name, fault })
}
