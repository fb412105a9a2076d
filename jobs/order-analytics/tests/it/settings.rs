//! Wrong settings end with exit code 64 and name the key.

use std::time::Duration;

use test_support::servers::shared_dev_broker;

use crate::job::Job;
use crate::stage::{Stage, orders};

const SOON: Duration = Duration::from_secs(30);

fn refused(arguments: &[String], code: i32, text: &str) {
    let mut job = Job::start(arguments);
    job.ends_with(code, SOON);
    assert!(job.stderr().contains(text), "{}", job.stderr());
}

#[test]
fn check_config_prints_the_configuration_without_secrets() {
    let stage = Stage::new("broker.example:9093");
    let mut arguments = stage.arguments(&["--kafka", "sasl.password=hunter2", "--window", "5m"]);
    arguments[0] = "check-config".to_owned();
    let mut job = Job::start(&arguments);
    job.ends_with(0, SOON);
    let shown = job.stdout();
    assert!(
        shown.contains("window = \"5m\"") && shown.contains("\"sasl.password\" = \"[hidden]\""),
        "{shown}"
    );
    assert!(!shown.contains("hunter2") && !job.stderr().contains("hunter2"));
}

#[test]
fn a_variable_sets_what_no_flag_does() {
    let arguments = ["check-config", "--bootstrap-servers", "b:1"].map(str::to_owned);
    let mut job = Job::start_with(&arguments, &[("ORDER_ANALYTICS_WATERMARK_LAG", "7s")]);
    job.ends_with(0, SOON);
    assert!(
        job.stdout().contains("watermark-lag = \"7s\""),
        "{}",
        job.stdout()
    );
}

#[test]
fn check_config_names_what_is_wrong() {
    let arguments = ["check-config", "--bootstrap-servers", "b:1", "--workers", "0"].map(str::to_owned);
    refused(&arguments, 64, "workers: ");
}

#[test]
fn a_wrong_setting_is_named() {
    let stage = Stage::new(&shared_dev_broker());
    refused(&stage.arguments(&["--window", "0s"]), 64, "window: ");
    refused(
        &stage.arguments(&["--kafka", "no.such.property=1"]),
        64,
        "kafka: ",
    );
    refused(
        &stage.arguments(&["--parquet", "ftp://somewhere"]),
        64,
        "parquet: ",
    );
    refused(&stage.arguments(&["--no-such-flag"]), 64, "--no-such-flag");
    refused(&["run".to_owned()], 64, "bootstrap-servers: ");
}

#[test]
fn a_taken_http_port_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let stage = Stage::new(&shared_dev_broker());
    refused(
        &stage.arguments(&["--http-addr", &address]),
        64,
        "http-addr: cannot listen on 127.0.0.1",
    );
}

#[test]
fn what_gives_the_windows_their_meaning_may_not_change_and_the_lateness_may() {
    let stage = Stage::new(&shared_dev_broker());
    stage.make("orders", 1);
    let orders = orders(100, 1, 0);
    stage.write_orders(&orders, 1);
    Job::start(&stage.arguments(&["--bounded"])).ends_with(0, SOON);
    for (flag, value) in [
        ("--window", "2m"),
        ("--watermark-lag", "20s"),
        ("--max-ahead", "0"),
        ("--currency", "EUR"),
    ] {
        let named = format!("{}: is ", flag.trim_start_matches("--"));
        refused(&stage.arguments(&["--bounded", flag, value]), 64, &named);
    }
    Job::start(&stage.arguments(&["--bounded", "--allowed-lateness", "5m"])).ends_with(0, SOON);
    stage.holds(&orders, 60);
}

#[test]
fn a_progress_record_that_cannot_be_read_is_told_and_not_written_over() {
    for (record, text) in [
        ("no progress at all", "none of this job's"),
        (r#"{"version":7,"something":"else"}"#, "version 7"),
    ] {
        let stage = Stage::new(&shared_dev_broker());
        stage.make("progress", 1);
        stage.write_to("progress", 0, [Some(record.as_bytes().to_vec())]);
        refused(&stage.arguments(&["--bounded"]), 65, text);
        refused(&stage.arguments(&["--bounded"]), 65, &stage.topic("progress"));
    }
}
