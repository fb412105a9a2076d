//! The binary as a user runs it.
#![allow(clippy::unwrap_used)]

mod contract;
mod demo;
mod load;
mod refusals;
mod shop;
#[cfg(target_os = "linux")]
mod terminal;
mod weir;
