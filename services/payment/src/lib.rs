//! The payment service: pays orders by a provider, once each, and gives payments back.
//!
//! The way of a payment: [`payment`]. A payment's row is the promise to go on with it; `drive.rs` does so, one driver at a
//! time, and `attend.rs` finds those that nobody drives any more. The protocol between this service and orders is modelled
//! in the order service's tests.

mod accept;
mod access;
mod api;
mod attend;
pub mod desk;
mod drive;
mod message;
mod notice;
mod observed;
mod options;
pub mod payment;
mod payments;
mod process;
pub mod provider;
mod refund;
mod request;
mod rest;
mod run;
pub mod simulated;
pub mod store;
pub mod stripe;
mod webhook;

pub use accept::Asked;
pub use access::access;
pub use api::Api;
pub use options::{Options, ProviderKind};
pub use payments::{Needs, Payments, Rules};
pub use process::{Key, Request};
pub use run::{PaymentService, StartError, run, start};
pub use webhook::Received;

/// As in metrics and logs.
pub const NAME: &str = "payment-service";
