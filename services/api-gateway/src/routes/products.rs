//! The catalogue.

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::Method;
use serde::Serialize;
use service_common::failure::Failure;
use weir_proto::Money;
use weir_rpc::product::v1::product_service_client::ProductServiceClient;
use weir_rpc::product::v1::{GetProductRequest, ListProductsRequest, ProductResponse, SearchRequest};

use super::{Content, Kind, Need, Parameter, Route, images};
use crate::answer::{Answer, json, money, ok, renamed, some};
use crate::gateway::Shared;
use crate::request::{Inbound, Parameters};
use crate::upstream::Repeat;

/// Products of a page unless the client says.
const PAGE: u32 = 10;
/// The most products of a page.
const LARGEST_PAGE: u32 = 100;
/// The most products that a client may leave out.
const LARGEST_SKIP: u32 = i32::MAX as u32;

/// What the service names otherwise.
const NAMES: [(&str, &str); 2] = [
    ("min_price_minor_units", "min_price"),
    ("max_price_minor_units", "max_price"),
];

const LIMIT: Parameter = Parameter {
    name: "limit",
    need: Need::Optional,
    kind: Kind::Whole {
        from: 1,
        to: LARGEST_PAGE,
        default: PAGE,
    },
    about: "How many a page has",
};

const CURSOR: Parameter = Parameter {
    name: "cursor",
    need: Need::Optional,
    kind: Kind::Text,
    about: "`next_cursor` of the page before",
};

const SKIP: Parameter = Parameter {
    name: "skip",
    need: Need::Optional,
    kind: Kind::Whole {
        from: 0,
        to: LARGEST_SKIP,
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
            kind: Kind::Text,
            about: "Words; every one of them occurs in the name or the description",
        },
        optional("category", Kind::Text, "Only this category"),
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

#[derive(Serialize)]
pub(super) struct ProductBody {
    id: String,
    name: String,
    description: String,
    category: String,
    price: Money,
    currency: String,
    stock: i64,
    image_url: Option<String>,
}

impl TryFrom<ProductResponse> for ProductBody {
    type Error = Failure;

    fn try_from(product: ProductResponse) -> Result<Self, Failure> {
        let price = product
            .price
            .ok_or_else(|| Failure::internal("a product has no price"))?;
        let image_url = images::address(&product.id, &product.image_id);
        Ok(Self {
            id: product.id,
            name: product.name,
            description: product.description,
            category: product.category,
            price: money(&price)?,
            currency: price.currency,
            stock: product.stock,
            image_url,
        })
    }
}

#[derive(Serialize)]
struct ProductsBody {
    products: Vec<ProductBody>,
    total: u64,
    next_cursor: Option<String>,
}

#[derive(Serialize)]
struct SearchBody {
    results: Vec<ProductBody>,
    next_cursor: Option<String>,
}

fn bodies(products: Vec<ProductResponse>) -> Result<Vec<ProductBody>, Failure> {
    products.into_iter().map(ProductBody::try_from).collect()
}

/// What was read a moment ago is shown again; of several who ask at once one asks on.
async fn get(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let id = String::from(&inbound.id);
    let read = read(&shared, inbound.repeat, id.clone());
    let body = shared.catalogue.try_get_with(id, read).await;
    body.map(json).map_err(|failure| Failure::clone(&failure))
}

async fn read(shared: &Shared, repeat: Repeat, product_id: String) -> Result<Bytes, Failure> {
    let message = GetProductRequest { product_id };
    let answer = shared.products.call(repeat, message, |link, message| async move {
        ProductServiceClient::new(link).get_product(message).await
    });
    let body = ProductBody::try_from(answer.await?)?;
    serde_json::to_vec(&body)
        .map(Bytes::from)
        .map_err(Failure::internal)
}

async fn list(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let message = inbound.parameters(|parameters| ListProductsRequest {
        skip: parameters.whole_or(SKIP.name, 0, 0..=LARGEST_SKIP),
        limit: limit(parameters),
        cursor: parameters.text_or_none(CURSOR.name).unwrap_or_default(),
    })?;
    let answer = shared
        .products
        .call(inbound.repeat, message, |link, message| async move {
            ProductServiceClient::new(link).list_products(message).await
        });
    let page = answer.await?;
    ok(ProductsBody {
        products: bodies(page.products)?,
        total: page.total,
        next_cursor: some(page.next_cursor),
    })
}

async fn search(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let message = inbound.parameters(|parameters| SearchRequest {
        q: parameters.text("q"),
        category: parameters.text_or_none("category").unwrap_or_default(),
        min_price_minor_units: parameters.money_or_none("min_price").map(Money::minor),
        max_price_minor_units: parameters.money_or_none("max_price").map(Money::minor),
        cursor: parameters.text_or_none(CURSOR.name).unwrap_or_default(),
        limit: limit(parameters),
    })?;
    let answer = shared
        .products
        .call(inbound.repeat, message, |link, message| async move {
            ProductServiceClient::new(link).search_products(message).await
        });
    let page = answer.await.map_err(|failure| renamed(failure, &NAMES))?;
    ok(SearchBody {
        results: bodies(page.results)?,
        next_cursor: some(page.next_cursor),
    })
}

fn limit(parameters: &mut Parameters) -> u32 {
    parameters.whole_or(LIMIT.name, PAGE, 1..=LARGEST_PAGE)
}
