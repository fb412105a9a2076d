//! Reads single fields and remembers the first fault, so that the whole text is seen before it is judged.

use std::borrow::Cow;

use super::{Fault, Field, FieldError, Result};
use crate::json::{Reader, SyntaxError, Token, Value};

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

    /// Where the next value begins.
    pub(crate) fn next_value(&mut self) -> usize {
        self.json.next_value()
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

    /// A value of any kind, or the beginning of a container.
    #[inline]
    pub(super) fn token(&mut self, field: Field) -> Result<Token<'a>> {
        self.json.value().map_err(|error| located(field, *error))
    }

    /// Notes that `token` is not what its field wants, and reads on behind it.
    pub(super) fn wrong_type(
        &mut self,
        field: Field,
        expected: &'static str,
        token: &Token<'a>,
    ) -> Result<()> {
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

    /// Reads what is left of `token`.
    #[inline]
    pub(super) fn skip_rest(&mut self, field: Field, token: &Token<'a>) -> Result<()> {
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
