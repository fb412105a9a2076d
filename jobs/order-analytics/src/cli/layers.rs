//! The three places a value may come from.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use clap::ArgMatches;
use clap::parser::ValueSource;

use super::keys::{KEYS, Key, Kind, key_of};
use crate::error::JobError;

/// Gives the value of an environment variable.
pub(super) type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// The raw values of all keys: a flag beats a variable beats the file. Of properties each layer adds its own, the
/// strongest last.
pub(super) struct Layers(BTreeMap<&'static str, Vec<String>>);

impl Layers {
    /// Reads all layers.
    ///
    /// # Errors
    /// An unreadable file, or one with a key that does not exist; a variable that is no text.
    pub(super) fn read(
        flags: &ArgMatches,
        environment: Environment<'_>,
        file: Option<&str>,
    ) -> Result<Self, JobError> {
        let file = file
            .map(|path| read_file(Path::new(path)))
            .transpose()?
            .unwrap_or_default();
        let mut values = BTreeMap::new();
        for key in KEYS {
            let layers = [
                file.get(key.name).cloned(),
                from_environment(environment, key)?,
                from_flags(flags, key),
            ];
            let layers = layers.into_iter().flatten();
            let value = match key.kind {
                Kind::Pairs => layers.flatten().collect(),
                Kind::Flag | Kind::Value(_) | Kind::Number(_) => layers.last().unwrap_or_default(),
            };
            values.insert(key.name, value);
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
    Some(flags.get_many::<String>(key.name)?.cloned().collect())
}

/// The value of the variable that belongs to a key.
///
/// # Errors
/// [`JobError::Setting`] when it is not UTF-8.
pub(super) fn variable(environment: Environment<'_>, key: &'static str) -> Result<Option<String>, JobError> {
    let name = format!("ORDER_ANALYTICS_{}", key.to_uppercase().replace('-', "_"));
    // The value may be a secret, so the message does not repeat it.
    let not_text = |_| JobError::setting(key, format!("the variable {name} is not UTF-8"));
    environment(&name)
        .map(|value| value.into_string().map_err(not_text))
        .transpose()
}

fn from_environment(environment: Environment<'_>, key: &Key) -> Result<Option<Vec<String>>, JobError> {
    let value = variable(environment, key.name)?;
    Ok(value.map(|value| match key.kind {
        // One pair a line, as commas occur within values.
        Kind::Pairs => value
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect(),
        Kind::Flag | Kind::Value(_) | Kind::Number(_) => vec![value],
    }))
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
