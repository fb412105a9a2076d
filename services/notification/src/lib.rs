//! The notification service: tells users of their orders, payments and accounts.
//!
//! | module | what it is |
//! |---|---|
//! | [`event`], [`template`] | the pure core: what a record tells whom, and in which words |
//! | [`claims`] | who sends which message, and whether it was sent |
//! | [`people`] | who the users are |
//! | [`sender`] | the way out: a folder, or SNS |
//! | [`dead_letters`] | for what will never be understood |
//! | [`desk`], [`batch`] | one record, and several |
//! | [`consumer`] | the plain way to run: a member of a consumer group |
//! | `lambda` | the other way: AWS Lambda, fed by MSK (feature `lambda`) |
//!
//! A message is claimed, sent and marked, in this sequence: none is lost, and a crash between the last two repeats one.

pub mod batch;
pub mod claims;
pub mod consumer;
pub mod dead_letters;
pub mod desk;
pub mod event;
#[cfg(feature = "lambda")]
pub mod lambda;
mod options;
pub mod people;
pub mod record;
mod run;
pub mod sender;
mod start;
pub mod template;
pub mod trouble;

pub use options::{DeskOptions, Options, Topics};
pub use run::{NotificationService, run, start};
pub use start::{StartError, open};

/// As in metrics and logs.
pub const NAME: &str = "notification-service";
/// What its clients of Kafka are called.
const CLIENT: &str = "notification";
