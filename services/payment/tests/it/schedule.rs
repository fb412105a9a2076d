//! Random schedules of everything that can happen, judged at the end by what a shop owner cares about.
//!
//! The model of the protocol says what holds; this says that the service holds it on a real database. Calls get lost before
//! or after they took effect, and drivers stop at any call: some for good, some until their lease is another's.

use std::collections::BTreeMap;
use std::time::Duration;

use payment_service::Rules;
use payment_service::payment::{Payment, Status};
use payment_service::provider::IntentState;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use test_support::databases::on_each_database;
use tokio::task::JoinSet;

use crate::instance::{Instance, asked, request, rules};
use crate::line::Fault;
use crate::others::OrderState;

const SEEDS: u64 = 8;
const ACTIONS: usize = 150;
/// More than any schedule needs to come to rest.
const QUIET_ROUNDS: usize = 200;

fn fault(random: &mut SmallRng) -> Fault {
    match random.random_range(0..100) {
        0..8 => Fault::LostBefore,
        8..16 => Fault::LostAfter,
        16..19 => Fault::Away,
        19..22 => Fault::HeldBefore,
        22..25 => Fault::HeldAfter,
        _ => Fault::None,
    }
}

fn method(random: &mut SmallRng) -> &'static str {
    ["good", "good", "bad", "action", "nonsense"][random.random_range(0..5)]
}

/// What happens next.
async fn act(it: &Instance, random: &mut SmallRng, tasks: &mut JoinSet<()>) {
    let orders = it.desk.ids();
    let order_id = match orders.len() {
        0 => None,
        many => Some(orders[random.random_range(0..many)].clone()),
    };
    let payments = it.payments.clone();
    match (random.random_range(0..100), order_id) {
        (0..10, _) | (_, None) => {
            let id = format!("ord_{}", orders.len());
            it.desk.take(&id, "usr_1");
            it.desk
                .change(&id, |order| order.has_method = random.random_bool(0.4));
        }
        (10..40, Some(id)) if it.desk.order(&id).has_method => {
            // The order's own payment always has the same id and method.
            let own = asked(&format!("pay_{id}"), &id, ["good", "bad", "action"][id.len() % 3]);
            tasks.spawn(async move { drop(payments.accept(own).await) });
        }
        (10..40, Some(id)) => {
            let key = random
                .random_bool(0.5)
                .then(|| format!("key-{}", random.random_range(0..50)));
            let request = request(&id, method(random), key.as_deref());
            tasks.spawn(async move { drop(payments.process(request).await) });
        }
        (40..46, Some(id)) if it.desk.order(&id).state != OrderState::Failed => it.desk.cancel_order(&id),
        (46..50, Some(id)) => {
            if let Some(payment_id) = it.desk.order(&id).payment {
                tasks.spawn(async move { drop(payments.refund_by_hand(&payment_id, None).await) });
            }
        }
        (50..62, Some(_)) => {
            let desk = it.desk.clone();
            tasks.spawn(async move { desk.sweep(&payments).await });
        }
        (62..70, Some(_)) => it.bank.payers_act(|| random.random_bool(0.7)),
        (70..76, Some(_)) => it.leases_run_out().await,
        (76..80, Some(_)) => it.line.let_go(),
        (80..82, Some(_)) => {
            it.execute("UPDATE payments SET action_until_ms = 0 WHERE status = 'requires_action'")
                .await;
        }
        (_, Some(_)) => {
            it.execute("UPDATE payments SET attend_at_ms = 0 WHERE attend_at_ms IS NOT NULL")
                .await;
            tasks.spawn(async move { drop(payments.attend_overdue().await) });
        }
    }
}

