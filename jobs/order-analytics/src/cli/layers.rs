//! The three places a value may come from.

use std::collections::BTreeMap;
use std::path::Path;

use clap::ArgMatches;
use clap::parser::ValueSource;

use super::keys::{KEYS, Key, Kind, key_of};
use crate::error::JobError;

/// The raw values of all keys, the strongest layer first: flags, environment, file.
pub(super) struct Layers(BTreeMap<&'static str, Vec<String>>);

impl Layers {
    /// Reads all layers.
    ///
    /// # Errors
    /// An unreadable file, or one with a key that does not exist.
    pub(super) fn read(
        flags: &ArgMatches,
        environment: &dyn Fn(&str) -> Option<String>,
        file: Option<&str>,
    ) -> Result<Self, JobError> {
        let file = file
            .map(|path| read_file(Path::new(path)))
            .transpose()?
            .unwrap_or_default();
        let mut values = BTreeMap::new();
        for key in KEYS {
            let value = from_flags(flags, key)
                .or_else(|| from_environment(environment, key))
                .or_else(|| file.get(key.name).cloned());
            if let Some(value) = value {
                values.insert(key.name, value);
            }
        }
        Ok(Self(values))
    }

    /// The value of a key, if any layer has it.
    pub(super) fn one(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .and_then(|values| values.last())
            .map(String::as_str)
    }

    /// All values of a key.
    pub(super) fn all(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }
}

fn from_flags(flags: &ArgMatches, key: &Key) -> Option<Vec<String>> {
    if flags.value_source(key.name) != Some(ValueSource::CommandLine) {
        return None;
    }
    match key.kind {
        Kind::Flag => Some(vec!["true".to_owned()]),
        Kind::Value(_) | Kind::Pairs => Some(flags.get_many::<String>(key.name)?.cloned().collect()),
    }
}

fn from_environment(environment: &dyn Fn(&str) -> Option<String>, key: &Key) -> Option<Vec<String>> {
    let name = format!("ORDER_ANALYTICS_{}", key.name.to_uppercase().replace('-', "_"));
    let value = environment(&name)?;
    Some(match key.kind {
        // One pair a line, as commas occur within values.
        Kind::Pairs => value
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect(),
        Kind::Flag | Kind::Value(_) => vec![value],
    })
}

fn read_file(path: &Path) -> Result<BTreeMap<&'static str, Vec<String>>, JobError> {
    let wrong = |fault: String| JobError::setting("config", format!("{}: {fault}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let table: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| wrong(error.to_string()))?;
    let mut values = BTreeMap::new();
    for (name, value) in table {
        let Some(key) = key_of(&name) else {
            return Err(wrong(format!("unknown key `{name}`")));
        };
        let entry = match (key.kind, value) {
            (Kind::Pairs, toml::Value::Table(table)) => {
                let pairs = table
                    .into_iter()
                    .map(|(property, value)| format!("{property}={}", plain(&value)));
                pairs.collect()
            }
            (Kind::Pairs, _) => return Err(wrong(format!("`{name}` must be a table of properties"))),
            (_, value) => vec![plain(&value)],
        };
        values.insert(key.name, entry);
    }
    Ok(values)
}

fn plain(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
