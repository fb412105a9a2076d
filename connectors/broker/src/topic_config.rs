//! The settings of a topic: which there are, what they may be, what they mean for its logs.

use std::collections::BTreeMap;

use kafka_protocol::ResponseError;

use crate::config::Config;
use crate::fault::Fault;
use crate::log::LogSettings;

/// What values a setting takes.
enum Takes {
    Integer { least: i64, most: i64 },
    OneOf(&'static [&'static str]),
    Policies,
    Decimal,
}

/// A setting: its name, what it takes, and Kafka's number for its type in descriptions.
struct Setting {
    name: &'static str,
    takes: Takes,
    kind: i8,
}

const BOOLEAN: i8 = 1;
const STRING: i8 = 2;
const INT: i8 = 3;
const LONG: i8 = 5;
const DOUBLE: i8 = 6;
const LIST: i8 = 7;

const fn integer(name: &'static str, kind: i8, least: i64) -> Setting {
    let most = if kind == INT { i32::MAX as i64 } else { i64::MAX };
    Setting {
        name,
        takes: Takes::Integer { least, most },
        kind,
    }
}

const fn one_of(name: &'static str, kind: i8, values: &'static [&'static str]) -> Setting {
    Setting {
        name,
        takes: Takes::OneOf(values),
        kind,
    }
}

const BOOL: &[&str] = &["true", "false"];

/// All settings that are accepted. Those that the broker does not act on are kept and described.
const SETTINGS: &[Setting] = &[
    Setting {
        name: "cleanup.policy",
        takes: Takes::Policies,
        kind: LIST,
    },
    one_of(
        "compression.type",
        STRING,
        &["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"],
    ),
    integer("delete.retention.ms", LONG, 0),
    integer("file.delete.delay.ms", LONG, 0),
    integer("flush.messages", LONG, 1),
    integer("flush.ms", LONG, 0),
    integer("index.interval.bytes", INT, 0),
    integer("max.compaction.lag.ms", LONG, 1),
    integer("max.message.bytes", INT, 0),
    integer("message.timestamp.after.max.ms", LONG, 0),
    integer("message.timestamp.before.max.ms", LONG, 0),
    one_of("message.timestamp.type", STRING, &["CreateTime", "LogAppendTime"]),
    Setting {
        name: "min.cleanable.dirty.ratio",
        takes: Takes::Decimal,
        kind: DOUBLE,
    },
    integer("min.compaction.lag.ms", LONG, 0),
    integer("min.insync.replicas", INT, 1),
    one_of("preallocate", BOOLEAN, BOOL),
    integer("retention.bytes", LONG, i64::MIN),
    integer("retention.ms", LONG, -1),
    integer("segment.bytes", INT, 1024),
    integer("segment.index.bytes", INT, 4),
    integer("segment.jitter.ms", LONG, 0),
    integer("segment.ms", LONG, 1),
    one_of("unclean.leader.election.enable", BOOLEAN, BOOL),
];

/// The settings of a topic that differ from the broker's.
pub(crate) type Overrides = BTreeMap<String, String>;

/// Refuses settings that there are not, and values that they cannot have.
pub(crate) fn check(overrides: &Overrides) -> Result<(), Fault> {
    for (name, value) in overrides {
        let refuse = |text: String| Err(Fault::new(ResponseError::InvalidConfig, text));
        let Some(setting) = SETTINGS.iter().find(|s| s.name == name) else {
            return refuse(format!("unknown topic config name: {name}"));
        };
        let fits = match setting.takes {
            Takes::Integer { least, most } => value.parse().is_ok_and(|v: i64| (least..=most).contains(&v)),
            Takes::OneOf(values) => values.contains(&value.as_str()),
            Takes::Policies => value.split(',').all(|p| matches!(p.trim(), "delete" | "compact")),
            Takes::Decimal => value.parse().is_ok_and(|v: f64| (0.0..=1.0).contains(&v)),
        };
        if !fits {
            return refuse(format!("invalid value {value} for configuration {name}"));
        }
    }
    Ok(())
}

/// A setting as it is described to clients.
pub(crate) struct Described {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) default: String,
    pub(crate) overridden: bool,
    pub(crate) kind: i8,
}

/// Where a value comes from, as the protocol numbers it: the topic, or nowhere special.
pub(crate) const FROM_TOPIC: i8 = 1;
pub(crate) const FROM_DEFAULT: i8 = 5;

