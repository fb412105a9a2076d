//! Orders as they come in a shop: each when it is due by the wall clock.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, ensure};
use rdkafka::client::ClientContext;
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};

use crate::fill::{is_full, producer_config};
use crate::orders::{Draft, Orders};

/// How long a batch is waited for.
const LINGER_MS: u32 = 1;
/// How often what has come due is sent.
const PERIOD: Duration = Duration::from_millis(1);

/// The wall clock, milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let since = UNIX_EPOCH.elapsed().unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The first order of a second in a partition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Milestone {
    /// When it was handed to the producer.
    pub(crate) sent: Instant,
    /// When the broker had acknowledged it.
    pub(crate) acknowledged: Option<Instant>,
}

/// By second of event time, then by partition.
type Milestones = BTreeMap<i64, BTreeMap<i32, Milestone>>;

#[derive(Default)]
struct State {
    milestones: Mutex<Milestones>,
    stored: AtomicU64,
    stop: AtomicBool,
}

impl State {
    fn milestones(&self) -> MutexGuard<'_, Milestones> {
        self.milestones.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes orders on a thread of its own until it is told to stop.
pub(crate) struct Live {
    state: Arc<State>,
    thread: JoinHandle<Result<u64>>,
}

impl Live {
    /// Writes all orders that are due, at once what has come due already, then each in its time.
    pub(crate) fn start(bootstrap_servers: &str, topic: &str, orders: Orders) -> Result<Live> {
        let state = Arc::new(State::default());
        let producer = producer_config(bootstrap_servers, LINGER_MS)
            .create_with_context(Deliveries(Arc::clone(&state)))?;
        let (shared, topic) = (Arc::clone(&state), topic.to_owned());
        let thread = std::thread::Builder::new()
            .name("orders".to_owned())
            .spawn(move || write(&producer, &topic, &orders, &shared))?;
        Ok(Live { state, thread })
    }

    /// Fails when the orders have stopped coming.
    pub(crate) fn ensure_running(&self) -> Result<()> {
        ensure!(!self.thread.is_finished(), "the orders have stopped coming");
        Ok(())
    }

    /// The moments of each second's first order in each partition so far.
    pub(crate) fn milestones(&self) -> Milestones {
        self.state.milestones().clone()
    }

    /// Stops, and gives the number of orders written.
    pub(crate) fn stop(self) -> Result<u64> {
        self.state.stop.store(true, Ordering::Relaxed);
        self.thread
            .join()
            .map_err(|_| anyhow!("the producer has panicked"))?
    }
}

fn write(
    producer: &ThreadedProducer<Deliveries>,
    topic: &str,
    orders: &Orders,
    state: &State,
) -> Result<u64> {
    let mut draft = Draft::default();
    let mut second_of: BTreeMap<i32, i64> = BTreeMap::new();
    let mut sent = 0;
    while !state.stop.load(Ordering::Relaxed) {
        let due = orders.due_at(now_ms());
        for index in sent..due {
            orders.write(index, &mut draft);
            let second = draft.created_ms.div_euclid(1_000);
            let latest = second_of.entry(draft.partition).or_default();
            let mut mark = 0;
            if second > *latest {
                *latest = second;
                mark = usize::try_from(second)?;
                let milestone = Milestone {
                    sent: Instant::now(),
                    acknowledged: None,
                };
                let mut milestones = state.milestones();
                milestones
                    .entry(second)
                    .or_default()
                    .insert(draft.partition, milestone);
            }
            send(producer, topic, &draft, mark)?;
        }
        sent = due;
        std::thread::sleep(PERIOD);
    }
    producer
        .flush(Duration::from_secs(60))
        .context("the broker did not take all orders")?;
    let stored = state.stored.load(Ordering::Relaxed);
    ensure!(stored == sent, "{stored} of {sent} orders were stored");
    Ok(sent)
}

fn send(producer: &ThreadedProducer<Deliveries>, topic: &str, draft: &Draft, mark: usize) -> Result<()> {
    let mut record = BaseRecord::with_opaque_to(topic, mark)
        .partition(draft.partition)
        .timestamp(draft.due_ms)
        .key(&draft.key)
        .payload(&draft.value);
    while let Err((error, refused)) = producer.send(record) {
        ensure!(is_full(&error), "an order cannot be sent: {error}");
        std::thread::sleep(PERIOD);
        record = refused;
    }
    Ok(())
}

struct Deliveries(Arc<State>);

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    /// The second of which this is the first order, or 0.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, mark: usize) {
        let Ok(message) = result else { return };
        self.0.stored.fetch_add(1, Ordering::Relaxed);
        if mark == 0 {
            return;
        }
        let acknowledged = Instant::now();
        let mut milestones = self.0.milestones();
        let milestone = i64::try_from(mark)
            .ok()
            .and_then(|second| milestones.get_mut(&second)?.get_mut(&message.partition()));
        if let Some(milestone) = milestone {
            milestone.acknowledged = Some(acknowledged);
        }
    }
}
