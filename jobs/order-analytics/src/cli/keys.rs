//! One table of everything that can be set, for flags, environment, file, help and `check-config` alike.

use std::fmt::Write;
use std::net::SocketAddr;

use weir_kafka::UnknownAuth;

use super::layers::Layers;
use super::values::{duration, duration_text, flag};
use crate::error::JobError;
use crate::settings::Settings;

/// How a key is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// True where it is present, or as it says.
    Flag,
    /// With a text; the name it has in the help.
    Value(&'static str),
    /// With a number; the name it has in the help.
    Number(&'static str),
    /// `KEY=VALUE`, any number of times.
    Pairs,
}

/// One setting.
pub(super) struct Key {
    /// As in flags and file.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) help: &'static str,
    /// Reads the value into the settings.
    set: fn(&mut Settings, &str) -> Result<(), String>,
    /// The value as it would be written.
    get: fn(&Settings) -> String,
}

const fn key(
    name: &'static str,
    kind: Kind,
    help: &'static str,
    set: fn(&mut Settings, &str) -> Result<(), String>,
    get: fn(&Settings) -> String,
) -> Key {
    Key {
        name,
        kind,
        help,
        set,
        get,
    }
}

fn text(place: &mut String, value: &str) -> Result<(), String> {
    value.trim().clone_into(place);
    Ok(())
}

fn number<N: std::str::FromStr>(place: &mut N, value: &str) -> Result<(), String> {
    *place = value
        .trim()
        .parse()
        .map_err(|_| format!("`{value}` is no whole number in range"))?;
    Ok(())
}

/// Properties whose values are never shown.
const SECRETS: [&str; 7] = [
    "password",
    "secret",
    "passphrase",
    "key.pem",
    "token",
    "oauthbearer.config",
    "credentials",
];

/// All keys, in the order of the help.
pub(super) const KEYS: &[Key] = &[
    key(
        "bootstrap-servers",
        Kind::Value("HOST:PORT[,..]"),
        "Kafka's addresses (required)",
        |s, v| text(&mut s.bootstrap_servers, v),
        |s| s.bootstrap_servers.clone(),
    ),
    key(
        "bounded",
        Kind::Flag,
        "Read to the ends found at the start, close every window, exit",
        |s, v| flag(v).map(|v| s.bounded = v),
        |s| s.bounded.to_string(),
    ),
    key(
        "workers",
        Kind::Number("N"),
        "Worker threads [default: 1]",
        |s, v| number(&mut s.workers, v),
        |s| s.workers.to_string(),
    ),
    key(
        "job-id",
        Kind::Value("NAME"),
        "Transactional id, group, progress topic and owner of the Parquet folder [default: order-analytics]",
        |s, v| text(&mut s.job_id, v),
        |s| s.job_id.clone(),
    ),
    key(
        "orders-topic",
        Kind::Value("TOPIC"),
        "Where orders come from [default: orders]",
        |s, v| text(&mut s.orders_topic, v),
        |s| s.orders_topic.clone(),
    ),
    key(
        "orders-partitions",
        Kind::Number("N"),
        "Partitions of the orders topic if it has to be created [default: 4]",
        |s, v| number(&mut s.orders_partitions, v),
        |s| s.orders_partitions.to_string(),
    ),
    key(
        "results-topic",
        Kind::Value("TOPIC"),
        "Where results go [default: analytics-results]",
        |s, v| text(&mut s.results_topic, v),
        |s| s.results_topic.clone(),
    ),
    key(
        "dlq-topic",
        Kind::Value("TOPIC"),
        "Where records that are no valid orders go [default: orders-dlq]",
        |s, v| text(&mut s.dlq_topic, v),
        |s| s.dlq_topic.clone(),
    ),
    key(
        "late-topic",
        Kind::Value("TOPIC"),
        "Where orders that came too late go [default: orders-late]",
        |s, v| text(&mut s.late_topic, v),
        |s| s.late_topic.clone(),
    ),
    key(
        "currency",
        Kind::Value("CODE"),
        "The currency of all orders; others are invalid [default: USD]",
        |s, v| text(&mut s.currency, v),
        |s| s.currency.clone(),
    ),
    key(
        "window",
        Kind::Value("DURATION"),
        "Length of a window [default: 1m]",
        |s, v| duration(v).map(|v| s.window = v),
        |s| duration_text(s.window),
    ),
    key(
        "watermark-lag",
        Kind::Value("DURATION"),
        "How far the watermark trails the largest event time [default: 10s]",
        |s, v| duration(v).map(|v| s.watermark_lag = v),
        |s| duration_text(s.watermark_lag),
    ),
    key(
        "allowed-lateness",
        Kind::Value("DURATION"),
        "How long a closed window may still be revised [default: 1m]",
        |s, v| duration(v).map(|v| s.allowed_lateness = v),
        |s| duration_text(s.allowed_lateness),
    ),
    key(
        "max-ahead",
        Kind::Value("DURATION"),
        "How far an order may lie ahead of its record's Kafka timestamp; 0 = off [default: 1m]",
        |s, v| duration(v).map(|v| s.max_ahead = v),
        |s| duration_text(s.max_ahead),
    ),
    key(
        "parquet",
        Kind::Value("URL"),
        "Write Parquet to gs://, s3://, file:// or a path",
        |s, v| {
            s.parquet = Some(v.trim().to_owned()).filter(|v| !v.is_empty());
            Ok(())
        },
        |s| s.parquet.clone().unwrap_or_default(),
    ),
    key(
        "print",
        Kind::Flag,
        "Write each result to standard output as well",
        |s, v| flag(v).map(|v| s.print = v),
        |s| s.print.to_string(),
    ),
    key(
        "http-addr",
        Kind::Value("ADDRESS"),
        "Where /metrics, /health and /ready are served, or `off` [default: 127.0.0.1:9090]",
        set_http,
        |s| {
            s.http_addr
                .map_or_else(|| "off".to_owned(), |address| address.to_string())
        },
    ),
    key(
        "kafka",
        Kind::Pairs,
        "Any librdkafka property (TLS, SASL); may be repeated",
        set_property,
        |_| String::new(),
    ),
    key(
        "kafka-auth",
        Kind::Value("WAY"),
        "How the brokers are shown who this is: as the `properties` say, or `msk-iam`, by the AWS identity [default: properties]",
        |s, v| {
            let parsed = v.trim().parse();
            parsed
                .map(|auth| s.kafka_auth = auth)
                .map_err(|error: UnknownAuth| error.to_string())
        },
        |s| s.kafka_auth.to_string(),
    ),
    key(
        "process",
        Kind::Number("I"),
        "Index of this process in a cluster; only 0 for now",
        set_process,
        |_| "0".to_owned(),
    ),
    key(
        "processes",
        Kind::Value("HOST:PORT,.."),
        "Addresses of a cluster's processes; only one for now",
        set_processes,
        |_| String::new(),
    ),
    key(
        "read-ahead",
        Kind::Number("N"),
        "Most records of a partition that are read ahead of the watermark [default: 200000]",
        |s, v| number(&mut s.read_ahead, v),
        |s| s.read_ahead.to_string(),
    ),
    key(
        "transaction-timeout",
        Kind::Value("DURATION"),
        "After this long the broker aborts an open transaction [default: 1m]",
        |s, v| duration(v).map(|v| s.transaction_timeout = v),
        |s| duration_text(s.transaction_timeout),
    ),
];

fn set_http(settings: &mut Settings, value: &str) -> Result<(), String> {
    settings.http_addr = match value.trim() {
        "off" | "" => None,
        address => {
            let parsed: SocketAddr = address
                .parse()
                .map_err(|_| format!("`{address}` is no address: write it as 127.0.0.1:9090, or off"))?;
            Some(parsed)
        }
    };
    Ok(())
}

fn set_property(settings: &mut Settings, value: &str) -> Result<(), String> {
    // The value may be a secret, so the message does not repeat it.
    let (property, value) = value.split_once('=').ok_or("must be written as key=value")?;
    let property = property.trim();
    settings.kafka.retain(|(known, _)| known != property);
    settings
        .kafka
        .push((property.to_owned(), value.trim().to_owned()));
    Ok(())
}

fn set_process(_: &mut Settings, value: &str) -> Result<(), String> {
    match value.trim() {
        "0" => Ok(()),
        other => Err(format!(
            "`{other}`: this version runs as one process; use --workers"
        )),
    }
}

fn set_processes(_: &mut Settings, value: &str) -> Result<(), String> {
    if value.contains(',') {
        return Err("this version runs as one process; use --workers".to_owned());
    }
    Ok(())
}

/// The key of a name; underscores do as well as dashes.
pub(super) fn key_of(name: &str) -> Option<&'static Key> {
    let name = name.replace('_', "-");
    KEYS.iter().find(|key| key.name == name)
}

