//! The order analytics job.
