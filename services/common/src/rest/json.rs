//! A body as JSON. Each field is read by its kind; what is wrong with any of them is gathered. A number is read from its
//! digits, so that no amount passes through a float.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;
use weir_proto::Money;

use super::text_fault;
use crate::failure::{Code, Failure, FieldFaults};

const MISSING: &str = "missing";

/// Reads an object; `read` takes its fields. What `read` gives is given only where no field was wrong.
pub(super) fn read<T>(body: &[u8], read: impl FnOnce(&mut Fields<'_>) -> T) -> Result<T, Failure> {
    let object: Object<'_> = serde_json::from_slice(body)
        .map_err(|error| Failure::new(Code::Malformed, format!("the body is no JSON object: {error}")))?;
    let mut faults = FieldFaults::default();
    let value = read(&mut Fields {
        path: String::new(),
        object,
        faults: &mut faults,
    });
    faults.check()?;
    Ok(value)
}

/// The members of an object, each name once: readers differ in which of two they take.
struct Object<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut members: Vec<(String, &RawValue)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    if members.iter().any(|(known, _)| *known == name) {
                        return Err(A::Error::custom("a name stands twice in an object"));
                    }
                    members.push((name, value));
                    if members.len() > MOST_MEMBERS {
                        return Err(A::Error::custom("an object has too many members"));
                    }
                }
                Ok(Object(members))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// The most members of an object: each is compared with all others.
const MOST_MEMBERS: usize = 256;

/// The fields of an object. A method that finds its field wrong notes that and gives something in its place, which nobody
/// will see.
pub struct Fields<'a> {
    /// Of this object in the body: `items[2].`.
    path: String,
    object: Object<'a>,
    faults: &'a mut FieldFaults,
}

impl<'a> Fields<'a> {
    /// A text that must be there.
    pub fn text(&mut self, name: &str) -> String {
        self.required(name, text).unwrap_or_default()
    }

    /// A text that may be missing, or null.
    pub fn text_or_none(&mut self, name: &str) -> Option<String> {
        self.optional(name, text)
    }

    /// A whole number that must be there. `2.0` is one as well: some clients know no other numbers.
    pub fn whole(&mut self, name: &str) -> u32 {
        self.required(name, |raw| {
            let fault = || format!("not a whole number from 0 to {}", u32::MAX);
            let whole = match raw.split_once('.') {
                Some((whole, zeros)) if zeros.bytes().all(|digit| digit == b'0') => whole,
                _ => raw,
            };
            whole.parse().map_err(|_| fault())
        })
        .unwrap_or_default()
    }

    /// An amount of money that must be there: a text or a number.
    pub fn money(&mut self, name: &str) -> Money {
        self.required(name, |raw| {
            let digits = match raw.as_bytes().first() {
                Some(b'"') => text(raw)?,
                Some(b'-' | b'0'..=b'9') => raw.to_owned(),
                _ => return Err("not an amount, such as `\"129.90\"`".to_owned()),
            };
            Money::parse(&digits).map_err(|error| error.to_string())
        })
        .unwrap_or_default()
    }

    /// A currency that may be missing, or null.
    pub fn currency_or(&mut self, name: &str, default: &str) -> String {
        let given = self.optional(name, |raw| {
            let text = text(raw)?;
            match super::is_currency(&text) {
                true => Ok(text),
                false => Err("not three upper-case letters, such as `USD`".to_owned()),
            }
        });
        given.unwrap_or_else(|| default.to_owned())
    }

