//! The careful reader: any order of fields, any spelling that JSON allows, every fault told.

use std::borrow::Cow;

use super::{CREATED, MAX_ITEMS, OrderError, OrderView};
use crate::field::{Fault, Field, FieldReader, Result, field_names};
use crate::{Money, Timestamp};

field_names! {
    /// The fields of an order.
    enum Name {
        EventType = "event_type",
        OrderId = "order_id",
        UserId = "user_id",
        Currency = "currency",
        TotalAmount = "total_amount",
        Items = "items",
        CreatedAt = "created_at",
    }
}

impl Name {
    const fn field(self) -> Field {
        Field::Named(self.text())
    }
}

field_names! {
    /// The fields of an item.
    enum ItemName {
        ProductId = "product_id",
        Quantity = "quantity",
        UnitPrice = "unit_price",
    }
}

/// What a value is that has no fault.
pub(super) enum Outcome<'a> {
    /// An order.
    Order(OrderView<'a>),
    /// An event of another type, which stands at this byte.
    OtherType { offset: usize },
}

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
    /// Where the type stands, if it is another one.
    other_type: Option<usize>,
    order_id: Option<Cow<'a, str>>,
    user_id: Option<Cow<'a, str>>,
    currency: Option<Cow<'a, str>>,
    /// Where the currency stands, once it was seen.
    currency_offset: usize,
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
pub(super) fn read<'a>(value: &'a [u8], mut each_item: impl FnMut(ItemView<'a>)) -> Result<Outcome<'a>> {
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
    if let Some(offset) = draft.other_type {
        return Ok(Outcome::OtherType { offset });
    }
    match fields.into_fault() {
        Some(fault) => Err(fault),
        None => draft.into_order(end).map(Outcome::Order),
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
    let Some(name) = Name::of(key) else {
        return fields.skip(Field::Value);
    };
    let field = name.field();
    let again = draft.seen.again(name as u8);
    if again && name != Name::EventType {
        fields.note(field, offset, Fault::Duplicate);
        return fields.skip(field);
    }
    match name {
        // A fault of the type is final at once: it says whether other faults matter.
        Name::EventType if again => {
            return Err(Box::new(OrderError {
                field,
                fault: Fault::Duplicate,
                offset,
            }));
        }
        Name::EventType => {
            let place = fields.next_value();
            draft.other_type = (fields.event_type(field)? != CREATED).then_some(place);
        }
        Name::OrderId => draft.order_id = fields.id(field)?,
        Name::UserId => draft.user_id = fields.id(field)?,
        Name::Currency => {
            draft.currency_offset = fields.next_value();
            draft.currency = fields.currency(field)?;
        }
        Name::TotalAmount => draft.total_amount = fields.money(field)?,
        Name::Items => draft.total_items = read_items(fields, each_item)?,
        Name::CreatedAt => draft.created_at = fields.time(field, Timestamp::LAST_EVENT)?,
    }
    Ok(())
}

/// Reads the list of items; the sum of their quantities, if all are sound.
fn read_items<'a>(
    fields: &mut FieldReader<'a>,
    each_item: &mut impl FnMut(ItemView<'a>),
) -> Result<Option<i64>> {
    let Some(offset) = fields.array(Name::Items.field())? else {
        return Ok(None);
    };
    let mut total = 0_i64;
    let mut index = 0;
    while fields.element(Name::Items.field())? {
        if let Some(item) = read_item(fields, index, &mut total)? {
            each_item(item);
        }
        index += 1;
    }
    if index == 0 {
        fields.note(Name::Items.field(), offset, Fault::Empty);
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
        let Some(name) = ItemName::of(&key) else {
            fields.skip(Field::Item(index))?;
            continue;
        };
        let field = Field::OfItem(index, name.text());
        if seen.again(name as u8) {
            fields.note(field, offset, Fault::Duplicate);
            fields.skip(field)?;
            continue;
        }
        match name {
            ItemName::ProductId => product_id = fields.id(field)?,
            ItemName::Quantity => {
                let place = fields.next_value();
                quantity = fields.integer(field, 1, MAX_ITEMS)?;
                *total = total.saturating_add(quantity.unwrap_or(0));
                if *total > MAX_ITEMS {
                    fields.note(field, place, Fault::TooManyItems);
                }
            }
            ItemName::UnitPrice => unit_price = fields.money(field)?,
        }
    }
    for name in ItemName::ALL {
        if !seen.again(name as u8) {
            let field = Field::OfItem(index, name.text());
            fields.note(field, fields.offset() - 1, Fault::Missing);
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
        let missing = |name: Name| {
            Box::new(OrderError {
                field: name.field(),
                fault: Fault::Missing,
                offset: end,
            })
        };
        Ok(OrderView {
            order_id: self.order_id.ok_or_else(|| missing(Name::OrderId))?,
            user_id: self.user_id.ok_or_else(|| missing(Name::UserId))?,
            currency: self.currency.ok_or_else(|| missing(Name::Currency))?,
            currency_offset: self.currency_offset,
            total_amount: self.total_amount.ok_or_else(|| missing(Name::TotalAmount))?,
            total_items: self.total_items.ok_or_else(|| missing(Name::Items))?,
            created_at: self.created_at.ok_or_else(|| missing(Name::CreatedAt))?,
        })
    }
}
