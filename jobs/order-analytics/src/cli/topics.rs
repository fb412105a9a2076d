//! The command that makes topics, for a cluster in which programs may not.

use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::values::duration;
use crate::error::JobError;
use crate::settings::Settings;
use crate::topics::create_topics;

const ORDERS_RETENTION: &str = "orders-retention";
const WITH: &str = "with";

/// What it can be told besides the keys of the job.
pub(super) fn arguments(command: Command) -> Command {
    let retention = Arg::new(ORDERS_RETENTION)
        .long(ORDERS_RETENTION)
        .value_name("DURATION")
        .default_value("7d")
        .value_parser(duration)
        .help("How long orders are kept, where their topic is missing");
    let with = Arg::new(WITH)
        .long(WITH)
        .value_name("TOPIC=DURATION")
        .action(ArgAction::Append)
        .value_parser(topic)
        .help("Another topic, and how long its records are kept; may be repeated");
    command.arg(retention).arg(with).after_help(
        "Topics that exist are left as they are. Orders and the topics of --with have as many partitions as --orders-partitions says; \
         how often each is stored is the broker's setting.",
    )
}

fn topic(text: &str) -> Result<(String, Duration), String> {
    match text.split_once('=') {
        Some((name, kept)) if !name.is_empty() => Ok((name.to_owned(), duration(kept)?)),
        _ => Err("write it as notifications=7d".to_owned()),
    }
}

/// Makes what is missing.
pub(super) fn create(settings: &Settings, arguments: &ArgMatches) -> Result<(), JobError> {
    // It has a default.
    let retention = arguments.get_one(ORDERS_RETENTION).copied().unwrap_or_default();
    let others: Vec<(String, Duration)> = arguments.get_many(WITH).unwrap_or_default().cloned().collect();
    create_topics(settings, retention, &others)
}