    /// An object that must be there.
    pub fn object<T>(&mut self, name: &str, read: impl FnOnce(&mut Fields<'_>) -> T) -> Option<T> {
        let object = self.required(name, object)?;
        Some(self.within(name, object, read))
    }

    /// A list of objects that must be there.
    pub fn list<T>(&mut self, name: &str, mut read: impl FnMut(&mut Fields<'_>) -> T) -> Vec<T> {
        let values = self.required(name, |raw| {
            serde_json::from_str::<Vec<&RawValue>>(raw).map_err(|_| "not a list".to_owned())
        });
        let mut items = Vec::new();
        for (n, value) in values.unwrap_or_default().into_iter().enumerate() {
            let place = format!("{name}[{n}]");
            match object(value.get()) {
                Ok(object) => items.push(self.within(&place, object, &mut read)),
                Err(fault) => self.note(&place, fault),
            }
        }
        items
    }

    fn within<T>(&mut self, name: &str, object: Object<'_>, read: impl FnOnce(&mut Fields<'_>) -> T) -> T {
        read(&mut Fields {
            path: format!("{}{name}.", self.path),
            object,
            faults: self.faults,
        })
    }

    fn required<T>(&mut self, name: &str, read: impl FnOnce(&'a str) -> Result<T, String>) -> Option<T> {
        match self.raw(name) {
            Some(raw) => self.judged(name, read(raw)),
            None => {
                self.note(name, MISSING.to_owned());
                None
            }
        }
    }

    fn optional<T>(&mut self, name: &str, read: impl FnOnce(&'a str) -> Result<T, String>) -> Option<T> {
        let raw = self.raw(name)?;
        self.judged(name, read(raw))
    }

    fn judged<T>(&mut self, name: &str, read: Result<T, String>) -> Option<T> {
        read.map_err(|fault| self.note(name, fault)).ok()
    }

    fn raw(&self, name: &str) -> Option<&'a str> {
        let (_, value) = self.object.0.iter().find(|(known, _)| known == name)?;
        Some(value.get()).filter(|raw| *raw != "null")
    }

    fn note(&mut self, name: &str, fault: String) {
        self.faults.add(format!("{}{name}", self.path), fault);
    }
}

fn text(raw: &str) -> Result<String, String> {
    let text: String = serde_json::from_str(raw).map_err(|_| "not a text".to_owned())?;
    match text_fault(&text) {
        None => Ok(text),
        Some(fault) => Err(fault.to_owned()),
    }
}

fn object(raw: &str) -> Result<Object<'_>, String> {
    serde_json::from_str(raw).map_err(|_| "not an object, each name of which stands once".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(body: &str, fields: impl FnOnce(&mut Fields<'_>)) -> Vec<(String, String)> {
        let failure = read(body.as_bytes(), fields).unwrap_err();
        assert_eq!(failure.code, Code::Invalid);
        failure
            .fields
            .into_iter()
            .map(|fault| (fault.field, fault.fault))
            .collect()
    }

    fn money(json: &str) -> Result<i64, Failure> {
        let body = format!(r#"{{"amount": {json}}}"#);
        read(body.as_bytes(), |fields| fields.money("amount").minor())
    }

    #[test]
    fn an_amount_is_read_from_the_digits_of_a_text_or_a_number() {
        for json in [r#""129.90""#, "129.90", "129.9", "1.299e2", r#""129.9""#] {
            assert_eq!(money(json), Ok(12_990), "{json}");
        }
        // As a float this would be 90071992547409.92.
        assert_eq!(money("90071992547409.93"), Ok(9_007_199_254_740_993));
        for json in [
            "-1", r#""-0""#, "1.001", "1e30", "true", "[]", r#""""#, r#""1,5""#, r#""NaN""#, "null",
        ] {
            let failure = money(json).unwrap_err();
            assert_eq!(
                (failure.code, &*failure.fields[0].field),
                (Code::Invalid, "amount"),
                "{json}"
            );
        }
    }

    #[test]
    fn a_whole_number_may_be_written_with_a_point() {
        let read_one = |json: &str| {
            read(format!(r#"{{"n": {json}}}"#).as_bytes(), |fields| {
                fields.whole("n")
            })
        };
        assert_eq!(read_one("460"), Ok(460));
        assert_eq!(read_one("460.00"), Ok(460));
        for json in ["460.01", "-1.0", "1e2", "4294967296.0", r#""460""#] {
            assert_eq!(read_one(json).unwrap_err().fields[0].field, "n", "{json}");
        }
    }

    #[test]
    fn every_fault_is_named_by_its_path() {
        let body = r#"{"a": 1, "items": [{"quantity": 1}, {"quantity": -1}, 7], "address": {"city": false}, "n": 1.5}"#;
        let found = faults(body, |fields| {
            fields.text("a");
            fields.text("b");
            fields.list("items", |fields| fields.whole("quantity"));
            fields.object("address", |fields| fields.text("city"));
            fields.whole("n");
        });
        let fields: Vec<&str> = found.iter().map(|(field, _)| &**field).collect();
        assert_eq!(
            fields,
            ["a", "b", "items[1].quantity", "items[2]", "address.city", "n"]
        );
        assert_eq!(found[1].1, "missing");
    }

    #[test]
    fn a_fault_does_not_repeat_the_value() {
        let found = faults(r#"{"password": ["hunter2"]}"#, |fields| {
            drop(fields.text("password"))
        });
        assert_eq!(found, [("password".to_owned(), "not a text".to_owned())]);
    }

    #[test]
    fn what_is_not_asked_for_is_left_alone() {
        let body = r#"{"a": "x", "other": {"deep": [1, {"a": null}]}, "b": null}"#;
        let read = read(body.as_bytes(), |fields| {
            (fields.text("a"), fields.text_or_none("b"))
        });
        assert_eq!(read, Ok(("x".to_owned(), None)));
    }

    #[test]
    fn what_is_no_object_is_malformed() {
        let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
        let many = format!(
            "{{{}\"x\":1}}",
            (0..300).map(|n| format!("\"{n}\":1,")).collect::<String>()
        );
        for body in [
            "",
            "[]",
            "\"{}\"",
            "{",
            "{\"a\":1}}",
            "{a:1}",
            r#"{"a":1,"a":2}"#,
            "nul",
            &deep,
            &many,
        ] {
            let failure = read(body.as_bytes(), |_| ()).unwrap_err();
            assert_eq!(failure.code, Code::Malformed, "{}", &body[..body.len().min(40)]);
        }
        assert_eq!(
            read(b"{\"a\":\"\xff\"}", |_| ()).unwrap_err().code,
            Code::Malformed
        );
    }

    #[test]
    fn a_text_that_no_database_takes_is_a_fault() {
        for json in [r#""a\u0000b""#, r#""\ud800""#] {
            let found = faults(&format!(r#"{{"a": {json}}}"#), |fields| drop(fields.text("a")));
            assert_eq!(found[0].0, "a");
        }
    }
}
