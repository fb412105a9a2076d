//! How a payment intent of Stripe stands: <https://docs.stripe.com/payments/paymentintents/lifecycle>.

use stripe_core::{PaymentIntent, PaymentIntentStatus};
use stripe_types::Expandable;

use crate::provider::{Intent, IntentState};

/// As payments see it.
pub(super) fn intent(found: &PaymentIntent) -> Intent {
    Intent {
        id: found.id.to_string(),
        state: state(found),
    }
}

fn state(found: &PaymentIntent) -> IntentState {
    match &found.status {
        // A method that was refused is taken off again, and the reason stays.
        PaymentIntentStatus::RequiresPaymentMethod if found.last_payment_error.is_some() => {
            IntentState::Declined
        }
        PaymentIntentStatus::RequiresPaymentMethod | PaymentIntentStatus::RequiresConfirmation => {
            IntentState::Created
        }
        PaymentIntentStatus::RequiresAction => IntentState::RequiresAction {
            next_action: next_action(found),
        },
        PaymentIntentStatus::Succeeded => taken(found),
        PaymentIntentStatus::Canceled => IntentState::Cancelled,
        // Nothing of ours is captured by hand.
        PaymentIntentStatus::Processing
        | PaymentIntentStatus::RequiresCapture
        | PaymentIntentStatus::Unknown(_) => IntentState::Processing,
        // The enumeration is open.
        _ => IntentState::Processing,
    }
}

/// The page that the payer is to go to; where it is something else, what kind of thing.
fn next_action(found: &PaymentIntent) -> String {
    let Some(action) = &found.next_action else {
        return "ask_provider".to_owned();
    };
    let page = action.redirect_to_url.as_ref();
    let page = page.and_then(|page| page.url.clone());
    page.unwrap_or_else(|| action.type_.clone())
}

/// `refunded` says that the whole amount is on its way back, or arrived.
fn taken(found: &PaymentIntent) -> IntentState {
    match &found.latest_charge {
        Some(Expandable::Object(charge)) if charge.refunded => IntentState::Refunded {
            charge_id: charge.id.to_string(),
        },
        Some(Expandable::Object(charge)) => IntentState::Charged {
            charge_id: charge.id.to_string(),
        },
        Some(Expandable::Id(id)) => IntentState::Charged {
            charge_id: id.to_string(),
        },
        None => IntentState::Charged {
            charge_id: found.id.to_string(),
        },
    }
}

/// Whether a hundredth of the currency is what Stripe counts in: <https://docs.stripe.com/currencies>.
pub(super) fn has_hundredths(currency: &str) -> bool {
    const WITHOUT: [&str; 15] = [
        "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF",
        "XPF",
    ];
    // UGX and ISK are counted in hundredths that must be 00.
    const THOUSANDTHS: [&str; 5] = ["BHD", "JOD", "KWD", "OMR", "TND"];
    !WITHOUT.contains(&currency) && !THOUSANDTHS.contains(&currency)
}
