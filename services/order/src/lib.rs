//! The order service: takes orders, has them paid, cancels and publishes them.
//!
//! The way of an order and who goes on with it after a crash: [`order`], `take.rs`, `attend.rs`. The protocol between this
//! service, stock and payments is modelled in `tests/it/model.rs`.

mod access;
mod api;
mod attend;
mod document;
mod event;
mod list;
mod message;
mod options;
pub mod order;
mod orders;
mod payment;
pub mod remote;
mod request;
mod rest;
mod run;
pub mod store;
mod take;

pub use access::access;
pub use api::Api;
pub use document::{Document, Documents};
pub use options::Options;
pub use orders::{Needs, Orders, Rules};
pub use run::{OrderService, StartError, run, start};
pub use take::Request;

/// As in metrics and logs.
pub const NAME: &str = "order-service";