/// Everybody is there again, and finishes what was promised.
async fn come_to_rest(it: &Instance, tasks: &mut JoinSet<()>) -> BTreeMap<String, Vec<Payment>> {
    let mut seen = BTreeMap::new();
    for _ in 0..QUIET_ROUNDS {
        it.line.let_all_go();
        while tokio::time::timeout(Duration::from_millis(20), tasks.join_next())
            .await
            .is_ok_and(|task| task.is_some())
        {}
        it.leases_run_out().await;
        it.execute("UPDATE payments SET action_until_ms = 0 WHERE status = 'requires_action'")
            .await;
        it.sweep().await;
        it.desk.sweep(&it.payments).await;
        seen.clear();
        for id in it.desk.ids() {
            seen.insert(id.clone(), it.payments_of(&id).await);
        }
        let are_settled = seen.values().flatten().all(|payment| {
            let status = payment.status();
            !status.is_open() && status != Status::RefundPending && payment.is_told()
        });
        let are_at_rest = it.desk.ids().iter().all(|id| {
            let order = it.desk.order(id);
            order.state != OrderState::Paying && !order.refund_due
        });
        if are_settled && are_at_rest && tasks.is_empty() {
            return seen;
        }
    }
    panic!("did not come to rest: {seen:#?}");
}

async fn judge(it: &Instance, seed: u64, payments: &BTreeMap<String, Vec<Payment>>) {
    let mut told = it.told().await;
    let mut charged = 0;
    for (order_id, payments) in payments {
        let order = it.desk.order(order_id);
        let mut kept = 0;
        for payment in payments {
            let intents = it.bank.intents_of(payment);
            let is_kept = intents
                .iter()
                .any(|intent| matches!(intent.state, IntentState::Charged { .. }));
            let charges: u32 = intents.iter().map(|intent| intent.charges).sum();
            assert!(charges <= 1, "seed {seed}: {payment:?} {intents:?}");
            let was_charged = charges > 0;
            assert_eq!(
                is_kept,
                payment.status() == Status::Succeeded,
                "seed {seed}: {payment:?}"
            );
            assert_eq!(
                was_charged && !is_kept,
                payment.status() == Status::Refunded,
                "seed {seed}: {payment:?}"
            );
            kept += usize::from(is_kept);
            charged += usize::from(was_charged);
            let mut notices = vec![];
            told.retain(|(_, template, id)| {
                let is_its = id == payment.id();
                if is_its {
                    notices.push(template.clone());
                }
                !is_its
            });
            let expected: &[&str] = match payment.status() {
                Status::Succeeded => &["receipt"],
                Status::Refunded => &["receipt", "refund"],
                _ => &[],
            };
            assert_eq!(notices, expected, "seed {seed}: {payment:?}");
        }
        assert_eq!(
            kept,
            usize::from(order.state == OrderState::Paid),
            "seed {seed}: {order:?} {payments:#?}"
        );
        let live = payments
            .iter()
            .filter(|payment| payment.status().is_live())
            .count();
        assert!(live <= 1, "seed {seed}: {payments:#?}");
    }
    assert_eq!(told, [], "seed {seed}");
    eprintln!("seed {seed}: {} orders, {charged} charged", payments.len());
}

#[test]
fn of_an_order_at_most_one_charge_is_kept_whatever_gets_lost_and_whoever_dies() {
    on_each_database(async |url| {
        let rules = Rules {
            patience: Duration::from_millis(20),
            refund_attempts: 1_000,
            ..rules()
        };
        for seed in 0..SEEDS {
            let it = Instance::with(&url, rules.clone()).await;
            it.execute("DELETE FROM payments").await;
            it.execute("DELETE FROM outbox_events").await;
            it.execute("DELETE FROM idempotency_keys").await;
            let mut random = SmallRng::seed_from_u64(seed);
            let mut of_calls = SmallRng::seed_from_u64(!seed);
            it.line.disturb(move |_| fault(&mut of_calls));
            let mut tasks = JoinSet::new();
            for _ in 0..ACTIONS {
                act(&it, &mut random, &mut tasks).await;
            }
            let payments = come_to_rest(&it, &mut tasks).await;
            judge(&it, seed, &payments).await;
            it.database.close().await;
        }
    });
}
