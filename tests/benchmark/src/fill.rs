//! Writes many orders as fast as the broker takes them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};

use crate::orders::{Draft, Orders};

/// Each has a producer of its own and a share of the partitions, so that a partition has one writer.
const THREADS: u64 = 2;
/// Records between two looks at the deliveries.
const SERVE_EVERY: u64 = 4_096;

/// The settings that every producer here has: each order once, acknowledged, compressed with lz4.
pub(crate) fn producer_config(bootstrap_servers: &str, linger_ms: u32) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap_servers)
        .set("enable.idempotence", "true")
        .set("compression.type", "lz4")
        .set("linger.ms", linger_ms.to_string())
        .set("queue.buffering.max.messages", "200000");
    config
}

/// Writes the orders 0 to `count` and waits until the broker has them all; how long it took.
///
/// # Errors
/// When a single one was not stored.
pub(crate) fn fill(bootstrap_servers: &str, topic: &str, orders: &Orders, count: u64) -> Result<Duration> {
    let begun = Instant::now();
    let share = |thread: u64| (thread..count).step_by(THREADS as usize);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| scope.spawn(move || write(bootstrap_servers, topic, orders, share(thread))))
            .collect();
        for thread in threads {
            thread.join().map_err(|_| anyhow!("a producer has panicked"))??;
        }
        Ok::<_, anyhow::Error>(())
    })?;
    Ok(begun.elapsed())
}

fn write(
    bootstrap_servers: &str,
    topic: &str,
    orders: &Orders,
    indices: impl Iterator<Item = u64>,
) -> Result<()> {
    let producer: BaseProducer<Deliveries> =
        producer_config(bootstrap_servers, 20).create_with_context(Deliveries::default())?;
    let mut draft = Draft::default();
    let mut sent = 0;
    for index in indices {
        orders.write(index, &mut draft);
        let mut record = BaseRecord::to(topic)
            .partition(draft.partition)
            .timestamp(draft.due_ms)
            .key(&draft.key)
            .payload(&draft.value);
        while let Err((error, refused)) = producer.send(record) {
            ensure!(is_full(&error), "an order cannot be sent: {error}");
            producer.poll(Duration::from_millis(5));
            record = refused;
        }
        sent += 1;
        if sent % SERVE_EVERY == 0 {
            producer.poll(Duration::ZERO);
        }
    }
    producer
        .flush(Duration::from_secs(120))
        .context("the broker did not take all orders")?;
    let stored = producer.context().stored.load(Ordering::Relaxed);
    ensure!(stored == sent, "{stored} of {sent} orders were stored");
    Ok(())
}

/// Whether the client has no room just now.
pub(crate) fn is_full(error: &KafkaError) -> bool {
    matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull))
}

#[derive(Default)]
struct Deliveries {
    stored: AtomicU64,
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _: ()) {
        if result.is_ok() {
            self.stored.fetch_add(1, Ordering::Relaxed);
        }
    }
}
