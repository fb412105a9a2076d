//! The kinds of value that the contracts know, each with its rule.
//!
//! Each reads one value of any kind. `None` says that it was not sound and its fault was noted.

use std::borrow::Cow;

use super::{Fault, Field, FieldError, FieldReader, MAX_TEXT_BYTES, Result};
use crate::json::{Text, Value};
use crate::{Money, MoneyError, Timestamp, TimestampError, text};

impl<'a> FieldReader<'a> {
    /// A string.
    #[inline]
    fn string(&mut self, field: Field) -> Result<Option<(usize, Text<'a>)>> {
        let token = self.token(field)?;
        if let Value::String(string) = token.value {
            return Ok(Some((token.offset, string)));
        }
        self.wrong_type(field, "a string", &token)?;
        Ok(None)
    }

    /// The type of an event; empty if it is longer than any of ours. Another kind of value is an error at once.
    pub(crate) fn event_type(&mut self, field: Field) -> Result<Cow<'a, str>> {
        let token = self.token(field)?;
        let Value::String(string) = token.value else {
            let fault = Fault::WrongType {
                expected: "a string",
                found: token.value.kind(),
            };
            return Err(Box::new(FieldError {
                field,
                fault,
                offset: token.offset,
            }));
        };
        Ok(string.decode(MAX_TEXT_BYTES).unwrap_or_default())
    }

    /// A string of one byte to [`MAX_TEXT_BYTES`].
    #[inline]
    pub(crate) fn id(&mut self, field: Field) -> Result<Option<Cow<'a, str>>> {
        let Some((offset, string)) = self.string(field)? else {
            return Ok(None);
        };
        match string.decode(MAX_TEXT_BYTES) {
            None => self.note(field, offset, Fault::TooLong),
            Some(id) if id.is_empty() => self.note(field, offset, Fault::Empty),
            Some(id) => return Ok(Some(id)),
        }
        Ok(None)
    }

    /// Three upper-case letters.
    pub(crate) fn currency(&mut self, field: Field) -> Result<Option<Cow<'a, str>>> {
        let Some((offset, string)) = self.string(field)? else {
            return Ok(None);
        };
        match string.decode(MAX_TEXT_BYTES) {
            None => self.note(field, offset, Fault::TooLong),
            Some(code) if code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()) => {
                return Ok(Some(code));
            }
            Some(code) => self.note(field, offset, Fault::Currency(text::excerpt(&code))),
        }
        Ok(None)
    }

    /// What `parse` makes of a decimal, written as a string or as a number.
    pub(crate) fn decimal<T>(
        &mut self,
        field: Field,
        parse: impl FnOnce(&str) -> std::result::Result<T, MoneyError>,
    ) -> Result<Option<T>> {
        let token = self.token(field)?;
        let digits = match token.value {
            Value::Number(digits) => Some(Cow::Borrowed(digits)),
            Value::String(string) => string.decode(MAX_TEXT_BYTES),
            _ => {
                self.wrong_type(field, "a decimal as a string or a number", &token)?;
                return Ok(None);
            }
        };
        let Some(digits) = digits else {
            self.note(field, token.offset, Fault::TooLong);
            return Ok(None);
        };
        match parse(&digits) {
            Ok(amount) => return Ok(Some(amount)),
            Err(error) => self.note(field, token.offset, error),
        }
        Ok(None)
    }

    /// An amount of money, as a string or as a number.
    #[inline]
    pub(crate) fn money(&mut self, field: Field) -> Result<Option<Money>> {
        self.decimal(field, Money::parse)
    }

    /// An integer between `least` and `most`, as a number without point and exponent.
    #[inline]
    pub(crate) fn integer(&mut self, field: Field, least: i64, most: i64) -> Result<Option<i64>> {
        let token = self.token(field)?;
        let Value::Number(digits) = token.value else {
            self.wrong_type(field, "an integer", &token)?;
            return Ok(None);
        };
        if digits.contains(['.', 'e', 'E']) {
            self.note(field, token.offset, Fault::NotInteger(text::excerpt(digits)));
            return Ok(None);
        }
        match parse_integer(digits) {
            Some(number) if (least..=most).contains(&number) => return Ok(Some(number)),
            _ => {
                self.note(
                    field,
                    token.offset,
                    Fault::OutOfRange {
                        value: text::excerpt(digits),
                        least,
                        most,
                    },
                );
            }
        }
        Ok(None)
    }

    /// A moment up to `last`: RFC 3339 as a string.
    pub(crate) fn rfc3339(&mut self, field: Field, last: Timestamp) -> Result<Option<Timestamp>> {
        let token = self.token(field)?;
        let Value::String(string) = token.value else {
            self.wrong_type(field, "a time as a string", &token)?;
            return Ok(None);
        };
        Ok(self.parse_rfc3339(field, token.offset, string, last))
    }

    /// A moment up to `last`: RFC 3339 as a string, or milliseconds since 1970 as an integer.
    pub(crate) fn time(&mut self, field: Field, last: Timestamp) -> Result<Option<Timestamp>> {
        let token = self.token(field)?;
        match token.value {
            Value::String(string) => Ok(self.parse_rfc3339(field, token.offset, string, last)),
            Value::Number(digits) => {
                if digits.contains(['.', 'e', 'E']) {
                    self.note(field, token.offset, Fault::NotInteger(text::excerpt(digits)));
                    return Ok(None);
                }
                let time = parse_integer(digits).and_then(Timestamp::from_millis);
                let time = time.filter(|time| *time <= last);
                if time.is_none() {
                    let written = text::excerpt(digits);
                    self.note(field, token.offset, TimestampError::OutOfRange { written, last });
                }
                Ok(time)
            }
            _ => {
                self.wrong_type(field, "a time as a string or an integer", &token)?;
                Ok(None)
            }
        }
    }

    fn parse_rfc3339(
        &mut self,
        field: Field,
        offset: usize,
        string: Text<'a>,
        last: Timestamp,
    ) -> Option<Timestamp> {
        let Some(text) = string.decode(MAX_TEXT_BYTES) else {
            self.note(field, offset, Fault::TooLong);
            return None;
        };
        match Timestamp::parse_until(&text, last) {
            Ok(time) => Some(time),
            Err(error) => {
                self.note(field, offset, error);
                None
            }
        }
    }
}

/// The number of an integer without point and exponent. `-0` is none: it is as negative as `-0.00` is among amounts.
fn parse_integer(digits: &str) -> Option<i64> {
    digits.parse().ok().filter(|_| digits != "-0")
}
