//! Accounts, sessions and carts as messages of the contract.

use service_common::moment;
use weir_rpc::user::v1 as rpc;

use crate::account::Account;
use crate::carts::CartItem;
use crate::login::Tokens;

/// An account as it is answered.
#[must_use]
pub(crate) fn user(account: &Account) -> rpc::UserResponse {
    rpc::UserResponse {
        id: account.id.clone(),
        email: account.email.as_written().to_owned(),
        first_name: account.first_name.as_str().to_owned(),
        last_name: account.last_name.as_str().to_owned(),
        role: account.role.as_str().to_owned(),
        created_at: Some(moment::message(account.created_at_ms)),
        session: None,
    }
}

impl From<Tokens> for rpc::Session {
    fn from(tokens: Tokens) -> Self {
        Self {
            access_token: tokens.access.reveal().to_owned(),
            refresh_token: tokens.refresh.reveal().to_owned(),
            expires_in_s: tokens.expires_in_s,
        }
    }
}

/// What lies in a cart as it is answered.
#[must_use]
pub(crate) fn cart(items: Vec<CartItem>) -> rpc::Cart {
    let items = items.into_iter().map(|item| rpc::CartItem {
        product_id: item.product_id,
        quantity: item.quantity,
    });
    rpc::Cart {
        items: items.collect(),
    }
}
