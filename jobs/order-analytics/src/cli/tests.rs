//! Flag beats variable beats file, and what is wrong is named.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{command, keys, read};
use crate::error::JobError;
use crate::settings::Settings;

fn settings_of(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Settings, JobError> {
    let environment: BTreeMap<&str, &str> = environment.iter().copied().collect();
    let arguments = ["order-analytics", "run"].iter().chain(arguments);
    let matches = command().try_get_matches_from(arguments).unwrap();
    let (_, flags) = matches.subcommand().unwrap();
    read(flags, &|name| environment.get(name).map(|value| (*value).into()))
}

fn fault_of(arguments: &[&str]) -> String {
    let mut all = vec!["--bootstrap-servers", "127.0.0.1:9092"];
    all.extend(arguments);
    let error = settings_of(&all, &[]).unwrap_err();
    assert_eq!(error.exit_code(), 64);
    error.to_string()
}

#[test]
fn a_flag_beats_a_variable_beats_a_file() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = "bootstrap-servers = \"file:1\"\nworkers = 2\nwindow = \"2m\"\njob-id = \"of-the-file\"\n[kafka]\n\"client.id\" = \"x\"\n";
    std::fs::write(file.path(), text).unwrap();
    let settings = settings_of(
        &["--config", file.path().to_str().unwrap(), "--workers", "4"],
        &[("ORDER_ANALYTICS_WORKERS", "3"), ("ORDER_ANALYTICS_WINDOW", "5m")],
    )
    .unwrap();
    assert_eq!(settings.workers, 4);
    assert_eq!(settings.window, Duration::from_secs(300));
    assert_eq!(settings.job_id, "of-the-file");
    assert_eq!(settings.kafka, [("client.id".to_owned(), "x".to_owned())]);
}

#[test]
fn a_flag_can_say_no_to_a_file_that_says_yes() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        file.path(),
        "bootstrap-servers = \"file:1\"\nbounded = true\nprint = true\n",
    )
    .unwrap();
    let config = ["--config", file.path().to_str().unwrap()];
    let of = |more: &[&str]| settings_of(&[&config, more].concat(), &[]).unwrap();
    let both = of(&[]);
    assert_eq!((both.bounded, both.print), (true, true));
    let neither = of(&["--bounded=false", "--print=false"]);
    assert_eq!((neither.bounded, neither.print), (false, false));
    let again = of(&["--bounded", "--window", "5m"]);
    assert_eq!((again.bounded, again.window), (true, Duration::from_secs(300)));
    assert!(fault_of(&["--bounded=perhaps"]).starts_with("bounded: `perhaps`"));
}

#[test]
fn properties_of_all_layers_add_up_and_the_strongest_counts() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        file.path(),
        "bootstrap-servers = \"file:1\"\n[kafka]\n\"client.id\" = \"file\"\n\"client.rack\" = \"file\"\n",
    )
    .unwrap();
    let settings = settings_of(
        &[
            "--config",
            file.path().to_str().unwrap(),
            "--kafka",
            "client.id=flag",
        ],
        &[("ORDER_ANALYTICS_KAFKA", "client.id=variable\nlog_level=3")],
    )
    .unwrap();
    let kafka: BTreeMap<_, _> = settings.kafka.iter().cloned().collect();
    let want = [("client.id", "flag"), ("client.rack", "file"), ("log_level", "3")];
    assert_eq!(settings.kafka.len(), 3, "each once");
    assert_eq!(
        kafka,
        want.map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    );
}

#[test]
fn a_variable_that_is_not_text_is_named_and_not_overlooked() {
    use std::os::unix::ffi::OsStringExt;

    let matches = command()
        .try_get_matches_from(["order-analytics", "run"])
        .unwrap();
    let (_, flags) = matches.subcommand().unwrap();
    let environment = |name: &str| {
        (name == "ORDER_ANALYTICS_JOB_ID").then(|| std::ffi::OsString::from_vec(vec![b'a', 0xff]))
    };
    let error = read(flags, &environment).unwrap_err();
    assert_eq!(error.exit_code(), 64);
    assert!(
        error
            .to_string()
            .starts_with("job-id: the variable ORDER_ANALYTICS_JOB_ID"),
        "{error}"
    );
}

#[test]
fn a_wrong_value_is_named_with_its_key() {
    assert!(fault_of(&["--window", "1.5m"]).starts_with("window: `1.5m` is no duration"));
    assert!(fault_of(&["--window", "0s"]).starts_with("window: must be whole seconds"));
    assert!(fault_of(&["--watermark-lag", "1500ms"]).starts_with("watermark-lag: must be whole seconds"));
    assert!(fault_of(&["--workers", "many"]).starts_with("workers: `many`"));
    assert!(fault_of(&["--workers", "0"]).starts_with("workers: must be"));
    assert!(fault_of(&["--currency", "usd"]).starts_with("currency: "));
    assert!(fault_of(&["--dlq-topic", "orders"]).starts_with("dlq-topic: `orders` is another topic"));
    assert!(fault_of(&["--http-addr", "here"]).starts_with("http-addr: `here` is no address"));
    assert!(fault_of(&["--process", "1"]).starts_with("process: "));
    assert!(fault_of(&["--job-id", "a/b"]).starts_with("job-id: "));
    assert!(fault_of(&["--config", "/nowhere.toml"]).starts_with("config: /nowhere.toml"));
    assert!(
        settings_of(&[], &[])
            .unwrap_err()
            .to_string()
            .starts_with("bootstrap-servers: is missing")
    );
}

#[test]
fn the_value_of_a_property_without_an_equals_sign_is_not_repeated() {
    let fault = fault_of(&["--kafka", "sasl.password:hunter2"]);
    assert!(fault.starts_with("kafka: "), "{fault}");
    assert!(!fault.contains("hunter2"), "{fault}");
}

#[test]
fn the_effective_configuration_reads_back_and_hides_secrets() {
    let settings = settings_of(
        &[
            "--bootstrap-servers",
            "127.0.0.1:9092",
            "--kafka",
            "sasl.password=hunter2",
            "--bounded",
            "--window",
            "90s",
        ],
        &[],
    )
    .unwrap();
    let shown = keys::effective(&settings);
    assert!(!shown.contains("hunter2"), "{shown}");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &shown).unwrap();
    let again = settings_of(&["--config", file.path().to_str().unwrap()], &[]).unwrap();
    assert_eq!(
        Settings {
            kafka: again.kafka.clone(),
            ..settings
        },
        again
    );
}
