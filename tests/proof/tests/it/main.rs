//! The proof in its short form: every scenario ends with the judge's verdict.
#![allow(clippy::unwrap_used)]

#[cfg(target_os = "linux")]
mod full_disk;
mod hostile;
mod kills;
mod live;
mod oracle;
mod restarts;
mod shop;
mod support;
mod verdicts;
