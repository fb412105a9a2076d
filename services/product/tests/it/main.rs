//! The tests of product-service that need a database or the network.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod balance;
mod calls;
mod catalogue;
mod images;
mod model;
mod release;
mod reserve;
mod rest;
mod search;
mod seed;
mod shop;
mod stock;
