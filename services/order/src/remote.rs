//! What this service asks of others.

use std::future::Future;
use std::pin::Pin;

use service_common::client::{Link, Upstream};
use service_common::failure::{Code, Failure};
use service_common::rest::Repeat;
use weir_proto::Money;
use weir_rpc::common::v1 as common;
use weir_rpc::payment::v1::payment_service_client::PaymentServiceClient;
use weir_rpc::payment::v1::{
    AcceptPaymentRequest, PaymentStatus, PaymentStatusRequest, RequestRefundRequest,
};
use weir_rpc::product::v1 as product;
use weir_rpc::product::v1::product_service_client::ProductServiceClient;
use weir_rpc::product::v1::reserve_stock_response::Outcome;

use crate::order::{Order, Stock};

/// An answer on its way.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 'a>>;

/// Why an order gets no stock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub Failure);

/// The product service, as an order sees it.
pub trait Warehouse: Send + Sync {
    /// Sets stock aside for an order, once. The inner error is final.
    fn reserve<'a>(&'a self, order: &'a Order) -> Answer<'a, Result<Stock, Refusal>>;
    /// Gives an order's stock back, once.
    fn release<'a>(&'a self, order_id: &'a str) -> Answer<'a, ()>;
    /// An order's stock is sold.
    fn sell<'a>(&'a self, order_id: &'a str) -> Answer<'a, ()>;
}

/// How a payment stands, as an order sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// Nobody knows yet.
    Open,
    /// The money was taken.
    Succeeded,
    /// It was not, and will not be.
    Failed,
}

/// The payment service, as an order sees it.
pub trait Cashier: Send + Sync {
    /// Has an order paid by the method it brought along. Asked again, changes nothing.
    fn pay<'a>(&'a self, order: &'a Order) -> Answer<'a, ()>;
    /// How a payment stands.
    fn ask<'a>(&'a self, payment_id: &'a str) -> Answer<'a, Settlement>;
    /// Has a payment given back; false while it has not succeeded.
    fn refund<'a>(&'a self, order_id: &'a str, payment_id: &'a str) -> Answer<'a, bool>;
}

/// The product service by gRPC. Whatever is asked of it may be asked again.
pub struct RemoteWarehouse(Upstream);

impl RemoteWarehouse {
    /// By this way.
    #[must_use]
    pub fn new(link: Link) -> Self {
        Self(Upstream::new("product-service", link))
    }
}

impl Warehouse for RemoteWarehouse {
    fn reserve<'a>(&'a self, order: &'a Order) -> Answer<'a, Result<Stock, Refusal>> {
        let lines = order.lines.iter().map(|line| product::Line {
            product_id: line.product_id.clone(),
            quantity: line.quantity,
        });
        let request = product::ReserveStockRequest {
            order_id: order.id.clone(),
            lines: lines.collect(),
        };
        Box::pin(async move {
            let asked = self.0.call(Repeat::Safe, request, |link, request| async move {
                ProductServiceClient::new(link).reserve_stock(request).await
            });
            judge(&asked.await?, order.lines.len())
        })
    }

    fn release<'a>(&'a self, order_id: &'a str) -> Answer<'a, ()> {
        let request = product::ReleaseStockRequest {
            order_id: order_id.to_owned(),
        };
        Box::pin(async move {
            let asked = self.0.call(Repeat::Safe, request, |link, request| async move {
                ProductServiceClient::new(link).release_stock(request).await
            });
            asked.await.map(|_| ())
        })
    }

    fn sell<'a>(&'a self, order_id: &'a str) -> Answer<'a, ()> {
        let request = product::SellStockRequest {
            order_id: order_id.to_owned(),
        };
        Box::pin(async move {
            let asked = self.0.call(Repeat::Safe, request, |link, request| async move {
                ProductServiceClient::new(link).sell_stock(request).await
            });
            asked.await.map(|_| ())
        })
    }
}

fn judge(answer: &product::ReserveStockResponse, lines: usize) -> Result<Result<Stock, Refusal>, Failure> {
    let products = answer.product_ids.join(", ");
    match answer.outcome() {
        Outcome::Reserved | Outcome::Sold => priced(answer, lines),
        Outcome::OutOfStock => Ok(Err(Refusal(Failure::new(
            Code::OutOfStock,
            format!("too little stock of {products}"),
        )))),
        Outcome::UnknownProduct => Ok(Err(Refusal(Failure::new(
            Code::UnknownProduct,
            format!("there is no product {products}"),
        )))),
        Outcome::Released => Ok(Err(Refusal(Failure::new(
            Code::OrderEnded,
            "the order has ended",
        )))),
        Outcome::Unspecified => Err(Failure::internal("the product service gave no outcome")),
    }
}

