//! An order has itself paid by the method it brought along.

use payment_service::payment::Status;
use service_common::failure::Code;
use test_support::databases::on_each_database;

use crate::instance::{Instance, asked};
use crate::line::Fault;
use crate::others::OrderState;

#[test]
fn a_payment_that_was_promised_is_made_and_asking_again_makes_no_other() {
    on_each_database(async |url| {
        let it = Instance::new(&url).await;
        it.desk.take("ord_1", "usr_1");
        for _ in 0..3 {
            let payment = it.payments.accept(asked("pay_1", "ord_1", "good")).await.unwrap();
            assert_eq!(payment.id(), "pay_1");
        }
        it.wait_until("pay_1", |payment| payment.is_told()).await;
        assert_eq!(it.desk.order("ord_1").state, OrderState::Paid);
        assert_eq!(it.bank.intents(), 1);
    });
}

#[test]
fn a_second_payment_of_an_order_and_the_id_of_another_order_s_are_refused() {
    on_each_database(async |url| {
        let it = Instance::new(&url).await;
        it.desk.take("ord_1", "usr_1");
        it.desk.take("ord_2", "usr_1");
        it.payments
            .accept(asked("pay_1", "ord_1", "action"))
            .await
            .unwrap();
        let second = it.payments.accept(asked("pay_2", "ord_1", "good")).await;
        assert_eq!(second.unwrap_err().code, Code::PaymentLive);
        let another_s = it.payments.accept(asked("pay_1", "ord_2", "good")).await;
        assert_eq!(another_s.unwrap_err().code, Code::PaymentState);
    });
}

#[test]
fn a_decline_is_told_until_the_order_has_acknowledged_it() {
    on_each_database(async |url| {
        let it = Instance::new(&url).await;
        it.desk.take("ord_1", "usr_1");
        it.desk.change("ord_1", |order| order.has_method = true);
        let mut lost = 0;
        it.line.disturb(move |name| {
            lost += i32::from(name == "settled");
            match (name, lost) {
                ("settled", 1 | 2) => Fault::LostBefore,
                ("settled", 3) => Fault::LostAfter,
                _ => Fault::None,
            }
        });
        it.payments.accept(asked("pay_1", "ord_1", "bad")).await.unwrap();
        let payment = it.sweep_until("pay_1", |payment| payment.is_told()).await;
        assert_eq!(payment.status(), Status::Declined);
        assert_eq!(it.desk.order("ord_1").state, OrderState::Failed);
        assert_eq!(it.line.calls("settled"), 4);
        assert_eq!(it.told().await, []);
    });
}
