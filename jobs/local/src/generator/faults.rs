//! What goes wrong in real topics: records that are no order, each kind with its name.

use weir_proto::Timestamp;
use weir_proto::order::Order;

use super::draft::{Draft, quoted, time};
use super::random::Random;

/// How far into the future a wrong clock is: beyond what the job tolerates (`--max-ahead`, a minute).
const AHEAD_MS: i64 = 3_600_000;

/// A way to spoil an order; `None` is a record without a value.
type Fault = fn(&Order) -> Option<Vec<u8>>;

const FAULTS: [Fault; 24] = [
    |_| None,
    |_| Some(Vec::new()),
    |_| Some(b"hello".to_vec()),
    |_| Some(b"[1,2,3]".to_vec()),
    |_| Some(vec![0xff, 0xfe, 0x00, 0x80, 0xc3, 0x28]),
    |_| Some(format!("{}1{}", "[".repeat(2_000), "]".repeat(2_000)).into_bytes()),
    |order| {
        let mut bytes = order.to_json();
        bytes.truncate(bytes.len() * 2 / 3);
        Some(bytes)
    },
    |order| {
        let mut bytes = Draft::of(order).text().into_bytes();
        let middle = bytes.len() / 2;
        bytes[middle] = 0xff;
        Some(bytes)
    },
    |order| spoil(order, |draft| draft.order_id = quoted("")),
    |order| spoil(order, |draft| draft.order_id = "null".into()),
    |order| spoil(order, |draft| draft.user_id = quoted("")),
    |order| spoil(order, |draft| draft.currency = quoted("XXX")),
    |order| spoil(order, |draft| draft.total_amount = quoted("-12.50")),
    |order| spoil(order, |draft| draft.total_amount = quoted("12.345")),
    |order| spoil(order, |draft| draft.total_amount = "1e400".into()),
    |order| spoil(order, |draft| draft.total_amount = quoted("NaN")),
    |order| spoil(order, |draft| draft.total_amount = quoted("92233720368547758.08")),
    |order| spoil(order, |draft| draft.items = item("0")),
    |order| spoil(order, |draft| draft.items = item("-3")),
    |order| spoil(order, |draft| draft.items = item("9223372036854775808")),
    |order| spoil(order, |draft| draft.created_at = quoted("0000-01-01T00:00:00Z")),
    |order| spoil(order, |draft| draft.created_at = quoted("9999-12-31T23:59:59Z")),
    |order| spoil(order, |draft| draft.created_at = quoted("yesterday")),
    |order| {
        let ahead = Timestamp::from_millis(order.created_at().millis() + AHEAD_MS)?;
        spoil(order, |draft| draft.created_at = time(ahead))
    },
];

/// A record that the job must refuse, made from a sound order.
pub(crate) fn fault(order: &Order, random: &mut Random) -> Option<Vec<u8>> {
    FAULTS[random.below(FAULTS.len() as u64) as usize](order)
}

fn spoil(order: &Order, change: impl FnOnce(&mut Draft)) -> Option<Vec<u8>> {
    let mut draft = Draft::of(order);
    change(&mut draft);
    Some(draft.text().into_bytes())
}

fn item(quantity: &str) -> String {
    format!(r#"[{{"product_id":"mug-enamel","quantity":{quantity},"unit_price":"11.80"}}]"#)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generator::tests::sample;

    #[test]
    fn every_fault_is_refused_or_ahead_of_its_time_or_in_another_currency() {
        let order = sample();
        for (index, fault) in FAULTS.iter().enumerate() {
            let value = fault(&order).unwrap_or_default();
            if let Ok(weir_proto::order::Event::Created(read)) = weir_proto::order::read(&value) {
                let ahead = read.created_at.millis() > order.created_at().millis() + 60_000;
                let foreign = read.currency != order.currency();
                assert!(
                    ahead || foreign,
                    "fault {index} is a sound order: {}",
                    String::from_utf8_lossy(&value)
                );
            }
        }
    }

    #[test]
    fn a_draft_left_alone_is_the_order_itself() {
        let order = sample();
        assert_eq!(Draft::of(&order).text().as_bytes(), order.to_json());
    }
}