/// The prices and their sum. A sum that no order can bear, or one of several currencies, is a final refusal.
fn priced(answer: &product::ReserveStockResponse, lines: usize) -> Result<Result<Stock, Refusal>, Failure> {
    if answer.lines.len() != lines {
        return Err(Failure::internal(
            "the product service priced other lines than those asked for",
        ));
    }
    let mut currency = None;
    let mut total = 0_i64;
    let mut prices = Vec::with_capacity(lines);
    for line in &answer.lines {
        let price = line.unit_price.as_ref();
        let price = price.ok_or_else(|| Failure::internal("the product service gave no price"))?;
        let money = Money::from_minor(price.minor_units);
        prices.push(money.ok_or_else(|| Failure::internal("the product service gave a negative price"))?);
        let sum = price
            .minor_units
            .checked_mul(i64::from(line.quantity))
            .and_then(|amount| total.checked_add(amount));
        let Some(sum) = sum else {
            let refusal = Failure::new(Code::OrderState, "the order's amount is too large");
            return Ok(Err(Refusal(refusal)));
        };
        total = sum;
        if currency.get_or_insert(&price.currency) != &&price.currency {
            let refusal = Failure::new(
                Code::OrderState,
                "the order's products have prices in several currencies",
            );
            return Ok(Err(Refusal(refusal)));
        }
    }
    let total = Money::from_minor(total).ok_or_else(|| Failure::internal("a sum of prices is negative"))?;
    Ok(Ok(Stock::Reserved {
        prices,
        total,
        currency: currency.cloned().unwrap_or_default(),
    }))
}

/// The payment service by gRPC. Whatever is asked of it may be asked again.
pub struct RemoteCashier(Upstream);

impl RemoteCashier {
    /// By this way.
    #[must_use]
    pub fn new(link: Link) -> Self {
        Self(Upstream::new("payment-service", link))
    }
}

impl Cashier for RemoteCashier {
    fn pay<'a>(&'a self, order: &'a Order) -> Answer<'a, ()> {
        let request = AcceptPaymentRequest {
            payment_id: order.own_payment_id.clone(),
            order_id: order.id.clone(),
            user_id: order.user_id.clone(),
            amount: order.total.map(|total| common::Money {
                minor_units: total.minor(),
                currency: order.currency.clone(),
            }),
            method: order.method.clone().unwrap_or_default(),
        };
        Box::pin(async move {
            let asked = self.0.call(Repeat::Safe, request, |link, request| async move {
                PaymentServiceClient::new(link).accept_payment(request).await
            });
            match asked.await {
                // Another payment of the order is live: a client was quicker, and pays it.
                Err(failure) if failure.code == Code::PaymentLive => Ok(()),
                answer => answer.map(|_| ()),
            }
        })
    }

    fn ask<'a>(&'a self, payment_id: &'a str) -> Answer<'a, Settlement> {
        let request = PaymentStatusRequest {
            payment_id: payment_id.to_owned(),
        };
        Box::pin(async move {
            let asked = self.0.call(Repeat::Safe, request, |link, request| async move {
                PaymentServiceClient::new(link).get_payment_status(request).await
            });
            Ok(match asked.await?.status() {
                PaymentStatus::Succeeded
                | PaymentStatus::RefundPending
                | PaymentStatus::Refunded
                | PaymentStatus::RefundFailed => Settlement::Succeeded,
                PaymentStatus::Declined | PaymentStatus::Refused => Settlement::Failed,
                PaymentStatus::Unspecified
                | PaymentStatus::Processing
                | PaymentStatus::RequiresAction
                | PaymentStatus::Unknown => Settlement::Open,
            })
        })
    }

    fn refund<'a>(&'a self, order_id: &'a str, payment_id: &'a str) -> Answer<'a, bool> {
        let request = RequestRefundRequest {
            order_id: order_id.to_owned(),
            payment_id: payment_id.to_owned(),
        };
        Box::pin(async move {
            let asked = self.0.call(Repeat::Safe, request, |link, request| async move {
                PaymentServiceClient::new(link).request_refund(request).await
            });
            Ok(asked.await?.promised)
        })
    }
}
