//! The analytics result: topic `analytics-results`, key = start of the window, value JSON.

use serde::Serialize;

use crate::field::{self, Fault, Field, FieldReader, field_names};
use crate::{MoneySum, Timestamp};

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

/// What the orders of one window come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnalyticsResult {
    /// The first moment of the window.
    pub window_start: Timestamp,
    /// The first moment after the window.
    pub window_end: Timestamp,
    /// Orders, each counted once; never zero.
    pub order_count: u64,
    /// The sum of the orders' amounts.
    pub total_revenue: MoneySum,
    /// The sum of the orders' quantities; not less than `order_count`, as each order has an item.
    pub total_items: i64,
    /// Users who ordered, each counted once.
    pub unique_users: u64,
    /// 0 for the first result of the window, one more for each later one.
    pub revision: u32,
}

impl AnalyticsResult {
    /// The revenue for each order, rounded half-even to the cent.
    #[must_use]
    pub const fn average_order_value(&self) -> MoneySum {
        self.total_revenue.average(self.order_count)
    }

    /// The key of the record: the start of the window by RFC 3339.
    #[must_use]
    pub fn key(&self) -> String {
        self.window_start.to_string()
    }

    /// The result as the value of a record.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        format!(
            "{{\"window_start\":\"{}\",\"window_end\":\"{}\",\"order_count\":{},\"total_revenue\":\"{}\",\
             \"total_items\":{},\"unique_users\":{},\"average_order_value\":\"{}\",\"revision\":{}}}",
            self.window_start,
            self.window_end,
            self.order_count,
            self.total_revenue,
            self.total_items,
            self.unique_users,
            self.average_order_value(),
            self.revision,
        )
        .into_bytes()
    }

    /// Reads a result: every field once, no other one, none that contradicts another.
    ///
    /// # Errors
    /// What [`Self::to_json`] cannot have written, whatever the order of the fields and the white space.
    pub fn from_json(value: &[u8]) -> Result<Self, ResultError> {
        read(value).map_err(|error| *error)
    }
}

/// Does the work of [`AnalyticsResult::from_json`].
fn read(value: &[u8]) -> field::Result<AnalyticsResult> {
    let mut fields = FieldReader::new(value)?;
    let mut draft = Draft::default();
    if fields.object(Field::Value)?.is_some() {
        while let Some((offset, key)) = fields.key(Field::Value)? {
            draft.read_field(&mut fields, offset, &key)?;
        }
        let end = fields.offset() - 1;
        for name in Name::ALL {
            if draft.at[name as usize].is_none() {
                fields.note(name.field(), end, Fault::Missing);
            }
        }
    }
    fields.end()?;
    let result = draft.judge(&mut fields);
    match (fields.into_fault(), result) {
        (None, Some(result)) => Ok(result),
        (Some(fault), _) => Err(fault),
        (None, None) => Err(Box::new(ResultError {
            field: Field::Value,
            fault: Fault::Missing,
            offset: 0,
        })),
    }
}

/// The fields as far as they were seen and sound.
#[derive(Default)]
struct Draft {
    /// Where each of [`Name::ALL`] was seen.
    at: [Option<usize>; Name::ALL.len()],
    window_start: Option<Timestamp>,
    window_end: Option<Timestamp>,
    order_count: Option<i64>,
    total_revenue: Option<MoneySum>,
    total_items: Option<i64>,
    unique_users: Option<i64>,
    average_order_value: Option<MoneySum>,
    revision: Option<i64>,
}

impl Draft {
    fn read_field(&mut self, fields: &mut FieldReader<'_>, offset: usize, key: &str) -> field::Result<()> {
        let Some(name) = Name::of(key) else {
            fields.note(Field::Value, offset, Fault::Unknown(crate::text::excerpt(key)));
            return fields.skip(Field::Value);
        };
        let field = name.field();
        if self.at[name as usize].replace(offset).is_some() {
            fields.note(field, offset, Fault::Duplicate);
            return fields.skip(field);
        }
        match name {
            Name::WindowStart => self.window_start = fields.rfc3339(field, Timestamp::LAST)?,
            Name::WindowEnd => self.window_end = fields.rfc3339(field, Timestamp::LAST)?,
            Name::OrderCount => self.order_count = fields.integer(field, 1, i64::MAX)?,
            Name::TotalRevenue => self.total_revenue = fields.decimal(field, MoneySum::parse)?,
            Name::TotalItems => self.total_items = fields.integer(field, 1, i64::MAX)?,
            Name::UniqueUsers => self.unique_users = fields.integer(field, 1, i64::MAX)?,
            Name::AverageOrderValue => self.average_order_value = fields.decimal(field, MoneySum::parse)?,
            Name::Revision => self.revision = fields.integer(field, 0, i64::from(u32::MAX))?,
        }
        Ok(())
    }

    /// The result, if every field is there; contradictions are noted.
    fn judge(&self, fields: &mut FieldReader<'_>) -> Option<AnalyticsResult> {
        let result = AnalyticsResult {
            window_start: self.window_start?,
            window_end: self.window_end?,
            order_count: self.order_count?.unsigned_abs(),
            total_revenue: self.total_revenue?,
            total_items: self.total_items?,
            unique_users: self.unique_users?.unsigned_abs(),
            revision: u32::try_from(self.revision?).ok()?,
        };
        let mut contradiction = |name: Name, reason| {
            let offset = self.at[name as usize].unwrap_or_default();
            fields.note(name.field(), offset, Fault::Contradiction(reason));
        };
        if result.window_end <= result.window_start {
            contradiction(Name::WindowEnd, "is not after window_start");
        }
        if result.total_items.unsigned_abs() < result.order_count {
            contradiction(Name::TotalItems, "is less than order_count");
        }
        if result.unique_users > result.order_count {
            contradiction(Name::UniqueUsers, "is more than order_count");
        }
        if self.average_order_value? != result.average_order_value() {
            contradiction(Name::AverageOrderValue, "is not total_revenue / order_count");
        }
        Some(result)
    }
}

impl Serialize for AnalyticsResult {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;

        let mut out = serializer.serialize_struct("AnalyticsResult", Name::ALL.len())?;
        out.serialize_field(Name::WindowStart.text(), &self.window_start)?;
        out.serialize_field(Name::WindowEnd.text(), &self.window_end)?;
        out.serialize_field(Name::OrderCount.text(), &self.order_count)?;
        out.serialize_field(Name::TotalRevenue.text(), &self.total_revenue)?;
        out.serialize_field(Name::TotalItems.text(), &self.total_items)?;
        out.serialize_field(Name::UniqueUsers.text(), &self.unique_users)?;
        out.serialize_field(Name::AverageOrderValue.text(), &self.average_order_value())?;
        out.serialize_field(Name::Revision.text(), &self.revision)?;
        out.end()
    }
}
