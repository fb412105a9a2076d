//! The proof in its short form: every scenario ends with the judge's verdict.
#![allow(clippy::unwrap_used)]

mod kills;
mod live;
mod oracle;
mod restarts;
mod support;
mod verdicts;
