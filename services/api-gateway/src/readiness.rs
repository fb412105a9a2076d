//! Whether all services can be reached that an order needs. Without the one that shows windows the shop is open all the same.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use service_common::client::Upstream;
use service_common::context::Context;
use service_common::server::Health;
use tokio::sync::Mutex;
use tonic::{Response, Status};
use weir_rpc::common::v1::{Empty, HealthStatus};
use weir_rpc::order::v1::order_service_client::OrderServiceClient;
use weir_rpc::payment::v1::payment_service_client::PaymentServiceClient;
use weir_rpc::product::v1::product_service_client::ProductServiceClient;
use weir_rpc::user::v1::user_service_client::UserServiceClient;

use crate::gateway::Shared;

/// How long a service may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long an answer stands: the probe is open to all, and asks every service.
const STANDS: Duration = Duration::from_millis(500);

/// Nothing is missing, or what is.
type Answer = Result<(), String>;

/// Asks the services, at most twice a second.
pub(crate) struct Readiness {
    shared: Arc<Shared>,
    last: Mutex<Option<(Instant, Answer)>>,
}

impl Readiness {
    pub(crate) fn new(shared: Arc<Shared>) -> Readiness {
        Readiness {
            shared,
            last: Mutex::new(None),
        }
    }

    async fn ask(&self) -> Answer {
        let Shared {
            users,
            products,
            orders,
            payments,
            guard,
            ..
        } = &*self.shared;
        let answers = tokio::join!(
            missing(users, async {
                UserServiceClient::new(users.link()).health_check(Empty {}).await
            }),
            missing(products, async {
                ProductServiceClient::new(products.link())
                    .health_check(Empty {})
                    .await
            }),
            missing(orders, async {
                OrderServiceClient::new(orders.link())
                    .health_check(Empty {})
                    .await
            }),
            missing(payments, async {
                PaymentServiceClient::new(payments.link())
                    .health_check(Empty {})
                    .await
            }),
        );
        let keys = (!guard.is_ready()).then_some("keys of access tokens");
        let all = [answers.0, answers.1, answers.2, answers.3, keys];
        let all: Vec<&str> = all.into_iter().flatten().collect();
        match all.is_empty() {
            true => Ok(()),
            false => Err(all.join(", ")),
        }
    }
}

/// The service's name, unless it says that it is well.
async fn missing(
    upstream: &Upstream,
    asked: impl Future<Output = Result<Response<HealthStatus>, Status>>,
) -> Option<&'static str> {
    let context = Context {
        deadline: Some(Instant::now() + PATIENCE),
        ..Context::unasked()
    };
    let is_well = matches!(context.scope(asked).await, Ok(answer) if answer.get_ref().status == "healthy");
    (!is_well).then_some(upstream.name())
}

impl Health for Readiness {
    fn ready(&self) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + '_>> {
        Box::pin(async {
            // Those who come meanwhile wait for the same answer.
            let mut last = self.last.lock().await;
            if let Some((at, answer)) = &*last
                && at.elapsed() < STANDS
            {
                return answer.clone();
            }
            let answer = self.ask().await;
            *last = Some((Instant::now(), answer.clone()));
            answer
        })
    }
}
