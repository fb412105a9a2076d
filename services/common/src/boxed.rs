//! Futures whose code is compiled once.

use std::future::Future;
use std::pin::Pin;

/// The future of a call between crates. The body of an `async fn`, with all that it awaits, is compiled by every crate
/// that awaits it; that of a boxed future only by the crate that makes it, for the price of one allocation a call.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
