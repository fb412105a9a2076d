//! The gateway from outside: HTTP before it, services that remember what they were asked behind it.
//!
//! Every answer that these tests get is also checked against the OpenAPI document: see `conformity.rs`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod accounts;
mod analytics;
mod bench;
mod cart;
mod catalogue;
mod client;
mod conformity;
mod context;
mod document;
mod edges;
mod hostile;
mod images;
mod invoices;
mod limits;
mod orders;
mod payments;
mod probes;
mod program;
mod services;
mod shop;
mod tokens;
mod wire;
