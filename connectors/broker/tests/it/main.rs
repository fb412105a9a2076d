//! The broker as its clients see it: librdkafka over loopback, and raw bytes.
#![allow(clippy::unwrap_used, missing_docs)]

mod admin;
mod clients;
mod groups;
mod hostile;
mod killed;
mod produce;
mod recovery;
mod retention;
mod transactions;
