//! The crate from outside: folders, memory, S3 and Google Cloud Storage over HTTP, and other readers.

#![allow(clippy::unwrap_used, reason = "tests")]

mod buckets;
mod corrupt;
mod crash;
mod folder;
mod gate;
mod owner;
mod readers;
mod schema;
mod store;
mod support;
mod writer;
