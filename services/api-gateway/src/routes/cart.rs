//! The cart of the caller.

use std::sync::Arc;

use axum::http::Method;
use serde::Serialize;
use service_common::failure::Code;
use service_common::rest::answer::ok;
use service_common::rest::{Answer, Inbound};
use weir_rpc::user::v1::user_service_client::UserServiceClient;
use weir_rpc::user::v1::{Cart, DeleteCartItemRequest, GetCartRequest, PutCartItemRequest};

use super::{Content, Route};
use crate::gateway::Shared;

const ITEM: &str = "/api/v1/cart/items/{product_id}";

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Method::GET, "/api/v1/cart", get)
            .summary("The cart of the caller")
            .answers(200, Content::Json("Cart")),
        Route::new(Method::PUT, ITEM, put)
            .takes("CartQuantity")
            .summary("Sets how many of a product lie in the cart")
            .answers(200, Content::Json("Cart"))
            .may_fail(&[Code::UserMismatch]),
        Route::new(Method::DELETE, ITEM, delete)
            .summary("Takes a product out of the cart")
            .answers(200, Content::Json("Cart")),
    ]
}

#[derive(Serialize)]
struct CartBody {
    items: Vec<CartItemBody>,
}

#[derive(Serialize)]
struct CartItemBody {
    product_id: String,
    quantity: u32,
}

impl From<Cart> for CartBody {
    fn from(cart: Cart) -> Self {
        let items = cart.items.into_iter().map(|item| CartItemBody {
            product_id: item.product_id,
            quantity: item.quantity,
        });
        Self {
            items: items.collect(),
        }
    }
}

async fn get(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let answer = shared
        .users
        .call(inbound.repeat, GetCartRequest {}, |link, message| async move {
            UserServiceClient::new(link).get_cart(message).await
        });
    let cart = answer.await?;
    ok(CartBody::from(cart))
}

async fn put(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let (quantity, user_id) =
        inbound.json(|fields| (fields.whole("quantity"), fields.text_or_none("user_id")))?;
    inbound.is_of(user_id.as_deref())?;
    let message = PutCartItemRequest {
        product_id: (&inbound.id).into(),
        quantity,
    };
    let answer = shared
        .users
        .call(inbound.repeat, message, |link, message| async move {
            UserServiceClient::new(link).put_cart_item(message).await
        });
    let cart = answer.await?;
    ok(CartBody::from(cart))
}

async fn delete(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let message = DeleteCartItemRequest {
        product_id: (&inbound.id).into(),
    };
    let answer = shared
        .users
        .call(inbound.repeat, message, |link, message| async move {
            UserServiceClient::new(link).delete_cart_item(message).await
        });
    let cart = answer.await?;
    ok(CartBody::from(cart))
}
