//! The careful reader: any order of fields, any spelling that JSON allows, every fault told.

use std::borrow::Cow;

use super::{CREATED, Event, MAX_ITEMS, OrderError, OrderView};
use crate::field::{Fault, Field, FieldReader, Result};
use crate::{Money, Timestamp};

const EVENT_TYPE: Field = Field::Named("event_type");
const ORDER_ID: Field = Field::Named("order_id");
const USER_ID: Field = Field::Named("user_id");
const CURRENCY: Field = Field::Named("currency");
const TOTAL_AMOUNT: Field = Field::Named("total_amount");
const ITEMS: Field = Field::Named("items");
const CREATED_AT: Field = Field::Named("created_at");

/// One line of an order, borrowed.
pub(super) struct ItemView<'a> {
    pub(super) product_id: Cow<'a, str>,
    pub(super) quantity: i64,
    pub(super) unit_price: Money,
}

/// The fields as far as they were seen and sound.
#[derive(Default)]
struct Draft<'a> {
    seen: Seen,
    other_type: bool,
    order_id: Option<Cow<'a, str>>,
    user_id: Option<Cow<'a, str>>,
    currency: Option<Cow<'a, str>>,
    total_amount: Option<Money>,
    total_items: Option<i64>,
    created_at: Option<Timestamp>,
}

/// Which fields of an object were seen, one bit each.
#[derive(Default)]
struct Seen(u8);

impl Seen {
    /// Whether the field was seen before; it is from now on.
    fn again(&mut self, bit: u8) -> bool {
        let before = self.0 & (1 << bit) != 0;
        self.0 |= 1 << bit;
        before
    }
}

/// Reads an event and gives each sound item to `each_item`.
pub(super) fn read<'a>(value: &'a [u8], mut each_item: impl FnMut(ItemView<'a>)) -> Result<Event<'a>> {
    let mut fields = FieldReader::new(value)?;
    let mut draft = Draft::default();
    let is_object = fields.object(Field::Value)?.is_some();
    if is_object {
        while let Some((offset, key)) = fields.key(Field::Value)? {
            read_field(&mut fields, &mut draft, offset, &key, &mut each_item)?;
        }
    }
    let end = fields.offset().saturating_sub(1);
    fields.end()?;
    if draft.other_type {
        return Ok(Event::Ignored);
    }
    match fields.into_fault() {
        Some(fault) => Err(fault),
        None => draft.into_order(end).map(Event::Created),
    }
}

/// Reads the value of one field of the event.
fn read_field<'a>(
    fields: &mut FieldReader<'a>,
    draft: &mut Draft<'a>,
    offset: usize,
    key: &str,
    each_item: &mut impl FnMut(ItemView<'a>),
) -> Result<()> {
    let (bit, field) = match key {
        "event_type" => return read_event_type(fields, draft, offset),
        "order_id" => (1, ORDER_ID),
        "user_id" => (2, USER_ID),
        "currency" => (3, CURRENCY),
        "total_amount" => (4, TOTAL_AMOUNT),
        "items" => (5, ITEMS),
        "created_at" => (6, CREATED_AT),
        _ => return fields.skip(Field::Value),
    };
    if draft.seen.again(bit) {
        fields.note(field, offset, Fault::Duplicate);
        return fields.skip(field);
    }
    match key {
        "order_id" => draft.order_id = fields.id(field)?,
        "user_id" => draft.user_id = fields.id(field)?,
        "currency" => draft.currency = fields.currency(field)?,
        "total_amount" => draft.total_amount = fields.money(field)?,
        "items" => draft.total_items = read_items(fields, each_item)?,
        _ => draft.created_at = fields.time(field, Timestamp::LAST_EVENT)?,
    }
    Ok(())
}

/// Reads the type of the event. A fault of it is final at once: the type says whether other faults matter.
fn read_event_type<'a>(fields: &mut FieldReader<'a>, draft: &mut Draft<'a>, offset: usize) -> Result<()> {
    if draft.seen.again(0) {
        return Err(Box::new(OrderError {
            field: EVENT_TYPE,
            fault: Fault::Duplicate,
            offset,
        }));
    }
    draft.other_type = fields.event_type(EVENT_TYPE)? != CREATED;
    Ok(())
}

/// Reads the list of items; the sum of their quantities, if all are sound.
fn read_items<'a>(
    fields: &mut FieldReader<'a>,
    each_item: &mut impl FnMut(ItemView<'a>),
) -> Result<Option<i64>> {
    let Some(offset) = fields.array(ITEMS)? else {
        return Ok(None);
    };
    let mut total = 0_i64;
    let mut index = 0;
    while fields.element(ITEMS)? {
        if let Some(item) = read_item(fields, index, &mut total)? {
            each_item(item);
        }
        index += 1;
    }
    if index == 0 {
        fields.note(ITEMS, offset, Fault::Empty);
    }
    Ok(Some(total))
}

/// Reads one item and adds its quantity to `total`; `None` if a fault of it was noted.
fn read_item<'a>(
    fields: &mut FieldReader<'a>,
    index: usize,
    total: &mut i64,
) -> Result<Option<ItemView<'a>>> {
    if fields.object(Field::Item(index))?.is_none() {
        return Ok(None);
    }
    let mut seen = Seen::default();
    let (mut product_id, mut quantity, mut unit_price) = (None, None, None);
    while let Some((offset, key)) = fields.key(Field::Item(index))? {
        let (bit, name) = match key.as_ref() {
            "product_id" => (0, "product_id"),
            "quantity" => (1, "quantity"),
            "unit_price" => (2, "unit_price"),
            _ => {
                fields.skip(Field::Item(index))?;
                continue;
            }
        };
        let field = Field::OfItem(index, name);
        if seen.again(bit) {
            fields.note(field, offset, Fault::Duplicate);
            fields.skip(field)?;
            continue;
        }
        match bit {
            0 => product_id = fields.id(field)?,
            1 => {
                quantity = fields.integer(field, 1, MAX_ITEMS)?;
                *total = total.saturating_add(quantity.unwrap_or(0));
                if *total > MAX_ITEMS {
                    fields.note(field, offset, Fault::TooManyItems);
                }
            }
            _ => unit_price = fields.money(field)?,
        }
    }
    for (bit, name) in [(0, "product_id"), (1, "quantity"), (2, "unit_price")] {
        if !seen.again(bit) {
            fields.note(Field::OfItem(index, name), fields.offset() - 1, Fault::Missing);
        }
    }
    let (Some(product_id), Some(quantity), Some(unit_price)) = (product_id, quantity, unit_price) else {
        return Ok(None);
    };
    Ok(Some(ItemView {
        product_id,
        quantity,
        unit_price,
    }))
}

impl<'a> Draft<'a> {
    /// The order, if no field is missing from the object that ends at `end`.
    fn into_order(self, end: usize) -> Result<OrderView<'a>> {
        let missing = |field| {
            Box::new(OrderError {
                field,
                fault: Fault::Missing,
                offset: end,
            })
        };
        Ok(OrderView {
            order_id: self.order_id.ok_or_else(|| missing(ORDER_ID))?,
            user_id: self.user_id.ok_or_else(|| missing(USER_ID))?,
            currency: self.currency.ok_or_else(|| missing(CURRENCY))?,
            total_amount: self.total_amount.ok_or_else(|| missing(TOTAL_AMOUNT))?,
            total_items: self.total_items.ok_or_else(|| missing(ITEMS))?,
            created_at: self.created_at.ok_or_else(|| missing(CREATED_AT))?,
        })
    }
}
