//! The windows of Weir: pure timely and differential dataflow operators.
//!
//! Nothing in here knows Kafka, files or a clock of its own; what comes from outside comes in through
//! [`source::Log`] and through messages. Times of the dataflow are whole seconds of *stream time*: the
//! frontier is the watermark.
//!
//! ```text
//! source  --orders-->  accumulate  --differences-->  changelog  --rows-->
//!    \---- facts: rejects, positions, tallies ------------------------->   (a committer outside)
//! ```
//!
//! # Examples
//! A log in memory to rows.
//! ```
//! use std::collections::BTreeMap;
//! use std::convert::Infallible;
//! use std::sync::Arc;
//! use std::sync::mpsc::channel;
//!
//! use timely::dataflow::operators::{Capture, capture::Extract};
//! use weir_dataflow::accumulate::accumulate;
//! use weir_dataflow::changelog::changelog;
//! use weir_dataflow::clocks::Clocks;
//! use weir_dataflow::fingerprint::Fingerprint;
//! use weir_dataflow::source::{Control, Decoded, DecodedOrder, Entry, Log, Setup, Start, StartPartition, source};
//! use weir_dataflow::window::Rules;
//!
//! /// One partition of order, user and event time in seconds, and the next offset.
//! struct Lines(&'static [&'static str], usize);
//!
//! impl Log for Lines {
//!     type Error = Infallible;
//!
//!     fn assign(&mut self, _partition: i32, offset: i64) -> Result<(), Infallible> {
//!         self.1 = offset as usize;
//!         Ok(())
//!     }
//!
//!     fn read(&mut self, _: i32, max: usize, mut each: impl FnMut(Entry<'_>)) -> Result<bool, Infallible> {
//!         for line in self.0.iter().skip(self.1).take(max) {
//!             let value = Some(line.as_bytes());
//!             each(Entry { offset: self.1 as i64, timestamp: None, key: None, value });
//!             self.1 += 1;
//!         }
//!         Ok(self.1 < self.0.len())
//!     }
//!
//!     fn position(&self, _partition: i32) -> i64 {
//!         self.1 as i64
//!     }
//! }
//!
//! fn parse(line: &str) -> Option<Decoded> {
//!     let mut words = line.split(' ');
//!     Some(Decoded::Order(DecodedOrder {
//!         order: Fingerprint::of(words.next()?.as_bytes()),
//!         user: Fingerprint::of(words.next()?.as_bytes()),
//!         event_ms: words.next()?.parse::<i64>().ok()? * 1_000,
//!         cents: 1_000,
//!         items: 1,
//!     }))
//! }
//!
//! fn decode(entry: &Entry<'_>) -> Decoded {
//!     let line = entry.value.and_then(|value| std::str::from_utf8(value).ok());
//!     line.and_then(parse).unwrap_or_else(|| Decoded::Invalid("no order".to_owned()))
//! }
//!
//! let rules = Rules { window: 60, lag: 10, lateness: 60, max_ahead_ms: 0 };
//! let rows = timely::execute_directly(move |worker| {
//!     // The run is bounded: it ends at offset 5.
//!     let (control, heard) = channel();
//!     control.send(Control::Finish(BTreeMap::from([(0, 5)]))).expect("the source is there");
//!     let at = StartPartition { processed: 0, resume: 0 };
//!     let setup = Setup {
//!         rules,
//!         start: Arc::new(Start { partitions: BTreeMap::from([(0, at)]), ..Start::default() }),
//!         clocks: Arc::new(Clocks::new(rules)),
//!         control: heard,
//!         hold: Arc::default(),
//!         read_ahead: 10_000,
//!         in_flight: Arc::default(),
//!         rejected_bytes: Arc::default(),
//!         waker: Arc::default(),
//!     };
//!     worker.dataflow(|scope| {
//!         // Order c moves the clock to 670, so [600, 660) closes; order d comes after that.
//!         let log = Lines(&["a ann 605", "b bob 610", "a ann 605", "c ann 680", "d cid 650"], 0);
//!         let (orders, _facts) = source(scope, log, setup, decode, |never| match never {});
//!         let (updates, _counted) = accumulate(orders, rules);
//!         changelog(updates).inner.capture()
//!     })
//! });
//! let rows: Vec<_> = rows.extract().into_iter().flat_map(|(_, rows)| rows).collect();
//! // Two orders of two users; then the late one: the old row out, the new row in.
//! assert!(rows.contains(&((600, (2, 2_000, 2, 2)), 659, 1)));
//! assert!(rows.contains(&((600, (2, 2_000, 2, 2)), 670, -1)));
//! assert!(rows.contains(&((600, (3, 3_000, 3, 3)), 670, 1)));
//! // The window of order c is closed early, as the log ends.
//! assert!(rows.contains(&((660, (1, 1_000, 1, 1)), 719, 1)));
//! ```

pub mod accumulate;
pub mod changelog;
pub mod clocks;
pub mod fingerprint;
pub mod order;
mod set;
pub mod source;
pub mod window;
