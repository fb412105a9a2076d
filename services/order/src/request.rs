//! Requests, judged: all their faults at once.

use service_common::failure::{Failure, FieldFaults};
use service_common::ids::{is_id, judge_id};
use weir_rpc::common::v1 as common;
use weir_rpc::order::v1 as rpc;

use crate::order::{Line, Wanted};

/// The most lines of an order.
pub(crate) const MOST_LINES: usize = 100;
/// The most of a product in a line.
pub(crate) const MOST_OF_A_PRODUCT: u32 = 10_000;
/// The longest text of an address, in characters.
const LONGEST_TEXT: usize = 200;

/// What a user wants to order.
///
/// # Errors
/// Each field that is wrong.
pub(crate) fn wanted(request: &rpc::CreateOrderRequest) -> Result<Wanted, Failure> {
    let mut faults = FieldFaults::default();
    if request.items.is_empty() || request.items.len() > MOST_LINES {
        let found = request.items.len();
        faults.add("items", format!("{found} lines; an order has 1 to {MOST_LINES}"));
    }
    for (n, item) in request.items.iter().enumerate().take(MOST_LINES) {
        judge_id(&mut faults, &format!("items[{n}].product_id"), &item.product_id);
        if item.quantity == 0 || item.quantity > MOST_OF_A_PRODUCT {
            faults.add(
                format!("items[{n}].quantity"),
                format!("`{}` is not between 1 and {MOST_OF_A_PRODUCT}", item.quantity),
            );
        }
    }
    let address = request.shipping_address.clone().unwrap_or_else(|| {
        faults.add("shipping_address", "missing");
        common::Address::default()
    });
    if request.shipping_address.is_some() {
        judge_address(&mut faults, &address);
    }
    if !request.payment_method.is_empty() {
        judge_id(&mut faults, "payment_method", &request.payment_method);
    }
    faults.check()?;
    let lines = request.items.iter().map(|item| Line {
        product_id: item.product_id.clone(),
        quantity: item.quantity,
        unit_price: None,
    });
    Ok(Wanted {
        lines: lines.collect(),
        address: address.into(),
        method: Some(request.payment_method.clone()).filter(|method| !method.is_empty()),
    })
}

/// The id of an order, or `None` for what cannot be one: there is no such order then.
pub(crate) fn order_id(text: &str) -> Option<&str> {
    is_id(text).then_some(text)
}

/// Where a page begins.
///
/// # Errors
/// The cursor is not one that was given.
pub(crate) fn cursor(text: &str) -> Result<Option<&str>, Failure> {
    match text {
        "" => Ok(None),
        text if is_id(text) => Ok(Some(text)),
        _ => Err(Failure::field(
            "cursor",
            "not a cursor that was given with a page",
        )),
    }
}

fn judge_address(faults: &mut FieldFaults, address: &common::Address) {
    let required = [
        ("name", &address.name),
        ("line1", &address.line1),
        ("city", &address.city),
        ("postal_code", &address.postal_code),
    ];
    for (name, text) in required {
        let field = format!("shipping_address.{name}");
        if text.trim().is_empty() {
            faults.add(field, "missing");
        } else {
            plain_text(faults, field, text);
        }
    }
    plain_text(faults, "shipping_address.line2".to_owned(), &address.line2);
    let is_code = address.country.len() == 2 && address.country.bytes().all(|b| b.is_ascii_uppercase());
    if !is_code {
        faults.add(
            "shipping_address.country",
            "not an ISO 3166-1 code of two upper-case letters, such as `DE`",
        );
    }
}

fn plain_text(faults: &mut FieldFaults, field: String, text: &str) {
    if text.chars().count() > LONGEST_TEXT {
        faults.add(field, format!("longer than {LONGEST_TEXT} characters"));
    } else if text.chars().any(char::is_control) {
        faults.add(field, "holds control characters");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_an_id_or_a_cursor_never_reaches_the_database() {
        for text in [
            "",
            "a\0b",
            "ord 1",
            "ü",
            &"x".repeat(129),
            "'; DROP TABLE orders --",
        ] {
            assert_eq!(order_id(text), None, "{text:?}");
            assert_eq!(cursor(text).is_ok(), text.is_empty(), "{text:?}");
        }
        assert_eq!(order_id("ord_1"), Some("ord_1"));
        assert_eq!(cursor("ord_1"), Ok(Some("ord_1")));
    }

    #[test]
    fn all_faults_of_a_request_are_told_at_once() {
        let request = rpc::CreateOrderRequest {
            items: vec![
                rpc::OrderLine {
                    product_id: String::new(),
                    quantity: 1,
                },
                rpc::OrderLine {
                    product_id: "kb-1".to_owned(),
                    quantity: 0,
                },
            ],
            shipping_address: Some(common::Address {
                country: "Germany".to_owned(),
                ..common::Address::default()
            }),
            ..rpc::CreateOrderRequest::default()
        };
        let failure = wanted(&request).unwrap_err();
        let fields: Vec<&str> = failure.fields.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "items[0].product_id",
                "items[1].quantity",
                "shipping_address.name",
                "shipping_address.line1",
                "shipping_address.city",
                "shipping_address.postal_code",
                "shipping_address.country",
            ]
        );
    }
}
