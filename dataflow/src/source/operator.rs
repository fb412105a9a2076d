//! The operator that reads the partitions of one worker.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, OnceLock};

use timely::container::CapacityContainerBuilder;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::{Scope, StreamVec};

use super::control::Control;
use super::reader::Reader;
use super::{Decoded, Entry, Fact, Log, Start};
use crate::clocks::{Clocks, Wake};
use crate::order::Order;
use crate::window::Rules;

/// What a source is made of, besides its log.
pub struct Setup {
    /// The rules of time.
    pub rules: Rules,
    /// Where the run begins; the same on all workers.
    pub start: Arc<Start>,
    /// The clocks of all workers of the process.
    pub clocks: Arc<Clocks>,
    /// Messages for this worker; it must be activated after each.
    pub control: Receiver<Control>,
    /// While set nothing is read: what was read waits to be committed.
    pub hold: Arc<AtomicBool>,
    /// Most records of one partition that are read ahead of the frontier.
    pub read_ahead: u64,
    /// Counts the records that were read and are in no cut yet, for show.
    pub in_flight: Arc<AtomicU64>,
    /// Bytes of rejected records that are held; the committer takes off what it has written.
    pub rejected_bytes: Arc<AtomicU64>,
    /// Filled with what wakes this source from another thread: for the log, and for who sends a [`Control`].
    pub waker: Arc<OnceLock<Wake>>,
}