/// The settings that the layers come to.
///
/// # Errors
/// [`JobError::Setting`] naming the first key whose value cannot be read.
pub(super) fn settings(layers: &Layers) -> Result<Settings, JobError> {
    let mut settings = Settings::default();
    for key in KEYS {
        let wrong = |fault| JobError::Setting { key: key.name, fault };
        if key.kind == Kind::Pairs {
            for value in layers.all(key.name) {
                (key.set)(&mut settings, value).map_err(wrong)?;
            }
        } else if let Some(value) = layers.one(key.name) {
            (key.set)(&mut settings, value).map_err(wrong)?;
        }
    }
    Ok(settings)
}

/// The effective configuration as a TOML file, secrets hidden.
pub(crate) fn effective(settings: &Settings) -> String {
    let mut out = String::new();
    for key in KEYS {
        let value = (key.get)(settings);
        // Writing to a string does not fail.
        let _ = match key.kind {
            Kind::Pairs => continue,
            Kind::Flag | Kind::Number(_) => writeln!(out, "{} = {value}", key.name),
            Kind::Value(_) if value.is_empty() => Ok(()),
            Kind::Value(_) => writeln!(out, "{} = {}", key.name, quoted(&value)),
        };
    }
    if !settings.kafka.is_empty() {
        let _ = writeln!(out, "\n[kafka]");
        for (property, value) in &settings.kafka {
            let secret = SECRETS.iter().any(|secret| property.contains(secret));
            let shown = if secret { "[hidden]" } else { value };
            let _ = writeln!(out, "{} = {}", quoted(property), quoted(shown));
        }
    }
    out
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
