//! The product service: the catalogue, and the stock that orders set aside, sell and give back.
//!
//! The protocol between orders and stock: `stock.rs`. It is modelled in `tests/it/model.rs`. Pictures: `images.rs`.

mod access;
mod api;
mod catalogue;
mod cursor;
mod images;
mod message;
mod options;
mod picture;
mod product;
mod request;
mod reservation;
mod rest;
mod run;
mod seed;
mod stock;
pub mod store;
mod words;

pub use access::access;
pub use api::Api;
pub use catalogue::{Page, Products};
pub use cursor::{Cursor, CursorError};
pub use images::{Image, Images};
pub use options::Options;
pub use picture::{LARGEST_UPLOAD, Picture, PictureError};
pub use product::{Change, Currency, CurrencyError, Details, Price, Product, Search, Start};
pub use reservation::{Line, Outcome, PricedLine};
pub use run::{ProductService, StartError, run, start};
pub use seed::seed;
pub use words::Word;

/// As in metrics and logs.
pub const NAME: &str = "product-service";
