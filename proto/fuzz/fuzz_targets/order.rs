//! Whatever the bytes: no panic, both readers of an order agree, and what was read can be written and read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use weir_proto::{Event, Fault, Order, order};

fuzz_target!(|value: &[u8]| {
    match (order::read(value), Order::from_json(value)) {
        (Ok(Event::Created(view)), Ok(order)) => {
            assert_eq!(view.order_id, order.order_id);
            assert_eq!(view.user_id, order.user_id);
            assert_eq!(view.currency, order.currency);
            assert_eq!(view.total_amount, order.total_amount);
            assert_eq!(
                view.total_items,
                order.items.iter().map(|item| item.quantity).sum::<i64>()
            );
            assert_eq!(view.created_at, order.created_at);
            assert_eq!(Order::from_json(&order.to_json()), Ok(order));
        }
        (Ok(Event::Ignored), Err(error)) => assert_eq!(error.fault, Fault::OtherType),
        (Err(read), Err(owned)) => {
            assert_eq!(read, owned);
            assert!(read.offset <= value.len());
            assert!(read.to_string().len() < 600);
        }
        (read, owned) => panic!("{read:?} against {owned:?}"),
    }
});
