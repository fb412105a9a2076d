//! What payments rely on of a provider, held to each of them.

use payment_service::provider::{IntentState, Provider, ProviderError};
use payment_service::simulated::{Act, Simulated};
use test_support::databases::on_each_database;

use crate::instance::open;
use crate::others::usd;
#[cfg(feature = "stripe")]
use crate::stripe::stand_in::StandIn;

/// A provider, and what makes it do one thing or another.
struct Bench {
    provider: Box<dyn Provider>,
    good: &'static str,
    bad: &'static str,
    action: &'static str,
    payer: Payer,
}

/// The payer, who acts on what waits for it.
enum Payer {
    Simulated(Simulated),
    #[cfg(feature = "stripe")]
    Stripe(StandIn),
}

impl Bench {
    async fn payer_agrees(&self, intent_id: &str) {
        match &self.payer {
            Payer::Simulated(provider) => drop(provider.act(intent_id, Act::Complete).await.unwrap()),
            #[cfg(feature = "stripe")]
            Payer::Stripe(stand_in) => stand_in.payers_act(true),
        }
    }

    async fn confirmed(&self, key: &str, method: &str) -> (String, IntentState) {
        let intent = self.provider.create(key, &usd(5)).await.unwrap();
        assert_eq!(intent.state, IntentState::Created);
        let confirmed = self.provider.confirm(&intent.id, method).await.unwrap();
        (intent.id, confirmed.state)
    }
}

fn on_each_provider(test: impl AsyncFn(Bench)) {
    on_each_database(async |url| {
        let simulated = Simulated::new(open(&url).await, "http://localhost:8004");
        test(Bench {
            provider: Box::new(simulated.clone()),
            good: "tok_success",
            bad: "tok_declined",
            action: "tok_action",
            payer: Payer::Simulated(simulated),
        })
        .await;
        #[cfg(feature = "stripe")]
        {
            let stand_in = StandIn::start().await;
            test(Bench {
                provider: Box::new(stand_in.client()),
                good: "pm_card_visa",
                bad: "pm_card_chargeDeclined",
                action: "pm_card_threeDSecure2Required",
                payer: Payer::Stripe(stand_in),
            })
            .await;
        }
    });
}

fn is_refused<T>(answer: &Result<T, ProviderError>) -> bool {
    matches!(answer, Err(ProviderError::Refused(_)))
}

#[test]
fn a_key_makes_one_intent() {
    on_each_provider(async |it| {
        let first = it.provider.create("key-1", &usd(5)).await.unwrap();
        assert_eq!(it.provider.create("key-1", &usd(5)).await, Ok(first.clone()));
        assert!(it.provider.create("key-1", &usd(6)).await.is_err());
        assert_ne!(it.provider.create("key-2", &usd(5)).await.unwrap().id, first.id);
    });
}

#[test]
fn an_amount_is_taken_once_and_given_back_once() {
    on_each_provider(async |it| {
        let (id, charged) = it.confirmed("key-1", it.good).await;
        let IntentState::Charged { charge_id } = &charged else {
            panic!("{charged:?}");
        };
        for method in [it.good, it.bad] {
            assert_eq!(it.provider.confirm(&id, method).await.unwrap().state, charged);
        }
        assert_eq!(it.provider.cancel(&id).await.unwrap().state, charged);
        assert_eq!(it.provider.get(&id).await.unwrap().state, charged);
        let refunded = IntentState::Refunded {
            charge_id: charge_id.clone(),
        };
        for _ in 0..2 {
            assert_eq!(it.provider.refund(&id).await.unwrap().state, refunded);
        }
        assert_eq!(it.provider.get(&id).await.unwrap().state, refunded);
    });
}

#[test]
fn what_is_declined_takes_nothing() {
    on_each_provider(async |it| {
        let (id, declined) = it.confirmed("key-1", it.bad).await;
        assert_eq!(declined, IntentState::Declined);
        assert_eq!(it.provider.get(&id).await.unwrap().state, declined);
        assert!(is_refused(&it.provider.refund(&id).await));
        let called_off = it.provider.cancel(&id).await.unwrap().state;
        assert!(
            matches!(called_off, IntentState::Declined | IntentState::Cancelled),
            "{called_off:?}"
        );
    });
}

#[test]
fn a_payer_is_sent_somewhere_and_acts_there_or_is_too_late() {
    on_each_provider(async |it| {
        let (id, waiting) = it.confirmed("key-1", it.action).await;
        let IntentState::RequiresAction { next_action } = &waiting else {
            panic!("{waiting:?}");
        };
        assert!(next_action.starts_with("http"), "{next_action}");
        assert_eq!(it.provider.get(&id).await.unwrap().state, waiting);
        it.payer_agrees(&id).await;
        let charged = it.provider.get(&id).await.unwrap().state;
        assert!(matches!(charged, IntentState::Charged { .. }), "{charged:?}");

        let (late, _) = it.confirmed("key-2", it.action).await;
        let called_off = it.provider.cancel(&late).await.unwrap().state;
        assert_eq!(called_off, IntentState::Cancelled);
        it.payer_agrees(&late).await;
        assert_eq!(it.provider.get(&late).await.unwrap().state, called_off);
    });
}

#[test]
fn what_was_called_off_is_not_confirmed_and_what_is_unknown_is_refused() {
    on_each_provider(async |it| {
        let intent = it.provider.create("key-1", &usd(5)).await.unwrap();
        assert!(is_refused(&it.provider.refund(&intent.id).await));
        for _ in 0..2 {
            let called_off = it.provider.cancel(&intent.id).await.unwrap();
            assert_eq!(called_off.state, IntentState::Cancelled);
        }
        let late = it.provider.confirm(&intent.id, it.good).await.unwrap();
        assert_eq!(late.state, IntentState::Cancelled);
        for answer in [
            it.provider.get("pi_0").await,
            it.provider.confirm("pi_0", it.good).await,
            it.provider.cancel("pi_0").await,
            it.provider.refund("pi_0").await,
        ] {
            assert!(is_refused(&answer), "{answer:?}");
        }
    });
}
