//! The binary as a user runs it.
#![allow(clippy::unwrap_used)]

mod demo;
mod refusals;
#[cfg(target_os = "linux")]
mod terminal;
mod weir;
