//! A result as JSON: written, and read by the rules of the type.

use serde::Serialize;

use super::{AnalyticsResult, COUNT, Name, ResultError, ResultFault, ResultTotals};
use crate::field::{self, Fault, Field, FieldReader};
use crate::{MoneySum, Timestamp};

impl AnalyticsResult {
    /// The result as the value of a record.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        format!(
            "{{\"window_start\":\"{}\",\"window_end\":\"{}\",\"order_count\":{},\"total_revenue\":\"{}\",\
             \"total_items\":{},\"unique_users\":{},\"average_order_value\":\"{}\",\"revision\":{}}}",
            self.window_start,
            self.window_end,
            self.order_count(),
            self.total_revenue(),
            self.total_items(),
            self.unique_users(),
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

impl Serialize for AnalyticsResult {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;

        let mut out = serializer.serialize_struct("AnalyticsResult", Name::ALL.len())?;
        out.serialize_field(Name::WindowStart.text(), &self.window_start)?;
        out.serialize_field(Name::WindowEnd.text(), &self.window_end)?;
        out.serialize_field(Name::OrderCount.text(), &self.order_count())?;
        out.serialize_field(Name::TotalRevenue.text(), &self.total_revenue())?;
        out.serialize_field(Name::TotalItems.text(), &self.total_items())?;
        out.serialize_field(Name::UniqueUsers.text(), &self.unique_users())?;
        out.serialize_field(Name::AverageOrderValue.text(), &self.average_order_value())?;
        out.serialize_field(Name::Revision.text(), &self.revision)?;
        out.end()
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
            Name::OrderCount => self.order_count = count(fields, field)?,
            Name::TotalRevenue => self.total_revenue = fields.decimal(field, MoneySum::parse)?,
            Name::TotalItems => self.total_items = count(fields, field)?,
            Name::UniqueUsers => self.unique_users = count(fields, field)?,
            Name::AverageOrderValue => self.average_order_value = fields.decimal(field, MoneySum::parse)?,
            Name::Revision => self.revision = fields.integer(field, 0, i64::from(u32::MAX))?,
        }
        Ok(())
    }

    /// The result, if every field is there; contradictions are noted.
    fn judge(&self, fields: &mut FieldReader<'_>) -> Option<AnalyticsResult> {
        let totals = ResultTotals {
            order_count: self.order_count?.unsigned_abs(),
            total_revenue: self.total_revenue?,
            total_items: self.total_items?,
            unique_users: self.unique_users?.unsigned_abs(),
        };
        let revision = u32::try_from(self.revision?).ok()?;
        let average = self.average_order_value?;
        let result = AnalyticsResult::new(self.window_start?..self.window_end?, totals, revision);
        let wrong = match result {
            Ok(result) if average == result.average_order_value() => return Some(result),
            Ok(_) => {
                let reason = "is not total_revenue / order_count";
                ResultFault::contradiction(Name::AverageOrderValue, reason)
            }
            Err(wrong) => wrong,
        };
        let offset = self.at[wrong.name as usize].unwrap_or_default();
        fields.note(wrong.field(), offset, wrong.fault);
        None
    }
}

fn count(fields: &mut FieldReader<'_>, field: Field) -> field::Result<Option<i64>> {
    fields.integer(field, *COUNT.start(), *COUNT.end())
}
