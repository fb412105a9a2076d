//! Lines of one order put together; what the contract does not allow is sent as it is, for the job to refuse.

use serde::Serialize;

use super::InputRecord;
use super::decimal::Decimal;
use weir_proto::Timestamp;

/// One line of an order, as the file has it.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) order_id: String,
    pub(super) user_id: Option<String>,
    pub(super) product_id: String,
    pub(super) quantity: Option<i64>,
    pub(super) unit_price: Option<String>,
    pub(super) at_ms: Option<i64>,
}

/// What an order of a file is, which says what the job will do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sort {
    /// Counted.
    Sound,
    /// Sent as `order.cancelled`: ignored by the windows.
    Cancellation,
    /// Sent with an empty user: refused.
    WithoutCustomer,
    /// A quantity below one, a negative price, or one with more than two decimals: refused.
    Impossible,
}

#[derive(Serialize)]
struct OrderText<'a> {
    event_type: &'a str,
    order_id: &'a str,
    user_id: &'a str,
    currency: &'a str,
    total_amount: Option<String>,
    items: Vec<ItemText<'a>>,
    created_at: Option<String>,
}

#[derive(Serialize)]
struct ItemText<'a> {
    product_id: &'a str,
    quantity: Option<i64>,
    unit_price: Option<String>,
}

/// The order of these lines, which are never empty and share an order id; `inherited_ms` is its time if it has none.
pub(super) fn order(lines: &[Line], currency: &str, inherited_ms: i64) -> (Sort, InputRecord) {
    let order_id = lines[0].order_id.as_str();
    let user_id = lines
        .iter()
        .find_map(|line| line.user_id.as_deref())
        .unwrap_or_default();
    let at_ms = lines.iter().find_map(|line| line.at_ms);
    let prices: Vec<Option<Decimal>> = lines
        .iter()
        .map(|line| Decimal::parse(line.unit_price.as_deref()?))
        .collect();
    let total = lines
        .iter()
        .zip(&prices)
        .try_fold(Decimal::default(), |sum, (line, price)| {
            price
                .and_then(|price| price.times(line.quantity?))
                .and_then(|amount| sum.plus(amount))
        });
    let cancelled = order_id.starts_with('C');
    let text = OrderText {
        event_type: if cancelled {
            "order.cancelled"
        } else {
            "order.created"
        },
        order_id,
        user_id,
        currency,
        total_amount: total.map(|total| total.to_string()),
        items: lines
            .iter()
            .zip(&prices)
            .map(|(line, price)| ItemText {
                product_id: &line.product_id,
                quantity: line.quantity,
                unit_price: price.map(|price| price.to_string()),
            })
            .collect(),
        created_at: at_ms
            .and_then(Timestamp::from_millis)
            .map(|time| time.to_string()),
    };
    let value = serde_json::to_vec(&text).expect("strings and numbers are always JSON");
    let sort = if cancelled {
        Sort::Cancellation
    } else if user_id.is_empty() {
        Sort::WithoutCustomer
    } else if weir_proto::order::read(&value).is_err() {
        Sort::Impossible
    } else {
        Sort::Sound
    };
    let record = InputRecord {
        at_ms: at_ms.unwrap_or(inherited_ms),
        key: Some(order_id.as_bytes().to_vec()),
        value,
    };
    (sort, record)
}