impl Described {
    /// Where the value comes from.
    pub(crate) fn source(&self) -> i8 {
        if self.overridden { FROM_TOPIC } else { FROM_DEFAULT }
    }
}

/// Every setting of a topic with its value.
pub(crate) fn describe(overrides: &Overrides, config: &Config) -> Vec<Described> {
    let describe_one = |setting: &Setting| {
        let default = default_of(setting.name, config);
        let own = overrides.get(setting.name);
        Described {
            name: setting.name,
            value: own.unwrap_or(&default).clone(),
            default,
            overridden: own.is_some(),
            kind: setting.kind,
        }
    };
    SETTINGS.iter().map(describe_one).collect()
}

fn default_of(name: &str, config: &Config) -> String {
    match name {
        "cleanup.policy" => "delete".into(),
        "compression.type" => "producer".into(),
        "delete.retention.ms" => "86400000".into(),
        "file.delete.delay.ms" => "0".into(),
        "index.interval.bytes" => "32768".into(),
        "max.message.bytes" => config.max_message_bytes.to_string(),
        "message.timestamp.type" => "CreateTime".into(),
        "min.cleanable.dirty.ratio" => "0.5".into(),
        "min.insync.replicas" => "1".into(),
        "preallocate" | "unclean.leader.election.enable" => "false".into(),
        "retention.bytes" => config.retention_bytes.to_string(),
        "retention.ms" => config.retention_ms.to_string(),
        "segment.bytes" => config.segment_bytes.to_string(),
        "segment.index.bytes" => "10485760".into(),
        "segment.ms" => "604800000".into(),
        "min.compaction.lag.ms" | "segment.jitter.ms" => "0".into(),
        _ => i64::MAX.to_string(),
    }
}

/// What the settings mean for what is done here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Effective {
    pub(crate) log: LogSettings,
    pub(crate) max_message_bytes: usize,
    pub(crate) append_time: bool,
}

/// Puts the topic's settings over the broker's.
pub(crate) fn effective(overrides: &Overrides, config: &Config) -> Effective {
    let number = |name: &str, default: i64| {
        overrides
            .get(name)
            .and_then(|v| v.parse().ok())
            .unwrap_or(default)
    };
    let compacted_only = overrides
        .get("cleanup.policy")
        .is_some_and(|policy| !policy.contains("delete"));
    let keep = |limit: i64| if compacted_only { -1 } else { limit };
    Effective {
        log: LogSettings {
            segment_bytes: number("segment.bytes", config.segment_bytes as i64).clamp(1, i64::from(i32::MAX))
                as u64,
            segment_ms: number("segment.ms", 7 * 24 * 3_600_000),
            retention_ms: keep(number("retention.ms", config.retention_ms)),
            retention_bytes: keep(number("retention.bytes", config.retention_bytes)),
            fsync: config.fsync,
        },
        max_message_bytes: number("max.message.bytes", config.max_message_bytes as i64) as usize,
        append_time: overrides
            .get("message.timestamp.type")
            .is_some_and(|kind| kind == "LogAppendTime"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, value: &str) -> Overrides {
        Overrides::from([(name.to_owned(), value.to_owned())])
    }

    #[test]
    fn unknown_names_and_values_that_do_not_fit_are_refused() {
        for (name, value) in [
            ("retention.sm", "1"),
            ("retention.ms", "soon"),
            ("cleanup.policy", "burn"),
            ("retention.ms", "-2"),
        ] {
            assert_eq!(
                check(&one(name, value)).unwrap_err().error,
                ResponseError::InvalidConfig,
                "{name}={value}"
            );
        }
        assert!(check(&one("cleanup.policy", "compact,delete")).is_ok());
    }

    #[test]
    fn a_compacted_topic_is_kept_whatever_its_retention() {
        let overrides = one("cleanup.policy", "compact");
        let log = effective(&overrides, &Config::default()).log;
        assert_eq!((log.retention_ms, log.retention_bytes), (-1, -1));
    }

    #[test]
    fn defaults_fit_their_own_rules() {
        let described = describe(&Overrides::new(), &Config::default());
        let all = described
            .iter()
            .map(|d| (d.name.to_owned(), d.value.clone()))
            .collect();
        check(&all).unwrap();
    }
}
