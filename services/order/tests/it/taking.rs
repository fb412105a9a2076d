//! Taking, cancelling and expiring an order.

use order_service::order::State;
use service_common::failure::Code;
use test_support::databases::each_database_url;
use weir_proto::order;
use weir_rpc::order::v1::OrderStatus;

use crate::instance::{Instance, request};
use crate::others::{Others, PRICE, Reservation};

#[test]
fn an_order_that_is_taken_has_its_stock_and_one_event_that_the_windows_read() {
    each_database_url(|url| {
        let others = Others::new(1, 10, 0);
        let instance = Instance::start(url, &others);
        let answer = instance.take(request("k", 3, None)).unwrap();
        assert_eq!(answer.status(), OrderStatus::Reserved);
        assert_eq!(answer.total.unwrap().minor_units, 3 * PRICE);
        assert_eq!(others.world().stock, 7);
        let payload: String = instance
            .runtime
            .block_on(
                sqlx::query_scalar("SELECT payload FROM outbox_events").fetch_one(instance.database.pool()),
            )
            .unwrap();
        let order::Event::Created(event) = order::read(payload.as_bytes()).unwrap() else {
            panic!("{payload}")
        };
        assert_eq!(event.order_id, answer.order_id);
        assert_eq!(event.total_items, 3);
        assert_eq!(event.total_amount.minor(), 3 * PRICE);
        let created_at = answer.created_at.unwrap();
        assert_eq!(
            event.created_at.millis(),
            created_at.seconds * 1_000 + i64::from(created_at.nanos) / 1_000_000
        );
    });
}

#[test]
fn the_same_key_gives_the_same_answer_and_no_second_order() {
    each_database_url(|url| {
        let others = Others::new(1, 10, 0);
        let instance = Instance::start(url, &others);
        let first = instance.take(request("k", 3, None)).unwrap();
        assert_eq!(instance.take(request("k", 3, None)), Ok(first.clone()));
        let other = instance.take(request("k", 4, None)).unwrap_err();
        assert_eq!(other.code, Code::KeyReused);
        assert_ne!(
            instance.take(request("l", 3, None)).unwrap().order_id,
            first.order_id
        );
        assert_eq!(instance.number("SELECT COUNT(*) FROM orders"), 2);
        assert_eq!(others.world().stock, 4);
    });
}

#[test]
fn an_order_without_stock_fails_for_good_and_tells_nobody() {
    each_database_url(|url| {
        let others = Others::new(1, 2, 0);
        let instance = Instance::start(url, &others);
        let failure = instance.take(request("k", 3, None)).unwrap_err();
        assert_eq!(failure.code, Code::OutOfStock);
        others.world().stock = 100;
        assert_eq!(instance.take(request("k", 3, None)), Err(failure));
        assert_eq!(instance.number("SELECT COUNT(*) FROM outbox_events"), 0);
    });
}

#[test]
fn an_order_whose_stock_cannot_be_asked_for_is_taken_by_the_next_attempt() {
    each_database_url(|url| {
        let others = Others::new(1, 10, 100);
        let instance = Instance::start(url, &others);
        let failure = instance.take(request("k", 3, None)).unwrap_err();
        assert_eq!(failure.code, Code::Unavailable);
        others.world().lost_percent = 0;
        let answer = instance.take(request("k", 3, None)).unwrap();
        assert_eq!(answer.status(), OrderStatus::Reserved);
        assert_eq!(instance.number("SELECT COUNT(*) FROM orders"), 1);
    });
}

#[test]
fn an_order_whose_client_never_came_back_is_taken_by_the_sweeper_with_the_answer_kept() {
    each_database_url(|url| {
        let others = Others::new(1, 10, 100);
        let instance = Instance::start(url, &others);
        instance.take(request("k", 3, None)).unwrap_err();
        others.world().lost_percent = 0;
        instance.let_time_pass();
        instance.attend();
        assert_eq!(instance.number("SELECT COUNT(*) FROM outbox_events"), 1);
        let answer = instance.take(request("k", 3, None)).unwrap();
        assert_eq!(answer.status(), OrderStatus::Reserved);
    });
}

#[test]
fn a_cancelled_order_gives_its_stock_back_and_is_nobody_elses_to_cancel() {
    each_database_url(|url| {
        let others = Others::new(1, 10, 0);
        let instance = Instance::start(url, &others);
        let answer = instance.take(request("k", 3, None)).unwrap();
        let cancel = |user: &'static str| {
            let orders = instance.orders.clone();
            let id = answer.order_id.clone();
            instance
                .runtime
                .block_on(async move { orders.cancel(&id, |order| order.user_id() == user).await })
        };
        assert_eq!(cancel("usr_2").unwrap_err().code, Code::NotFound);
        assert_eq!(cancel("usr_1").unwrap().state(), State::Cancelled);
        assert_eq!(cancel("usr_1").unwrap().state(), State::Cancelled);
        instance.let_time_pass();
        instance.attend();
        assert_eq!(others.world().stock, 10);
        assert_eq!(others.world().reservations[&answer.order_id].0, Reservation::Gone);
        assert_eq!(instance.number("SELECT COUNT(*) FROM outbox_events"), 2);
    });
}

#[test]
fn an_order_that_is_not_paid_in_time_is_cancelled() {
    each_database_url(|url| {
        let others = Others::new(1, 10, 0);
        let instance = Instance::start(url, &others);
        instance.take(request("k", 3, None)).unwrap();
        instance.let_time_pass();
        instance.attend();
        assert_eq!(others.world().stock, 7, "its time is not up");
        instance.number("SELECT COUNT(*) FROM orders");
        instance.runtime.block_on(async {
            let mut transaction = instance.database.begin().await.unwrap();
            sqlx::query("UPDATE orders SET until_ms = 0, attend_at_ms = 0")
                .execute(&mut *transaction)
                .await
                .unwrap();
            transaction.commit().await.unwrap();
        });
        instance.attend();
        instance.let_time_pass();
        instance.attend();
        assert_eq!(others.world().stock, 10);
        let expired = "SELECT COUNT(*) FROM orders WHERE state = 'cancelled' AND cancel_reason = 'expired'";
        assert_eq!(instance.number(expired), 1);
    });
}
