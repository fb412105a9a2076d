//! Drivers that die, are slow, or get no answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use payment_service::Rules;
use payment_service::payment::Status;
use payment_service::provider::IntentState;
use test_support::databases::on_each_database;

use crate::instance::{Instance, rules};
use crate::line::Fault;
use crate::others::OrderState;

/// Starts a driver and kills it once a call is held. False where none was: the driver came to its end.
async fn kill_when_held(it: &Instance, id: &str) -> bool {
    let (payments, driven) = (it.payments.clone(), id.to_owned());
    let mut driver = tokio::spawn(async move { payments.drive(&driven).await });
    tokio::select! {
        () = it.line.held() => {}
        ended = &mut driver => {
            ended.unwrap();
            return false;
        }
    }
    driver.abort();
    let _ = driver.await;
    true
}

#[test]
fn a_payment_whose_driver_is_killed_at_any_step_is_finished_by_the_sweeper() {
    on_each_database(async |url| {
        let it = Instance::new(&url).await;
        for (method, expected) in [("good", OrderState::Paid), ("bad", OrderState::Reserved)] {
            for fault in [Fault::HeldBefore, Fault::HeldAfter] {
                for step in 0.. {
                    let order_id = format!("ord_{method}_{fault:?}_{step}");
                    it.desk.take(&order_id, "usr_1");
                    let payment = it.promise(&order_id, method).await;
                    let calls = Arc::new(AtomicUsize::new(0));
                    let counted = Arc::clone(&calls);
                    it.line
                        .disturb(move |_| match counted.fetch_add(1, Ordering::SeqCst) == step {
                            true => fault,
                            false => Fault::None,
                        });
                    let was_killed = kill_when_held(&it, payment.id()).await;
                    it.line.repair();
                    // Nobody takes over before the lease has run out.
                    if was_killed {
                        let held = it.payment(payment.id()).await;
                        it.payments.drive(payment.id()).await;
                        assert_eq!(it.payment(payment.id()).await, held);
                    }
                    it.leases_run_out().await;
                    it.sweep_until(payment.id(), |payment| payment.is_told()).await;
                    let order = it.desk.order(&order_id);
                    assert_eq!(order.state, expected, "{order_id}");
                    let [intent] = it.bank.intents_of(&payment).try_into().unwrap();
                    assert_eq!(intent.charges, u32::from(method == "good"), "{order_id}");
                    if !was_killed {
                        // begin, create, confirm, settled
                        assert_eq!(step, 4);
                        break;
                    }
                }
            }
        }
        let receipts = it.told().await;
        assert_eq!(receipts.len(), 10);
    });
}

#[test]
fn of_many_drivers_one_drives() {
    on_each_database(async |url| {
        let it = Instance::new(&url).await;
        it.desk.take("ord_1", "usr_1");
        let payment = it.promise("ord_1", "good").await;
        it.line.disturb_next("confirm", Fault::HeldBefore);
        let drive = || {
            let (payments, id) = (it.payments.clone(), payment.id().to_owned());
            tokio::spawn(async move { payments.drive(&id).await })
        };
        let first = drive();
        it.line.held().await;
        for other in (0..8).map(|_| drive()).collect::<Vec<_>>() {
            other.await.unwrap();
        }
        it.line.let_go();
        first.await.unwrap();
        assert_eq!(it.status(payment.id()).await, Status::Succeeded);
        for call in ["begin", "create", "confirm", "settled"] {
            assert_eq!(it.line.calls(call), 1, "{call}");
        }
    });
}

#[test]
fn a_driver_that_lost_its_lease_writes_nothing() {
    on_each_database(async |url| {
        let it = Instance::new(&url).await;
        for call in ["begin", "create", "confirm", "settled"] {
            for fault in [Fault::HeldBefore, Fault::HeldAfter] {
                let order_id = format!("ord_{call}_{fault:?}");
                it.desk.take(&order_id, "usr_1");
                let payment = it.promise(&order_id, "good").await;
                it.line.disturb_next(call, fault);
                let (payments, id) = (it.payments.clone(), payment.id().to_owned());
                let slow = tokio::spawn(async move { payments.drive(&id).await });
                it.line.held().await;
                it.leases_run_out().await;
                let finished = it.sweep_until(payment.id(), |payment| payment.is_told()).await;
                it.line.let_go();
                slow.await.unwrap();
                assert_eq!(it.payment(payment.id()).await, finished, "{order_id}");
                assert_eq!(it.bank.intents_of(&payment)[0].charges, 1, "{order_id}");
                assert_eq!(it.desk.order(&order_id).state, OrderState::Paid, "{order_id}");
            }
        }
        assert_eq!(it.told().await.len(), 8);
    });
}

