//! What there is to be ordered.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use tonic::Request;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Endpoint;
use weir_rpc::common::v1::Money;
use weir_rpc::product::v1::product_service_client::ProductServiceClient;
use weir_rpc::product::v1::{AddStockRequest, PutProductRequest};

/// Of most products there is enough for hours; of the last there is little.
const STOCKS: [i64; 5] = [1_000_000, 1_000_000, 1_000_000, 1_000_000, 150];

/// The products with the stock they had at first.
#[derive(Debug, Clone)]
pub struct Goods {
    pub(in crate::shop) products: Arc<[(String, i64)]>,
}

/// Puts them into the catalogue.
///
/// # Errors
/// The product service refuses.
pub(super) fn fill(product: SocketAddr, token: &str) -> Result<Goods> {
    let token: MetadataValue<Ascii> = format!("Bearer {token}").parse().context("a token is ASCII")?;
    crate::block_on(async {
        let channel = Endpoint::from_shared(format!("http://{product}"))?
            .connect()
            .await?;
        let mut client = ProductServiceClient::with_interceptor(channel, move |mut request: Request<()>| {
            request.metadata_mut().insert("authorization", token.clone());
            Ok(request)
        });
        let mut products = Vec::new();
        for (number, stock) in (1_i64..).zip(STOCKS) {
            let product_id = format!("prd-{number}");
            let details = PutProductRequest {
                product_id: product_id.clone(),
                name: format!("Product {number}"),
                description: "What the proof orders.".to_owned(),
                category: "proof".to_owned(),
                price: Some(Money {
                    minor_units: 333 * number,
                    currency: "USD".to_owned(),
                }),
            };
            client.put_product(details).await?;
            let change = AddStockRequest {
                product_id: product_id.clone(),
                change: stock,
                change_id: format!("first-{number}"),
            };
            client.add_stock(change).await?;
            products.push((product_id, stock));
        }
        Ok(Goods {
            products: products.into(),
        })
    })
}
