//! Products and outcomes as messages of the contract.

use weir_rpc::common::v1::Money;
use weir_rpc::product::v1 as rpc;
use weir_rpc::product::v1::reserve_stock_response::Outcome as Kind;

use crate::images::Image;
use crate::picture::Picture;
use crate::product::{Price, Product};
use crate::reservation::{Outcome, PricedLine};

/// A product as it is answered.
pub(crate) fn product(product: Product) -> rpc::ProductResponse {
    let details = product.details;
    rpc::ProductResponse {
        id: details.id,
        name: details.name,
        description: details.description,
        category: details.category,
        price: Some(money(details.price)),
        stock: product.stock,
        image_id: product.image.unwrap_or_default(),
    }
}

/// A picture as it is answered.
pub(crate) fn image(image: Image) -> rpc::ImageResponse {
    let (image_id, content) = match image {
        Image::Known { id } => (id, None),
        Image::Found { id, content } => (id, Some(content.into())),
    };
    rpc::ImageResponse {
        image_id,
        content_type: Picture::CONTENT_TYPE.to_owned(),
        content,
    }
}

/// What became of an order's wish, as it is answered.
pub(crate) fn outcome(outcome: Outcome) -> rpc::ReserveStockResponse {
    let (kind, lines, product_ids) = match outcome {
        Outcome::Reserved(lines) => (Kind::Reserved, lines, Vec::new()),
        Outcome::Sold(lines) => (Kind::Sold, lines, Vec::new()),
        Outcome::OutOfStock(products) => (Kind::OutOfStock, Vec::new(), products),
        Outcome::UnknownProducts(products) => (Kind::UnknownProduct, Vec::new(), products),
        Outcome::Released => (Kind::Released, Vec::new(), Vec::new()),
    };
    rpc::ReserveStockResponse {
        outcome: kind.into(),
        lines: lines.into_iter().map(line).collect(),
        product_ids,
    }
}

fn line(line: PricedLine) -> rpc::PricedLine {
    rpc::PricedLine {
        product_id: line.product_id,
        quantity: line.quantity,
        unit_price: Some(money(line.unit_price)),
    }
}

fn money(price: Price) -> Money {
    Money {
        minor_units: price.amount.minor(),
        currency: price.currency.as_str().to_owned(),
    }
}
