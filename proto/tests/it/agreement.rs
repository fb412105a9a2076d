//! The fast reader and the careful one are one reader to the outside.
//!
//! `order::read` tries the fast one first; `Order::from_json` only knows the careful one.

use proptest::prelude::*;
use weir_proto::{Event, Fault, Order, order};

use crate::samples;

/// An order with a blank after each comma and colon, as Python's `json.dumps` writes it; within an id that looks like such
/// a place as well, which does not matter to who compares two readers.
fn spaced(value: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(value).unwrap();
    let blanks = [(",\"", ", \""), ("\":", "\": "), (",{", ", {")];
    let text = blanks
        .iter()
        .fold(text.to_owned(), |text, (tight, wide)| text.replace(tight, wide));
    text.into_bytes()
}

/// Checks that both readers say the same of `value`, the error included.
fn assert_agree(value: &[u8]) -> Result<(), TestCaseError> {
    match (order::read(value), Order::from_json(value)) {
        (Ok(Event::Created(view)), Ok(order)) => {
            prop_assert_eq!(view.order_id, order.order_id());
            prop_assert_eq!(view.user_id, order.user_id());
            prop_assert_eq!(view.currency, order.currency());
            prop_assert_eq!(view.total_amount, order.total_amount());
            prop_assert_eq!(
                view.total_items,
                order.items().iter().map(|item| item.quantity).sum::<i64>()
            );
            prop_assert_eq!(view.created_at, order.created_at());
        }
        (Ok(Event::Ignored), Err(error)) => prop_assert_eq!(error.fault, Fault::OtherType),
        (Err(fast), Err(careful)) => prop_assert_eq!(fast, careful),
        (fast, careful) => prop_assert!(false, "{:?} against {:?}", fast, careful),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_written_is_read_as_it_was(order in samples::order()) {
        let value = order.to_json();
        prop_assert_eq!(Order::from_json(&value).unwrap(), order);
        assert_agree(&value)?;
        assert_agree(&spaced(&value))?;
        let judge: serde_json::Value = serde_json::from_slice(&value).unwrap();
        prop_assert_eq!(&judge["event_type"], order::CREATED);
    }

    #[test]
    fn a_spoilt_order_is_judged_alike_by_both_readers(
        order in samples::order(),
        blanks in any::<bool>(),
        at in any::<prop::sample::Index>(),
        length in 0..4_usize,
        instead in prop_oneof![
            "[0-9]{0,3}",
            "[-+.eE:TZ,\"\\\\{}\\[\\] \u{0}\u{7f}\u{e9}]{0,2}",
            Just("\"}".to_owned()),
        ],
    ) {
        let mut value = if blanks { spaced(&order.to_json()) } else { order.to_json() };
        let start = at.index(value.len());
        let end = (start + length).min(value.len());
        value.splice(start..end, instead.bytes());
        assert_agree(&value)?;
    }

    #[test]
    fn an_order_written_by_somebody_else_reads_the_same(order in samples::order(), pretty in any::<bool>()) {
        // serde_json sorts the keys of a map: another order of fields than ours.
        let tree: serde_json::Value = serde_json::from_slice(&order.to_json()).unwrap();
        let value = if pretty { serde_json::to_vec_pretty(&tree) } else { serde_json::to_vec(&tree) }.unwrap();
        prop_assert_eq!(Order::from_json(&value).unwrap(), order);
        assert_agree(&value)?;
    }
}

#[test]
fn every_single_byte_of_an_order_may_be_any_other() {
    for order in [
        samples::PLAIN.as_bytes().to_vec(),
        spaced(samples::PLAIN.as_bytes()),
    ] {
        for at in 0..order.len() {
            let mut value = order.clone();
            for byte in 0..=u8::MAX {
                value[at] = byte;
                assert_agree(&value).unwrap();
            }
        }
    }
}

/// The fast reader takes numbers of up to seven digits, and looks at eight bytes.
#[test]
fn a_number_of_any_length_reads_the_same() {
    let digits = "123456789012345678901";
    for length in 0..digits.len() {
        for leading in ["", "0", "00", "-"] {
            let number = format!("{leading}{}", &digits[..length]);
            for (what, by) in [("129.90", format!("{number}.25")), (":2,", format!(":{number},"))] {
                let value = samples::PLAIN.replacen(what, &by, 1);
                assert_agree(value.as_bytes()).unwrap();
                assert_agree(&spaced(value.as_bytes())).unwrap();
            }
        }
    }
}

#[test]
fn an_order_may_end_anywhere() {
    for order in [
        samples::PLAIN.as_bytes().to_vec(),
        spaced(samples::PLAIN.as_bytes()),
    ] {
        for end in 0..order.len() {
            assert!(order::read(&order[..end]).is_err(), "{end}");
        }
    }
}
