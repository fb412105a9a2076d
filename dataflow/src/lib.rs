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

pub mod accumulate;
pub mod changelog;
pub mod clocks;
pub mod fingerprint;
pub mod order;
pub mod source;
pub mod window;
