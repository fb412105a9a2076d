//! The shapes of all requests, and a walk over a request by its shape before it is decoded.
//!
//! The codec makes room for as many elements as a request says an array has: four hostile bytes would take
//! the memory of the machine. The walk proves that every element is really there and that they are few.

mod table;

use std::sync::OnceLock;

use kafka_protocol::messages::ApiKey;

use self::table::REQUESTS;

/// Elements of all arrays of a request together.
const MOST_ELEMENTS: usize = 100_000;

/// One field.
#[derive(Debug)]
enum Kind {
    Fixed(usize),
    /// A string, if compact with a varint for its length, else with two bytes.
    Text,
    /// Bytes, if compact with a varint for their length, else with four bytes.
    Bytes,
    /// Elements without tagged fields of their own.
    Numbers(usize),
    Texts,
    Structs(Vec<Field>),
}

#[derive(Debug)]
struct Field {
    kind: Kind,
    since: i16,
    until: i16,
}

/// An API that is served.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) key: ApiKey,
    pub(crate) least: i16,
    pub(crate) greatest: i16,
    flexible_since: i16,
    fields: Vec<Field>,
}

/// All APIs that are served.
pub(crate) fn apis() -> &'static [Api] {
    static APIS: OnceLock<Vec<Api>> = OnceLock::new();
    APIS.get_or_init(|| REQUESTS.iter().map(parse_api).collect())
}

fn parse_api(&(key, least, greatest, flexible_since, text): &(ApiKey, i16, i16, i16, &str)) -> Api {
    Api {
        key,
        least,
        greatest,
        flexible_since,
        fields: parse_fields(&mut text.split_whitespace()),
    }
}

fn parse_fields(words: &mut std::str::SplitWhitespace<'_>) -> Vec<Field> {
    let mut fields = Vec::new();
    while let Some(word) = words.next() {
        let nested = (word == "[").then(|| parse_fields(words));
        // The versions of a structure stand behind its end, which `parse_fields` has left to be looked at.
        let (shape, versions) = word.split_once('@').unwrap_or((word, ""));
        let (since, until) = parse_versions(versions);
        let kind = match (shape, nested) {
            (_, Some(inner)) => Kind::Structs(inner),
            ("s", _) => Kind::Text,
            ("b", _) => Kind::Bytes,
            ("*s", _) => Kind::Texts,
            ("*4", _) => Kind::Numbers(4),
            ("*8", _) => Kind::Numbers(8),
            ("]", _) => {
                // An end: its versions are taken by the structure that it ends.
                fields.push(Field {
                    kind: Kind::Fixed(0),
                    since,
                    until,
                });
                return fields;
            }
            (digits, _) => Kind::Fixed(digits.parse().expect("the table has digits here")),
        };
        fields.push(match kind {
            Kind::Structs(mut inner) => {
                let end = inner.pop().expect("a structure has an end");
                Field {
                    kind: Kind::Structs(inner),
                    since: end.since,
                    until: end.until,
                }
            }
            kind => Field { kind, since, until },
        });
    }
    fields
}

fn parse_versions(text: &str) -> (i16, i16) {
    let number = |digits: &str| digits.parse().expect("the table has digits here");
    match text.split_once('-') {
        _ if text.is_empty() => (0, i16::MAX),
        Some((since, until)) => (number(since), number(until)),
        None => (number(text), i16::MAX),
    }
}

impl Api {
    /// Whether requests of that version end their structures with tagged fields.
    pub(crate) fn is_flexible(&self, version: i16) -> bool {
        version >= self.flexible_since
    }

    /// Whether the body of a request is as long as it says.
    pub(crate) fn fits(&self, body: &[u8], version: i16) -> bool {
        let mut walk = Walk {
            rest: body,
            version,
            flexible: self.is_flexible(version),
            elements: 0,
        };
        walk.structure(&self.fields).is_some()
    }
}

struct Walk<'a> {
    rest: &'a [u8],
    version: i16,
    flexible: bool,
    elements: usize,
}

impl Walk<'_> {
    fn structure(&mut self, fields: &[Field]) -> Option<()> {
        for field in fields {
            if (field.since..=field.until).contains(&self.version) {
                self.field(&field.kind)?;
            }
        }
        if self.flexible {
            for _ in 0..self.varint()? {
                self.count(1)?;
                self.varint()?;
                let length = self.varint()?;
                self.skip(length)?;
            }
        }
        Some(())
    }

    fn field(&mut self, kind: &Kind) -> Option<()> {
        match kind {
            Kind::Fixed(bytes) => self.skip(*bytes),
            Kind::Text => {
                let length = self.length(2)?;
                self.skip(length)
            }
            Kind::Bytes => {
                let length = self.length(4)?;
                self.skip(length)
            }
            Kind::Numbers(bytes) => {
                let count = self.length(4)?;
                self.count(count)?;
                self.skip(count.checked_mul(*bytes)?)
            }
            Kind::Texts => {
                let count = self.length(4)?;
                self.count(count)?;
                (0..count).try_for_each(|_| self.field(&Kind::Text))
            }
            Kind::Structs(fields) => {
                let count = self.length(4)?;
                self.count(count)?;
                (0..count).try_for_each(|_| self.structure(fields))
            }
        }
    }

    fn count(&mut self, more: usize) -> Option<()> {
        self.elements = self.elements.checked_add(more)?;
        (self.elements <= MOST_ELEMENTS).then_some(())
    }

    fn skip(&mut self, bytes: usize) -> Option<()> {
        self.rest = self.rest.get(bytes..)?;
        Some(())
    }

    /// A length or count; null is 0.
    fn length(&mut self, bytes: usize) -> Option<usize> {
        if self.flexible {
            return Some(self.varint()?.saturating_sub(1));
        }
        let length = match bytes {
            2 => i32::from(i16::from_be_bytes(*self.rest.first_chunk()?)),
            _ => i32::from_be_bytes(*self.rest.first_chunk()?),
        };
        self.skip(bytes)?;
        // -1 is null; the codec refuses less.
        Some(usize::try_from(length).unwrap_or(0))
    }

    fn varint(&mut self) -> Option<usize> {
        let mut value = 0_u32;
        for shift in 0..5 {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            value |= u32::from(byte & 0x7f) << (shift * 7);
            if *byte < 0x80 {
                break;
            }
        }
        usize::try_from(value).ok()
    }
}

#[cfg(test)]
mod tests;
