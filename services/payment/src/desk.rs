//! What this service asks of orders.

use std::future::Future;
use std::pin::Pin;

use service_common::client::{Link, Upstream};
use service_common::failure::Failure;
use service_common::rest::Repeat;
use weir_proto::Money;
use weir_rpc::common::v1 as common;
use weir_rpc::order::v1::order_service_client::OrderServiceClient;
use weir_rpc::order::v1::{BeginPaymentRequest, CancelOrderRequest, GetOrderRequest, PaymentSettledRequest};

use crate::payment::{Outcome, Payment, Price};

/// An answer on its way.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 'a>>;

/// What an order costs, and whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bill {
    /// Whose order it is.
    pub user_id: String,
    /// Its total; `None` while its stock is not set aside.
    pub price: Option<Price>,
}

/// The order service, as a payment sees it.
pub trait OrderDesk: Send + Sync {
    /// What an order costs.
    fn bill<'a>(&'a self, order_id: &'a str) -> Answer<'a, Bill>;
    /// Whether the order wants this payment and no other; from then on it waits for it. Asked again, gives the same.
    fn begin<'a>(&'a self, payment: &'a Payment) -> Answer<'a, bool>;
    /// How a payment ended. Told again, changes nothing.
    fn settled<'a>(&'a self, payment: &'a Payment, outcome: Outcome) -> Answer<'a, ()>;
    /// Calls an order off.
    fn cancel<'a>(&'a self, order_id: &'a str) -> Answer<'a, ()>;
}

/// The order service by gRPC. Whatever is asked of it may be asked again.
pub struct RemoteDesk(Upstream);

impl RemoteDesk {
    /// By this way.
    #[must_use]
    pub fn new(link: Link) -> Self {
        Self(Upstream::new("order-service", link))
    }
}

impl OrderDesk for RemoteDesk {
    fn bill<'a>(&'a self, order_id: &'a str) -> Answer<'a, Bill> {
        let request = GetOrderRequest {
            order_id: order_id.to_owned(),
        };
        Box::pin(async move {
            let asked = self.0.call(Repeat::Safe, request, |link, request| async move {
                OrderServiceClient::new(link).get_order(request).await
            });
            let order = asked.await?;
            let price = |total: common::Money| {
                let amount = Money::from_minor(total.minor_units);
                let amount = amount.ok_or_else(|| Failure::internal("an order has a negative total"))?;
                Ok::<_, Failure>(Price {
                    amount,
                    currency: total.currency,
                })
            };
            Ok(Bill {
                user_id: order.user_id,
                price: order.total.map(price).transpose()?,
            })
        })
    }

    fn begin<'a>(&'a self, payment: &'a Payment) -> Answer<'a, bool> {
        let request = BeginPaymentRequest {
            order_id: payment.purpose.order_id.clone(),
            payment_id: payment.id.clone(),
            amount: Some(payment.purpose.price.clone().into()),
        };
        Box::pin(async move {
            let asked = self.0.call(Repeat::Safe, request, |link, request| async move {
                OrderServiceClient::new(link).begin_payment(request).await
            });
            Ok(asked.await?.begun)
        })
    }

    fn settled<'a>(&'a self, payment: &'a Payment, outcome: Outcome) -> Answer<'a, ()> {
        let request = PaymentSettledRequest {
            order_id: payment.purpose.order_id.clone(),
            payment_id: payment.id.clone(),
            succeeded: outcome == Outcome::Charged,
        };
        Box::pin(async move {
            let asked = self.0.call(Repeat::Safe, request, |link, request| async move {
                OrderServiceClient::new(link).payment_settled(request).await
            });
            asked.await.map(|_| ())
        })
    }

    fn cancel<'a>(&'a self, order_id: &'a str) -> Answer<'a, ()> {
        let request = CancelOrderRequest {
            order_id: order_id.to_owned(),
        };
        Box::pin(async move {
            let asked = self.0.call(Repeat::Safe, request, |link, request| async move {
                OrderServiceClient::new(link).cancel_order(request).await
            });
            asked.await.map(|_| ())
        })
    }
}
