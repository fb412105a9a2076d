//! The analytics service: the windows of the topic `analytics-results`, kept in memory and shown.
//!
//! Every replica reads the whole topic, so it keeps nothing of its own and needs nobody but Kafka and the user service.
//!
//! | module | what it is |
//! |---|---|
//! | [`windows`] | the windows: the highest revision of each, pages and sums of them |
//! | [`history`] | what was published last, in its order, to go on from |
//! | [`position`] | how far a stream has come: the id of an event |
//! | [`board`] | both, as a reader writes them and many callers read them |
//! | `watch` | a stream of windows for one caller |
//! | `api`, `rest` | the contracts |

mod access;
mod api;
pub mod board;
pub mod history;
mod message;
mod options;
pub mod position;
mod request;
mod rest;
mod run;
mod watch;
pub mod windows;

pub use access::{for_admins, for_everybody};
pub use options::{Audience, Options};
pub use run::{AnalyticsService, StartError, run, start};

/// As in metrics and logs.
pub const NAME: &str = "analytics-service";
