//! The catalogue in REST.

use axum::body::Bytes;
use serde::Serialize;
use weir_proto::Money;
use weir_rpc::product::v1 as rpc;

use super::answer::{money, ok, renamed, some};
use super::{Answer, Inbound, Parameters, images};
use crate::failure::Failure;

/// Products of a page unless the client says.
pub const PAGE: u32 = 10;
/// The most products of a page.
pub const LARGEST_PAGE: u32 = 100;
/// The most products that a client may leave out.
pub const LARGEST_SKIP: u32 = i32::MAX as u32;

/// What the service names otherwise.
const NAMES: [(&str, &str); 2] = [
    ("min_price_minor_units", "min_price"),
    ("max_price_minor_units", "max_price"),
];

#[derive(Serialize)]
struct ProductBody {
    id: String,
    name: String,
    description: String,
    category: String,
    price: Money,
    currency: String,
    stock: i64,
    image_url: Option<String>,
}

impl TryFrom<rpc::ProductResponse> for ProductBody {
    type Error = Failure;

    fn try_from(product: rpc::ProductResponse) -> Result<Self, Failure> {
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

fn bodies(products: Vec<rpc::ProductResponse>) -> Result<Vec<ProductBody>, Failure> {
    products.into_iter().map(ProductBody::try_from).collect()
}

/// Asks for a product.
#[must_use]
pub fn get(inbound: &Inbound) -> rpc::GetProductRequest {
    rpc::GetProductRequest {
        product_id: (&inbound.id).into(),
    }
}

/// A product as JSON.
///
/// # Errors
/// The service sent one that is none: a fault of ours.
pub fn product(product: rpc::ProductResponse) -> Result<Bytes, Failure> {
    let body = ProductBody::try_from(product)?;
    serde_json::to_vec(&body)
        .map(Bytes::from)
        .map_err(Failure::internal)
}

/// Asks for a page of the catalogue.
///
/// # Errors
/// Each parameter that is wrong.
pub fn list(inbound: &Inbound) -> Result<rpc::ListProductsRequest, Failure> {
    inbound.parameters(|parameters| rpc::ListProductsRequest {
        skip: parameters.whole_or("skip", 0, 0..=LARGEST_SKIP),
        limit: limit(parameters),
        cursor: parameters.text_or_none("cursor").unwrap_or_default(),
    })
}

/// A page of the catalogue.
///
/// # Errors
/// The service sent what is none: a fault of ours.
pub fn page(page: rpc::ListProductsResponse) -> Answer {
    ok(ProductsBody {
        products: bodies(page.products)?,
        total: page.total,
        next_cursor: some(page.next_cursor),
    })
}

/// Looks for products.
///
/// # Errors
/// Each parameter that is wrong.
pub fn search(inbound: &Inbound) -> Result<rpc::SearchRequest, Failure> {
    inbound.parameters(|parameters| rpc::SearchRequest {
        q: parameters.text("q"),
        category: parameters.text_or_none("category").unwrap_or_default(),
        min_price_minor_units: parameters.money_or_none("min_price").map(Money::minor),
        max_price_minor_units: parameters.money_or_none("max_price").map(Money::minor),
        cursor: parameters.text_or_none("cursor").unwrap_or_default(),
        limit: limit(parameters),
    })
}

/// What was found, or why not, by the names of REST.
///
/// # Errors
/// The failure.
pub fn found(answer: Result<rpc::SearchResponse, Failure>) -> Answer {
    let page = answer.map_err(|failure| renamed(failure, &NAMES))?;
    ok(SearchBody {
        results: bodies(page.results)?,
        next_cursor: some(page.next_cursor),
    })
}

fn limit(parameters: &mut Parameters) -> u32 {
    parameters.whole_or("limit", PAGE, 1..=LARGEST_PAGE)
}