#[test]
fn an_unknown_outcome_is_settled_by_asking() {
    on_each_database(async |url| {
        let it = Instance::new(&url).await;
        it.desk.take("ord_1", "usr_1");
        let payment = it.promise("ord_1", "good").await;
        it.line.disturb(|name| match name {
            "confirm" => Fault::LostAfter,
            "get" => Fault::Away,
            _ => Fault::None,
        });
        it.payments.drive(payment.id()).await;
        assert_eq!(it.status(payment.id()).await, Status::Unknown);
        it.sweep().await;
        assert_eq!(it.status(payment.id()).await, Status::Unknown);
        it.line.repair();
        it.sweep_until(payment.id(), |payment| payment.is_told()).await;
        assert_eq!(it.status(payment.id()).await, Status::Succeeded);
        assert_eq!(it.line.calls("confirm"), 1);
        assert_eq!(it.desk.order("ord_1").state, OrderState::Paid);
    });
}

#[test]
fn what_never_arrived_is_asked_for_before_it_is_sent_again() {
    on_each_database(async |url| {
        let it = Instance::new(&url).await;
        it.desk.take("ord_1", "usr_1");
        let payment = it.promise("ord_1", "good").await;
        it.line.disturb_next("confirm", Fault::LostBefore);
        it.sweep_until(payment.id(), |payment| payment.is_told()).await;
        assert_eq!(it.status(payment.id()).await, Status::Succeeded);
        assert_eq!((it.line.calls("get"), it.line.calls("confirm")), (1, 2));
        assert_eq!(it.bank.intents_of(&payment)[0].charges, 1);
    });
}

#[test]
fn a_provider_that_is_away_leaves_the_payment_as_it_was() {
    on_each_database(async |url| {
        let it = Instance::new(&url).await;
        it.desk.take("ord_1", "usr_1");
        let payment = it.promise("ord_1", "good").await;
        for call in ["begin", "create", "confirm", "get"] {
            it.line.disturb_next(call, Fault::Away);
            it.sweep().await;
            assert_eq!(it.status(payment.id()).await, Status::Processing, "{call}");
        }
        it.line.repair();
        it.sweep_until(payment.id(), |payment| payment.is_told()).await;
        assert_eq!(it.bank.intents(), 1);
    });
}

#[test]
fn a_method_that_the_provider_refuses_is_a_decline() {
    on_each_database(async |url| {
        let it = Instance::new(&url).await;
        it.desk.take("ord_1", "usr_1");
        let payment = it.promise("ord_1", "nonsense").await;
        it.sweep_until(payment.id(), |payment| payment.is_told()).await;
        assert_eq!(it.status(payment.id()).await, Status::Declined);
        assert_eq!(it.bank.intents_of(&payment)[0].state, IntentState::Cancelled);
        assert_eq!(it.desk.order("ord_1").state, OrderState::Reserved);
    });
}

#[test]
fn a_payer_who_acts_settles_the_payment() {
    on_each_database(async |url| {
        let it = Instance::new(&url).await;
        for (agrees, status, state) in [
            (true, Status::Succeeded, OrderState::Paid),
            (false, Status::Declined, OrderState::Reserved),
        ] {
            let order_id = format!("ord_{agrees}");
            it.desk.take(&order_id, "usr_1");
            let payment = it.promise(&order_id, "action").await;
            it.sweep().await;
            it.sweep().await;
            assert_eq!(it.status(payment.id()).await, Status::RequiresAction);
            it.bank.payers_act(|| agrees);
            it.sweep_until(payment.id(), |payment| payment.is_told()).await;
            assert_eq!(it.status(payment.id()).await, status);
            assert_eq!(it.desk.order(&order_id).state, state);
        }
    });
}

#[test]
fn an_action_past_its_time_is_called_off_at_the_provider() {
    on_each_database(async |url| {
        let it = Instance::with(
            &url,
            Rules {
                action_time: Duration::ZERO,
                ..rules()
            },
        )
        .await;
        it.desk.take("ord_1", "usr_1");
        let payment = it.promise("ord_1", "action").await;
        it.sweep().await;
        assert_eq!(it.status(payment.id()).await, Status::RequiresAction);
        it.line.disturb_next("call off", Fault::LostAfter);
        it.sweep().await;
        assert_eq!(it.status(payment.id()).await, Status::RequiresAction);
        it.sweep_until(payment.id(), |payment| payment.is_told()).await;
        assert_eq!(it.status(payment.id()).await, Status::Declined);
        assert_eq!(it.bank.intents_of(&payment)[0].state, IntentState::Cancelled);
        assert_eq!(it.desk.order("ord_1").state, OrderState::Reserved);
    });
}

#[test]
fn a_payer_who_acted_at_the_last_moment_has_paid() {
    on_each_database(async |url| {
        let it = Instance::with(
            &url,
            Rules {
                action_time: Duration::ZERO,
                ..rules()
            },
        )
        .await;
        it.desk.take("ord_1", "usr_1");
        let payment = it.promise("ord_1", "action").await;
        it.sweep().await;
        it.bank.payers_act(|| true);
        it.sweep_until(payment.id(), |payment| payment.is_told()).await;
        assert_eq!(it.status(payment.id()).await, Status::Succeeded);
        assert_eq!(it.line.calls("call off"), 1);
    });
}
