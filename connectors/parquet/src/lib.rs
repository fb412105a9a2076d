//! Analytics results as Parquet files in a folder, Amazon S3 or Google Cloud Storage.
//!
//! ```text
//! ROOT/_job                                                         whose place it is
//! ROOT/analytics-results/date=2026-11-23/hour=02/windows.parquet    the windows that start in this hour (UTC)
//! ```
//!
//! A file holds one row a window, sorted by its start, always the highest revision; as windows close or are revised
//! the file is written again whole and replaced in one step. [`Store`] merges rows into what lies there and never
//! takes one away; [`Writer`] does so in the background, waits while the storage is away, and says up to where
//! everything is safe. Columns and types are in the README.

mod error;
mod folder;
mod format;
mod hour;
mod objects;
mod owner;
mod pending;
mod rows;
mod store;
mod writer;

pub use error::StoreError;
pub use store::{Store, Written};
pub use writer::{Writer, WriterEvent};
