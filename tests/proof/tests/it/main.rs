//! The proof in its short form.
#![allow(clippy::unwrap_used)]

mod oracle;
