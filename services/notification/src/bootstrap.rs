//! The binary `bootstrap` of an AWS Lambda function; set by the environment, as `bootstrap --help` lists.

use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use lambda_runtime::{LambdaEvent, service_fn};
use notification_service::lambda::{KafkaEvent, LambdaOptions, handle};
use notification_service::{NAME, open};
use service_common::metrics::Metrics;
use service_common::{command_line, program};

/// Before the invocation is cut off, for the answer.
const RESERVE: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let options = match command_line::parse::<LambdaOptions>(std::env::args_os()) {
        Ok(options) => options,
        Err(error) => return command_line::usage(&error),
    };
    let log_level = options.log_level.clone();
    program::run(NAME, &log_level, || async move {
        let metrics = Metrics::new(NAME)?;
        let users = options.users(&metrics).await?;
        let (desk, _database) = open(&options.desk, users, &metrics).await?;
        let (desk, topics) = (&desk, &options.desk.topics);
        let function = service_fn(|invocation: LambdaEvent<KafkaEvent>| async move {
            let left = invocation.context.deadline().duration_since(SystemTime::now());
            let until = Instant::now() + left.unwrap_or_default().saturating_sub(RESERVE);
            let handled = handle(desk, topics, invocation.payload, Some(until)).await;
            handled.map_err(lambda_runtime::Error::from)
        });
        let ended = lambda_runtime::run(function).await;
        // Its error is a box, which is none itself.
        ended.map_err(|error| std::io::Error::other(error).into())
    })
}