/// Reads the partitions `p` with `p % peers == index` of a log, stamps each record with its partition's clock, and
/// holds the frontier at the least clock.
///
/// The first output are the valid orders that are not too late, the second everything else that a committer must
/// know, each under its stamp. `decode` says what a record is; `failed` hears of an error, after which the source
/// reads nothing and holds its place for ever.
///
/// The log wakes the operator by its address (`timely`'s `SyncActivator`); nothing in here blocks. Of the partitions
/// that have something to read the one whose clock is behind is read first, and one that is too far ahead waits, so
/// memory stays bounded however unevenly the log is filled.
///
/// # Examples
/// Two orders in one partition; the second moves the clock, so it is stamped with its own time less the lag.
/// ```
/// use std::collections::BTreeMap;
/// use std::convert::Infallible;
/// use std::sync::Arc;
/// use std::sync::mpsc::channel;
///
/// use timely::dataflow::operators::{Capture, capture::Extract, vec::Map};
/// use weir_dataflow::clocks::Clocks;
/// use weir_dataflow::fingerprint::Fingerprint;
/// use weir_dataflow::source::{Control, Decoded, DecodedOrder, Entry, Fact, Log, Setup, Start, StartPartition, source};
/// use weir_dataflow::window::Rules;
///
/// /// A partition whose values are event times in seconds.
/// struct Times(&'static [&'static str], usize);
///
/// impl Log for Times {
///     type Error = Infallible;
///
///     fn assign(&mut self, _partition: i32, offset: i64) -> Result<(), Infallible> {
///         self.1 = offset as usize;
///         Ok(())
///     }
///
///     fn read(&mut self, _: i32, max: usize, mut each: impl FnMut(Entry<'_>)) -> Result<bool, Infallible> {
///         for value in self.0.iter().skip(self.1).take(max) {
///             let value = Some(value.as_bytes());
///             each(Entry { offset: self.1 as i64, timestamp: None, key: None, value });
///             self.1 += 1;
///         }
///         Ok(self.1 < self.0.len())
///     }
///
///     fn position(&self, _partition: i32) -> i64 {
///         self.1 as i64
///     }
/// }
///
/// fn decode(entry: &Entry<'_>) -> Decoded {
///     let text = entry.value.and_then(|value| std::str::from_utf8(value).ok());
///     match text.and_then(|text| text.parse::<i64>().ok()) {
///         Some(second) => Decoded::Order(DecodedOrder {
///             order: Fingerprint::of(&entry.offset.to_le_bytes()),
///             user: Fingerprint::of(b"u-17"),
///             event_ms: second * 1_000,
///             cents: 1_250,
///             items: 1,
///         }),
///         None => Decoded::Invalid("the value is no time".to_owned()),
///     }
/// }
///
/// let rules = Rules { window: 60, lag: 10, lateness: 60, max_ahead_ms: 0 };
/// let (windows, rejected) = timely::execute_directly(move |worker| {
///     let (control, heard) = channel();
///     control.send(Control::Finish(BTreeMap::from([(0, 3)]))).expect("the source is there");
///     let at = StartPartition { processed: 0, resume: 0 };
///     let setup = Setup {
///         rules,
///         start: Arc::new(Start { partitions: BTreeMap::from([(0, at)]), ..Start::default() }),
///         clocks: Arc::new(Clocks::new(rules)),
///         control: heard,
///         hold: Arc::default(),
///         read_ahead: 10_000,
///         in_flight: Arc::default(),
///         rejected_bytes: Arc::default(),
///         waker: Arc::default(),
///     };
///     worker.dataflow(|scope| {
///         let log = Times(&["700", "soon", "725"], 0);
///         let (orders, facts) = source(scope, log, setup, decode, |never| match never {});
///         let rejected = facts.map(|(_, fact)| matches!(fact, Fact::Reject(_)));
///         (orders.map(|order| order.window).capture(), rejected.capture())
///     })
/// });
/// assert_eq!(windows.extract(), [(690, vec![660]), (715, vec![720])], "stamps and windows");
/// let rejected = rejected.extract().into_iter().filter(|(_, rejected)| rejected.contains(&true));
/// assert_eq!(rejected.map(|(stamp, _)| stamp).collect::<Vec<_>>(), [690], "the reject travels at its stamp");
/// ```
pub fn source<'scope, L, D, F>(
    scope: Scope<'scope, u64>,
    log: L,
    setup: Setup,
    decode: D,
    failed: F,
) -> (StreamVec<'scope, u64, Order>, StreamVec<'scope, u64, (u64, Fact)>)
where
    L: Log + 'static,
    D: FnMut(&Entry<'_>) -> Decoded + 'static,
    F: FnMut(L::Error) + 'static,
{
    let mut builder = OperatorBuilder::new("Source".to_owned(), scope);
    let (orders, orders_stream) = builder.new_output();
    let (facts, facts_stream) = builder.new_output();
    let mut orders = OutputBuilder::<_, CapacityContainerBuilder<Vec<Order>>>::from(orders);
    let mut facts = OutputBuilder::<_, CapacityContainerBuilder<Vec<(u64, Fact)>>>::from(facts);

    let address = builder.operator_info().address;
    let worker = scope.worker();
    let activator = worker.activator_for(Rc::clone(&address));
    let wake_from_outside = || -> Wake {
        let activator = worker.sync_activator_for(address.to_vec());
        Box::new(move || {
            // A worker that has ended needs no waking.
            let _ = activator.activate();
        })
    };
    let _ = setup.waker.set(wake_from_outside());
    setup.clocks.on_move(wake_from_outside());
    let (index, peers) = (worker.index(), worker.peers());

    builder.build(move |mut capabilities| {
        let fact_capability = capabilities.pop();
        let order_capability = capabilities.pop();
        let mut reader = Reader {
            capabilities: order_capability.zip(fact_capability),
            partitions: BTreeMap::new(),
            bounded: false,
            broken: false,
            log,
            setup,
            decode,
            failed,
            activator,
            shown_in_flight: 0,
            index,
            peers,
        };
        reader.begin();
        move |_frontiers| {
            let mut orders = orders.activate();
            let mut facts = facts.activate();
            reader.run(
                |capability, batch| orders.session(capability).give_container(batch),
                |capability, fact| facts.session(capability).give(fact),
            );
        }
    });
    (orders_stream, facts_stream)
}
