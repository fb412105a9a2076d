//! What all requests share.

use std::sync::Arc;

use axum::body::Bytes;
use moka::future::Cache;
use service_common::auth::Guard;
use service_common::client::{AddressError, Identity, Link, Upstream};
use service_common::metrics::Metrics;
use service_common::server::Stopping;
use tokio::sync::Semaphore;

use crate::edge::{Limiters, Reading};
use crate::options::Options;
use crate::streams::Streams;

/// What is kept of the catalogue, in bytes.
const LARGEST_CATALOGUE: u64 = 16 * 1024 * 1024;

/// The most pictures that are taken in at a time.
const MOST_UPLOADS: usize = 8;

/// The services, the guard and the limits, as requests use them.
pub(crate) struct Shared {
    pub(crate) users: Upstream,
    pub(crate) products: Upstream,
    pub(crate) orders: Upstream,
    pub(crate) payments: Upstream,
    pub(crate) analytics: Upstream,
    /// Products as they were answered a moment ago, by their ids.
    pub(crate) catalogue: Cache<String, Bytes>,
    pub(crate) guard: Guard,
    pub(crate) limiters: Limiters,
    /// Bodies that are on their way.
    pub(crate) reading: Reading,
    /// One permit for each request that may be worked on.
    pub(crate) in_flight: Semaphore,
    /// One permit for each picture that may be taken in: they are large.
    pub(crate) uploads: Semaphore,
    /// The streams that are open.
    pub(crate) streams: Streams,
    pub(crate) stopping: Stopping,
    pub(crate) metrics: Metrics,
    pub(crate) options: Options,
}

impl Shared {
    pub(crate) fn new(
        options: Options,
        guard: Guard,
        metrics: Metrics,
        stopping: Stopping,
    ) -> Result<Arc<Shared>, AddressError> {
        // The deadline of the request cuts it shorter.
        let timeout = options
            .patience
            .order_timeout
            .max(options.patience.request_timeout);
        let to = |name, address: &str| -> Result<Upstream, AddressError> {
            let link = Link::to(address, Identity::Caller, timeout, &metrics)?;
            Ok(Upstream::new(name, link))
        };
        let streamed = Link::for_streams(&options.analytics_service, Identity::Caller, timeout, &metrics)?;
        let in_flight = options.limits.max_in_flight.get() as usize;
        Ok(Arc::new(Shared {
            users: to("user-service", &options.user_service)?,
            products: to("product-service", &options.product_service)?,
            orders: to("order-service", &options.order_service)?,
            payments: to("payment-service", &options.payment_service)?,
            analytics: Upstream::new("analytics-service", streamed),
            catalogue: Cache::builder()
                .weigher(|id: &String, body: &Bytes| u32::try_from(id.len() + body.len()).unwrap_or(u32::MAX))
                .max_capacity(LARGEST_CATALOGUE)
                .time_to_live(options.catalogue_age)
                .build(),
            guard,
            limiters: Limiters::new(&options.limits, &metrics),
            reading: Reading::new(options.limits.max_in_flight.get()),
            in_flight: Semaphore::new(in_flight),
            uploads: Semaphore::new(MOST_UPLOADS),
            streams: Streams::new(options.limits.limit_streams, &metrics),
            stopping,
            metrics,
            options,
        }))
    }
}
