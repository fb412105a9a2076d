//! Reads single fields and remembers the first fault, so that the whole text is seen before it is judged.

use std::borrow::Cow;

use super::{Fault, Field, FieldError, MAX_TEXT_BYTES, Result};
use crate::json::{Reader, SyntaxError, Text, Token, Value};
use crate::{Money, Timestamp, text};

/// Longer keys are in no contract.
const MAX_KEY_BYTES: usize = 64;

/// Reads fields one after another.
///
/// A text that is not JSON is an error at once. A value that its field cannot have is noted, the first one wins, and
/// reading goes on: whether it matters may depend on a field that comes later (the type of the event).
#[derive(Debug)]
pub(crate) struct FieldReader<'a> {
    json: Reader<'a>,
    fault: Option<Box<FieldError>>,
}

impl<'a> FieldReader<'a> {
    /// A reader of `value`.
    pub(crate) fn new(value: &'a [u8]) -> Result<Self> {
        let json = Reader::new(value).map_err(|error| located(Field::Value, *error))?;
        Ok(Self { json, fault: None })
    }

    /// Notes a fault, unless there was one before.
    pub(crate) fn note(&mut self, field: Field, offset: usize, fault: impl Into<Fault>) {
        self.fault.get_or_insert_with(|| {
            Box::new(FieldError {
                field,
                fault: fault.into(),
                offset,
            })
        });
    }

    /// The first fault that was noted.
    pub(crate) fn into_fault(self) -> Option<Box<FieldError>> {
        self.fault
    }

    /// Bytes read so far.
    pub(crate) const fn offset(&self) -> usize {
        self.json.offset()
    }

    /// Checks that nothing but white space follows.
    pub(crate) fn end(&mut self) -> Result<()> {
        self.json.end().map_err(|error| located(Field::Value, *error))
    }

    /// Enters an object; `None` if another kind of value stands there.
    pub(crate) fn object(&mut self, field: Field) -> Result<Option<usize>> {
        let token = self.token(field)?;
        if matches!(token.value, Value::Object) {
            return Ok(Some(token.offset));
        }
        self.wrong_type(field, "an object", &token)?;
        Ok(None)
    }

    /// Enters an array; `None` if another kind of value stands there.
    pub(crate) fn array(&mut self, field: Field) -> Result<Option<usize>> {
        let token = self.token(field)?;
        if matches!(token.value, Value::Array) {
            return Ok(Some(token.offset));
        }
        self.wrong_type(field, "an array", &token)?;
        Ok(None)
    }

    /// The next key of the object `within` and its offset; one that is too long for any contract is empty.
    #[inline]
    pub(crate) fn key(&mut self, within: Field) -> Result<Option<(usize, Cow<'a, str>)>> {
        let key = self.json.key().map_err(|error| located(within, *error))?;
        Ok(key.map(|(offset, name)| (offset, name.decode(MAX_KEY_BYTES).unwrap_or_default())))
    }

    /// Whether the array `within` has another element.
    #[inline]
    pub(crate) fn element(&mut self, within: Field) -> Result<bool> {
        self.json.element().map_err(|error| located(within, *error))
    }

    /// Reads a value of any kind and keeps nothing of it.
    pub(crate) fn skip(&mut self, field: Field) -> Result<()> {
        let token = self.token(field)?;
        self.skip_rest(field, &token)
    }

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
        parse: impl FnOnce(&str) -> std::result::Result<T, crate::MoneyError>,
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
        match digits.parse() {
            Ok(number) if (least..=most).contains(&number) => return Ok(Some(number)),
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
                let time = digits.parse().ok().and_then(Timestamp::from_millis);
                Ok(self.in_range(field, token.offset, time, last, digits))
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
        match Timestamp::parse_rfc3339(&text) {
            Ok(time) => self.in_range(field, offset, Some(time), last, &text),
            Err(error) => {
                self.note(field, offset, error);
                None
            }
        }
    }

    fn in_range(
        &mut self,
        field: Field,
        offset: usize,
        time: Option<Timestamp>,
        last: Timestamp,
        written: &str,
    ) -> Option<Timestamp> {
        let time = time.filter(|time| *time <= last);
        if time.is_none() {
            self.note(
                field,
                offset,
                crate::TimestampError::OutOfRange(text::excerpt(written)),
            );
        }
        time
    }

    #[inline]
    fn token(&mut self, field: Field) -> Result<Token<'a>> {
        self.json.value().map_err(|error| located(field, *error))
    }

    fn wrong_type(&mut self, field: Field, expected: &'static str, token: &Token<'a>) -> Result<()> {
        self.note(
            field,
            token.offset,
            Fault::WrongType {
                expected,
                found: token.value.kind(),
            },
        );
        self.skip_rest(field, token)
    }

    #[inline]
    fn skip_rest(&mut self, field: Field, token: &Token<'a>) -> Result<()> {
        self.json
            .skip(&token.value)
            .map_err(|error| located(field, *error))
    }
}

/// A syntax error in a field.
#[cold]
fn located(field: Field, error: SyntaxError) -> Box<FieldError> {
    let SyntaxError { offset, fault } = error;
    Box::new(FieldError {
        field,
        fault: Fault::Json(fault),
        offset,
    })
}
