//! The broker as its clients see it: librdkafka over loopback, and raw bytes.
#![allow(clippy::unwrap_used, missing_docs)]

mod clients;
mod produce;
mod transactions;
