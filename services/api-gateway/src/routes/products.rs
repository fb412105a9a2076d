//! The catalogue.

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::Method;
use service_common::failure::Failure;
use service_common::rest::answer::json;
use service_common::rest::{Answer, Inbound, Repeat, products};
use weir_rpc::product::v1::GetProductRequest;
use weir_rpc::product::v1::product_service_client::ProductServiceClient;

use super::{Content, Kind, Need, Parameter, Route};
use crate::gateway::Shared;

const LIMIT: Parameter = Parameter {
    name: "limit",
    need: Need::Optional,
    kind: Kind::Whole {
        from: 1,
        to: products::LARGEST_PAGE,
        default: products::PAGE,
    },
    about: "How many a page has",
};

const CURSOR: Parameter = Parameter {
    name: "cursor",
    need: Need::Optional,
    kind: Kind::Id,
    about: "`next_cursor` of the page before",
};

const SKIP: Parameter = Parameter {
    name: "skip",
    need: Need::Optional,
    kind: Kind::Whole {
        from: 0,
        to: products::LARGEST_SKIP,
        default: 0,
    },
    about: "How many to leave out; not together with a cursor",
};

const fn optional(name: &'static str, kind: Kind, about: &'static str) -> Parameter {
    Parameter {
        name,
        need: Need::Optional,
        kind,
        about,
    }
}

pub(super) fn routes() -> Vec<Route> {
    const LIST: &[Parameter] = &[SKIP, LIMIT, CURSOR];
    const SEARCH: &[Parameter] = &[
        Parameter {
            name: "q",
            need: Need::Required,
            kind: Kind::Text { longest: 200 },
            about: "Words; every one of them occurs in the name or the description",
        },
        optional("category", Kind::Text { longest: 100 }, "Only this category"),
        optional("min_price", Kind::Money, "The least price"),
        optional("max_price", Kind::Money, "The largest price"),
        LIMIT,
        CURSOR,
    ];
    vec![
        Route::new(Method::GET, "/api/v1/products", list)
            .open()
            .asks(LIST)
            .summary("The catalogue, by pages")
            .answers(200, Content::Json("Products")),
        Route::new(Method::GET, "/api/v1/products/search", search)
            .open()
            .asks(SEARCH)
            .summary("Products by words, category and price")
            .answers(200, Content::Json("SearchResults")),
        Route::new(Method::GET, "/api/v1/products/{product_id}", get)
            .open()
            .summary("A product")
            .answers(200, Content::Json("Product")),
    ]
}

/// What was read a moment ago is shown again; of several who ask at once one asks on.
async fn get(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let id = String::from(&inbound.id);
    let read = read(&shared, inbound.repeat, products::get(&inbound));
    let body = shared.catalogue.try_get_with(id, read).await;
    body.map(json).map_err(|failure| Failure::clone(&failure))
}

async fn read(shared: &Shared, repeat: Repeat, message: GetProductRequest) -> Result<Bytes, Failure> {
    let answer = shared.products.call(repeat, message, |link, message| async move {
        ProductServiceClient::new(link).get_product(message).await
    });
    products::product(answer.await?)
}

async fn list(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let message = products::list(&inbound)?;
    let answer = shared
        .products
        .call(inbound.repeat, message, |link, message| async move {
            ProductServiceClient::new(link).list_products(message).await
        });
    products::page(answer.await?)
}

async fn search(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let message = products::search(&inbound)?;
    let answer = shared
        .products
        .call(inbound.repeat, message, |link, message| async move {
            ProductServiceClient::new(link).search_products(message).await
        });
    products::found(answer.await)
}
