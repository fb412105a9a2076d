//! The order analytics job: orders from Kafka to exact windows in Kafka and Parquet.
//!
//! The log is the state: a commit writes results, rejects, offsets and a progress record in one Kafka transaction, and
//! a start reads the live windows again from the log. See ARCHITECTURE.md for the protocol.
//!
//! | module | what it is |
//! |---|---|
//! | [`settings`], `cli` | what can be set, read from flags, environment and file |
//! | [`start`](fn@start) | starts the job on threads of its own and gives a [`Handle`] |
//! | `run`, `workers` | one run from its start to its end, and the threads of timely |
//! | `recovery` | where a run begins: the progress record, compared with the log |
//! | `topics` | the topics that a start makes |
//! | `decode` | a record to an order |
//! | `collect` | the operator on worker 0 that gathers what a cut needs |
//! | `ledger` | what was published, and the next commit: pure |
//! | `committer` | the thread that writes commits |
//! | `parquet` | results on to storage, also when it is away at the start |
//! | `http`, `metrics`, [`status`] | what the outside sees |

mod cli;
mod collect;
mod committer;
mod decode;
mod error;
mod failpoint;
mod http;
mod job;
mod kafka_log;
mod ledger;
mod logging;
mod metrics;
#[cfg(test)]
mod model;
mod panic;
mod parquet;
pub mod progress;
mod recovery;
mod run;
pub mod settings;
pub mod status;
mod topics;
mod workers;

pub use cli::{main, main_of};
pub use error::JobError;
pub use job::{Handle, Outcome, start};
pub use settings::Settings;
pub use status::{Status, Totals};
