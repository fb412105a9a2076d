use weir_proto::{AnalyticsResult, Event, Money, MoneySum, Order, Timestamp, order};

#[test]
fn the_documented_order_is_read() {
    let value = br#"{"event_type":"order.created","order_id":"0198","user_id":"u-17","currency":"USD","total_amount":"129.90",
 "items":[{"product_id":"kb-1","quantity":2,"unit_price":"64.95"}],"created_at":"2026-11-23T02:36:00.123Z"}"#;
    let Event::Created(view) = order::read(value).unwrap() else {
        panic!("ignored")
    };
    assert_eq!(view.total_amount, Money::from_minor(12_990).unwrap());
    assert_eq!(view.total_items, 2);
    assert_eq!(view.created_at.to_string(), "2026-11-23T02:36:00.123Z");
    let order = Order::from_json(value).unwrap();
    assert_eq!(Order::from_json(&order.to_json()).unwrap(), order);
}

#[test]
fn the_documented_result_is_written() {
    let result = AnalyticsResult {
        window_start: Timestamp::parse_rfc3339("2026-11-23T02:36:00Z").unwrap(),
        window_end: Timestamp::parse_rfc3339("2026-11-23T02:37:00Z").unwrap(),
        order_count: 3,
        total_revenue: MoneySum::from_minor(38_970),
        total_items: 7,
        unique_users: 2,
        revision: 0,
    };
    let json = result.to_json();
    assert_eq!(
        std::str::from_utf8(&json).unwrap(),
        r#"{"window_start":"2026-11-23T02:36:00Z","window_end":"2026-11-23T02:37:00Z","order_count":3,"total_revenue":"389.70","total_items":7,"unique_users":2,"average_order_value":"129.90","revision":0}"#
    );
    assert_eq!(AnalyticsResult::from_json(&json).unwrap(), result);
    assert_eq!(serde_json::to_vec(&result).unwrap().len(), json.len());
}
