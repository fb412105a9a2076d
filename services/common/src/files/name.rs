//! Names of files.

use std::fmt;

/// The name of a file: parts with a slash between them. It never leads out of the place where files lie.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FileName(String);

impl FileName {
    /// A name of these parts. What could mean something to a file system or to a URL stands escaped: a part that comes from
    /// outside is one part, whatever it holds.
    #[must_use]
    pub fn of<const N: usize>(parts: [&str; N]) -> FileName {
        FileName(parts.map(escaped).join("/"))
    }

    /// A name that was stored, as [`as_str`](FileName::as_str) gave it.
    #[must_use]
    pub fn stored(text: &str) -> FileName {
        FileName(text.to_owned())
    }

    /// As it is stored and logged.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// What an id may hold stands for itself, but for a `.` at the beginning; every other byte as `=` and two digits. So an id
/// is as long as it was, and no storage takes offence at it.
fn escaped(part: &str) -> String {
    let mut text = String::with_capacity(part.len());
    for (n, byte) in part.bytes().enumerate() {
        let is_plain = byte.is_ascii_alphanumeric() || b"-_:".contains(&byte) || (byte == b'.' && n > 0);
        match is_plain {
            true => text.push(char::from(byte)),
            false => text.push_str(&format!("={byte:02x}")),
        }
    }
    if text.is_empty() {
        text.push('=');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_stays_one_part_and_different_parts_stay_different() {
        let parts = [
            "kb-1", "..", ".", "", "a/b", "a=2fb", "/", "\\", "~", "a\0b", "ü", "a:b", "a.b", ".hidden",
            "%2e%2e", "con",
        ];
        let names: Vec<FileName> = parts.iter().map(|part| FileName::of([part, "x"])).collect();
        for (n, name) in names.iter().enumerate() {
            let text = name.as_str();
            assert_eq!(text.matches('/').count(), 1, "{text}");
            assert!(!text.starts_with(['.', '/', '~']), "{text}");
            assert!(text.is_ascii() && !text.contains(['%', '\0', '\\']), "{text}");
            assert_eq!(names.iter().position(|other| other == name), Some(n), "{text}");
        }
        assert_eq!(FileName::of(["kb-1", "0198.png"]).as_str(), "kb-1/0198.png");
        assert_eq!(FileName::of([".."]).as_str(), "=2e.");
    }
}
