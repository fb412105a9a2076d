//! The parameters behind the `?` of a path.

use std::ops::RangeInclusive;

use url::form_urlencoded;
use weir_proto::{Money, Timestamp};

use super::text_fault;
use crate::failure::{Failure, FieldFaults};
use crate::ids::{is_id, no_id};

/// Reads a query; `read` takes its parameters. What `read` gives is given only where none was wrong.
pub(super) fn read<T>(query: &str, read: impl FnOnce(&mut Parameters) -> T) -> Result<T, Failure> {
    let mut parameters = Parameters {
        all: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        faults: FieldFaults::default(),
    };
    let value = read(&mut parameters);
    parameters.faults.check()?;
    Ok(value)
}

/// The parameters of a query; those that nobody asks for are left alone. A method that finds its parameter wrong notes
/// that and gives something in its place, which nobody will see.
pub struct Parameters {
    all: Vec<(String, String)>,
    faults: FieldFaults,
}

impl Parameters {
    /// A text that must be there.
    pub fn text(&mut self, name: &str) -> String {
        self.text_or_none(name).unwrap_or_else(|| {
            self.faults.add(name, "missing");
            String::new()
        })
    }

    /// A text that may be missing; an empty one is.
    pub fn text_or_none(&mut self, name: &str) -> Option<String> {
        let text = self.single(name).filter(|text| !text.is_empty())?;
        if let Some(fault) = text_fault(&text) {
            self.faults.add(name, fault);
        }
        Some(text)
    }

    /// An id that may be missing; an empty one is.
    pub fn id_or_none(&mut self, name: &str) -> Option<String> {
        let text = self.single(name).filter(|text| !text.is_empty())?;
        if !is_id(&text) {
            self.faults.add(name, no_id());
        }
        Some(text)
    }

    /// A whole number within bounds.
    pub fn whole_or(&mut self, name: &str, default: u32, bounds: RangeInclusive<u32>) -> u32 {
        let Some(text) = self.single(name) else {
            return default;
        };
        // `+5` is a number to Rust only.
        let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(number) if is_digits && bounds.contains(&number) => number,
            _ => {
                let fault = format!("not a whole number from {} to {}", bounds.start(), bounds.end());
                self.faults.add(name, fault);
                default
            }
        }
    }

    /// An amount of money that may be missing.
    pub fn money_or_none(&mut self, name: &str) -> Option<Money> {
        let text = self.single(name)?;
        self.faults.take(name, Money::parse(&text))
    }

    /// A moment that may be missing.
    pub fn moment_or_none(&mut self, name: &str) -> Option<Timestamp> {
        let text = self.single(name)?;
        self.faults.take(name, Timestamp::parse_rfc3339(&text))
    }

    /// One of several words that may be missing.
    pub fn word_or_none<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.single(name)?;
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.faults.add(name, format!("none of {}", known.join(", ")));
        }
        found.map(|(_, value)| *value)
    }

    fn single(&mut self, name: &str) -> Option<String> {
        let mut values = self.all.iter().filter(|(known, _)| known == name);
        let value = values.next().map(|(_, value)| value.clone());
        if values.next().is_some() {
            self.faults.add(name, "stands twice");
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_by_their_kinds() {
        let query = "q=red+shoe%C3%A4&limit=7&min_price=1.5&status=paid&other=&cursor=&from=2026-11-23T02:36:00%2B01:00";
        let found = read(query, |parameters| {
            (
                parameters.text("q"),
                parameters.whole_or("limit", 10, 1..=100),
                parameters.whole_or("skip", 3, 0..=100),
                parameters.money_or_none("min_price").map(Money::minor),
                parameters.word_or_none("status", &[("open", 1), ("paid", 2)]),
                parameters.text_or_none("cursor"),
                parameters.moment_or_none("from").map(Timestamp::millis),
            )
        });
        let from = Some(1_795_397_760_000);
        assert_eq!(
            found,
            Ok(("red shoeä".to_owned(), 7, 3, Some(150), Some(2), None, from))
        );
    }

    #[test]
    fn every_fault_is_named() {
        let query = "limit=0&skip=-1&n=%2B5&min_price=1.234&status=x&cursor=%00&v=%22&twice=a&twice=b&empty=&from=soon";
        let failure = read(query, |parameters| {
            parameters.text("q");
            parameters.whole_or("limit", 10, 1..=100);
            parameters.whole_or("skip", 0, 0..=100);
            parameters.whole_or("n", 0, 0..=100);
            parameters.money_or_none("min_price");
            parameters.word_or_none("status", &[("open", 1)]);
            parameters.text_or_none("cursor");
            parameters.id_or_none("v");
            parameters.text("twice");
            parameters.whole_or("empty", 0, 0..=100);
            parameters.moment_or_none("from");
        });
        let named: Vec<String> = failure
            .unwrap_err()
            .fields
            .into_iter()
            .map(|fault| fault.field)
            .collect();
        assert_eq!(
            named,
            [
                "q",
                "limit",
                "skip",
                "n",
                "min_price",
                "status",
                "cursor",
                "v",
                "twice",
                "empty",
                "from"
            ]
        );
    }
}
