use super::*;
use crate::order::{CancelReason, State, Terms, Wanted};

const TERMS: Terms = Terms {
    lease_ms: 0,
    unpaid_ms: 0,
};

const EVIL: &str = "<script>alert('x')</script>\"&\u{202e}";

fn paid() -> Order {
    let line = |id: &str, quantity, price| Line {
        product_id: id.to_owned(),
        quantity,
        unit_price: Money::from_minor(price),
    };
    let wanted = Wanted {
        lines: vec![line("kb-1", 2, 6_495), line("nb-1", 10_000, 420)],
        address: Address {
            name: EVIL.to_owned(),
            line1: "東京都千代田区 1-1".to_owned(),
            line2: String::new(),
            city: "Köln & Bonn".to_owned(),
            postal_code: "50667".to_owned(),
            country: "DE".to_owned(),
        },
        method: None,
    };
    let mut order = Order::new(Order::new_id(), "usr_1", wanted, 0, TERMS);
    order.state = State::Paid;
    order.total = Money::from_minor(4_212_990);
    order.currency = "EUR".to_owned();
    order.created_at_ms = Some(1_790_000_000_007);
    order.paid_at_ms = Some(1_790_000_060_000);
    order.payment_id = Some("pay_1".to_owned());
    order
}

/// Every tag of the page is one of ours, however the texts read.
fn tags(page: &str) -> Vec<&str> {
    let tags = page
        .split('<')
        .skip(1)
        .map(|rest| rest.split('>').next().unwrap());
    tags.map(|tag| tag.trim_start_matches('/').split(' ').next().unwrap())
        .collect()
}

#[test]
fn an_invoice_says_who_pays_how_much_for_what() {
    let order = paid();
    let page = of(&order, Kind::Invoice, "Weir & Sons\n1 Mill Lane").unwrap();
    for text in [
        "<title>Invoice</title>",
        order.id(),
        "2026-09-21 14:13:20 UTC",
        "2026-09-21 14:14:20 UTC",
        "pay_1",
        "<bdi>Weir &amp; Sons</bdi><br><bdi>1 Mill Lane</bdi>",
        "東京都千代田区 1-1",
        "50667 Köln &amp; Bonn",
        "<td><bdi>kb-1</bdi></td><td class=\"n\">2</td><td class=\"n\">64.95</td><td class=\"n\">129.90</td>",
        "<td class=\"n\">10000</td><td class=\"n\">4.20</td><td class=\"n\">42000.00</td>",
        "Total in <bdi>EUR</bdi></td><td class=\"n\">42129.90</td>",
    ] {
        assert!(page.contains(text), "{text} is not in {page}");
    }
    assert!(!page.contains("ancel"), "{page}");
}

#[test]
fn a_credit_note_says_that_the_order_was_cancelled_and_the_money_is_given_back() {
    let mut order = paid();
    order.state = State::Cancelled;
    order.cancel_reason = Some(CancelReason::Client);
    order.cancelled_at_ms = Some(1_790_000_120_000);
    let page = of(&order, Kind::CreditNote, "").unwrap();
    for text in [
        "<title>Credit note</title>",
        "<dt>Cancelled</dt><dd>2026-09-21 14:15:20 UTC</dd>",
        "class=\"n\">−129.90</td>",
        "class=\"n\">−42129.90</td>",
        "42129.90 <bdi>EUR</bdi> is given back",
    ] {
        assert!(page.contains(text), "{text} is not in {page}");
    }
}

#[test]
fn no_text_of_people_becomes_a_part_of_the_page() {
    let mut order = paid();
    let before = tags(&of(&order, Kind::Invoice, "x").unwrap()).len();
    order.lines[0].product_id = EVIL.to_owned();
    order.payment_id = Some(EVIL.to_owned());
    order.currency = EVIL.to_owned();
    order.address.line1 = EVIL.to_owned();
    order.address.city = EVIL.to_owned();
    let page = of(&order, Kind::Invoice, EVIL).unwrap();
    assert!(!tags(&page).contains(&"script"), "{page}");
    assert_eq!(tags(&page).len(), before);
    // And nothing is loaded from anywhere.
    for word in ["http", "src=", "href=", "url(", "@import"] {
        assert!(!page.contains(word), "{word}");
    }
}

#[test]
fn an_order_that_says_nothing_of_its_amount_has_no_invoice() {
    let mut order = paid();
    order.total = None;
    assert!(of(&order, Kind::Invoice, "").is_err());
}
