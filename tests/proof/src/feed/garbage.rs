//! Values that are no valid order, each wrong in one way.

use super::layout::{OrderText, money, spelled_out, time};

/// The kinds of garbage; [`garbage`] makes each.
pub const KINDS: [&str; 51] = [
    "empty value",
    "no json",
    "cut short",
    "trailing bytes",
    "not utf8",
    "nul bytes",
    "array",
    "text",
    "null literal",
    "deep nesting",
    "long",
    "doubled key",
    "amount 1e400",
    "amount -0.00",
    "amount -5",
    "amount 12.345",
    "amount NaN",
    "amount empty",
    "amount too large",
    "amount a cent too large",
    "amount leading zero",
    "amount 1e-3",
    "amount without exponent",
    "amount hexadecimal",
    "amount null",
    "amount missing",
    "amount true",
    "amount number -1",
    "amount number 1e400",
    "quantity 0",
    "quantity -1",
    "quantity 2^63",
    "quantity text",
    "quantity 1.5",
    "quantity missing",
    "items no array",
    "items missing",
    "time year 0",
    "time year 9999",
    "time 1969",
    "time -1",
    "time offset without colon",
    "time yesterday",
    "time date only",
    "time february 30",
    "time missing",
    "user empty",
    "user missing",
    "order id missing",
    "order id number",
    "currency unknown",
];

/// The bytes of a value of this kind, otherwise like `order`.
///
/// # Panics
/// When there is no such kind.
pub fn garbage(kind: &str, order: &OrderText) -> Vec<u8> {
    let own = || spelled_out(order, "order.created");
    let total = format!(r#""total_amount":"{}""#, money(order.total_minor));
    let created = format!(r#""created_at":"{}""#, time(order.created_ms, 0));
    let user = format!(r#""user_id":"{}""#, order.user_id);
    let id = format!(r#""order_id":"{}""#, order.order_id);
    let amount = |value: &str| {
        own()
            .replace(&total, &format!(r#""total_amount":{value}"#))
            .into_bytes()
    };
    let at = |value: &str| {
        own()
            .replace(&created, &format!(r#""created_at":{value}"#))
            .into_bytes()
    };
    let quantity = |value: &str| {
        let item = format!(r#"{{"product_id":"p-1"{value},"unit_price":"1.00"}}"#);
        with_items(&own(), &format!(r#""items":[{item}]"#))
    };
    match kind {
        "empty value" => Vec::new(),
        "no json" => b"{ not json".to_vec(),
        "cut short" => own().as_bytes()[..own().len() / 2].to_vec(),
        "trailing bytes" => (own() + " x").into_bytes(),
        "not utf8" => {
            let mut bytes = own().into_bytes();
            let place = own().find(&order.user_id).expect("the order names its user");
            bytes[place] = 0xff;
            bytes
        }
        "nul bytes" => vec![0; 64],
        "array" => format!("[{}]", own()).into_bytes(),
        "text" => b"\"order.created\"".to_vec(),
        "null literal" => b"null".to_vec(),
        "deep nesting" => format!(r#"{{"note":{}{}"#, "[".repeat(100_000), "]".repeat(100_000)).into_bytes(),
        "long" => vec![b'x'; 300_000],
        "doubled key" => own()
            .replace(&total, &format!(r#"{total},"total_amount":"1.00""#))
            .into_bytes(),
        "amount 1e400" => amount(r#""1e400""#),
        "amount -0.00" => amount(r#""-0.00""#),
        "amount -5" => amount(r#""-5""#),
        "amount 12.345" => amount(r#""12.345""#),
        "amount NaN" => amount(r#""NaN""#),
        "amount empty" => amount(r#""""#),
        "amount too large" => amount(r#""99999999999999999999999999999.00""#),
        "amount a cent too large" => amount(r#""92233720368547758.08""#),
        "amount leading zero" => amount(r#""01.50""#),
        "amount 1e-3" => amount("1e-3"),
        "amount without exponent" => amount(r#""1e""#),
        "amount hexadecimal" => amount(r#""0x10""#),
        "amount null" => amount("null"),
        "amount missing" => own().replace(&format!("{total},"), "").into_bytes(),
        "amount true" => amount("true"),
        "amount number -1" => amount("-1"),
        "amount number 1e400" => amount("1e400"),
        "quantity 0" => quantity(r#","quantity":0"#),
        "quantity -1" => quantity(r#","quantity":-1"#),
        "quantity 2^63" => quantity(r#","quantity":9223372036854775808"#),
        "quantity text" => quantity(r#","quantity":"2""#),
        "quantity 1.5" => quantity(r#","quantity":1.5"#),
        "quantity missing" => quantity(""),
        "items no array" => with_items(
            &own(),
            r#""items":{"product_id":"p-1","quantity":1,"unit_price":"1.00"}"#,
        ),
        "items missing" => with_items(&own(), r#""goods":[]"#),
        "time year 0" => at(r#""0000-01-01T00:00:00Z""#),
        "time year 9999" => at(r#""9999-01-01T00:00:00Z""#),
        "time 1969" => at(r#""1969-12-31T23:59:59.999Z""#),
        "time -1" => at("-1"),
        "time offset without colon" => at(r#""2024-02-28T22:00:00+0100""#),
        "time yesterday" => at(r#""yesterday""#),
        "time date only" => at(r#""2024-02-28""#),
        "time february 30" => at(r#""2024-02-30T00:00:00Z""#),
        "time missing" => own().replace(&format!(",{created}"), "").into_bytes(),
        "user empty" => own().replace(&user, r#""user_id":"""#).into_bytes(),
        "user missing" => own().replace(&format!("{user},"), "").into_bytes(),
        "order id missing" => own().replace(&format!("{id},"), "").into_bytes(),
        "order id number" => own().replace(&id, r#""order_id":17"#).into_bytes(),
        "currency unknown" => own().replace(r#""USD""#, r#""XTS""#).into_bytes(),
        other => panic!("no kind of garbage: {other}"),
    }
}

fn with_items(own: &str, items: &str) -> Vec<u8> {
    let (head, tail) = own.split_once(r#""items":["#).expect("our own layout has items");
    let (_, tail) = tail.split_once(']').expect("our own layout closes its items");
    format!("{head}{items}{tail}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_differs_from_the_order_it_is_made_of() {
        let order = OrderText::new(
            "o-1",
            "u-1",
            vec![("p-1".to_owned(), 2, 6_495)],
            1_709_157_600_123,
        );
        for kind in KINDS {
            assert_ne!(
                garbage(kind, &order),
                spelled_out(&order, "order.created").into_bytes(),
                "{kind}"
            );
        }
    }
}
