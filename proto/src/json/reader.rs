//! The pull reader: one value at a time, containers entered or skipped, no recursion, no allocation.

use super::{Fault, MAX_DEPTH, Result, SyntaxError, Text, string};

/// A value, or the beginning of a container whose content is to be read or skipped next.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    /// `{`: go on with [`Reader::key`].
    Object,
    /// `[`: go on with [`Reader::element`].
    Array,
    /// A string, its escapes checked but not decoded.
    String(Text<'a>),
    /// A number, by its digits.
    Number(&'a str),
    /// `true` or `false`.
    Boolean,
    /// `null`.
    Null,
}

impl Value<'_> {
    /// The kind of value, with its article.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Object => "an object",
            Self::Array => "an array",
            Self::String(_) => "a string",
            Self::Number(_) => "a number",
            Self::Boolean => "a boolean",
            Self::Null => "null",
        }
    }
}

/// A value and the offset of its first byte.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token<'a> {
    pub(crate) offset: usize,
    pub(crate) value: Value<'a>,
}

/// Reads one JSON text from its beginning to its end.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
    /// One bit for each open container, the innermost lowest: 1 for an object, 0 for an array.
    objects: u64,
    /// A container was just opened: neither a comma nor a value has been seen in it.
    fresh: bool,
}

impl<'a> Reader<'a> {
    /// A reader of `value`, which must be UTF-8 as a whole.
    pub(crate) fn new(value: &'a [u8]) -> Result<Self> {
        let text = std::str::from_utf8(value)
            .map_err(|error| SyntaxError::new(error.valid_up_to(), Fault::NotUtf8))?;
        Ok(Self {
            text,
            at: 0,
            depth: 0,
            objects: 0,
            fresh: false,
        })
    }

    /// Bytes read so far.
    pub(crate) const fn offset(&self) -> usize {
        self.at
    }

    /// Where the next value begins.
    #[inline]
    pub(crate) fn next_value(&mut self) -> usize {
        self.skip_whitespace();
        self.at
    }

    /// Reads a value, or enters a container.
    #[inline]
    pub(crate) fn value(&mut self) -> Result<Token<'a>> {
        self.skip_whitespace();
        self.fresh = false;
        let offset = self.at;
        let value = match self.peek() {
            Some(b'{') => self.open(Value::Object)?,
            Some(b'[') => self.open(Value::Array)?,
            Some(b'"') => Value::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => Value::Number(self.number()?),
            Some(b't') => self.word("true", Value::Boolean)?,
            Some(b'f') => self.word("false", Value::Boolean)?,
            Some(b'n') => self.word("null", Value::Null)?,
            _ => return Err(self.unexpected("a value")),
        };
        Ok(Token { offset, value })
    }

    /// The next key of the object that was entered, or `None` at its end; read or skip the value before the next call.
    #[inline]
    pub(crate) fn key(&mut self) -> Result<Option<(usize, Text<'a>)>> {
        self.skip_whitespace();
        match self.peek() {
            Some(b'}') => {
                self.close();
                return Ok(None);
            }
            Some(b',') if !self.fresh => {
                self.at += 1;
                self.skip_whitespace();
            }
            _ if self.fresh => {}
            _ => return Err(self.unexpected("`,` or `}`")),
        }
        let expected = if self.fresh { "a key or `}`" } else { "a key" };
        if self.peek() != Some(b'"') {
            return Err(self.unexpected(expected));
        }
        let offset = self.at;
        let key = self.string()?;
        self.skip_whitespace();
        if self.peek() != Some(b':') {
            return Err(self.unexpected("`:`"));
        }
        self.at += 1;
        self.fresh = false;
        Ok(Some((offset, key)))
    }

    /// Whether the array that was entered has another element; read or skip it before the next call.
    #[inline]
    pub(crate) fn element(&mut self) -> Result<bool> {
        self.skip_whitespace();
        match self.peek() {
            Some(b']') => {
                self.close();
                Ok(false)
            }
            Some(b',') if !self.fresh => {
                self.at += 1;
                Ok(true)
            }
            _ if self.fresh => {
                self.fresh = false;
                Ok(true)
            }
            _ => Err(self.unexpected("`,` or `]`")),
        }
    }

    /// Reads what is left of `value` if it is a container that was just entered.
    pub(crate) fn skip(&mut self, value: &Value<'a>) -> Result<()> {
        if !matches!(value, Value::Object | Value::Array) {
            return Ok(());
        }
        let outside = self.depth - 1;
        while self.depth > outside {
            let more = if self.objects & 1 == 1 {
                self.key()?.is_some()
            } else {
                self.element()?
            };
            if more {
                self.value()?;
            }
        }
        Ok(())
    }

    /// Checks that nothing but white space follows.
    pub(crate) fn end(&mut self) -> Result<()> {
        self.skip_whitespace();
        if self.at == self.text.len() {
            Ok(())
        } else {
            Err(self.unexpected("the end"))
        }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn skip_whitespace(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    #[inline]
    fn open(&mut self, container: Value<'a>) -> Result<Value<'a>> {
        if self.depth == MAX_DEPTH {
            return Err(SyntaxError::new(self.at, Fault::TooDeep));
        }
        self.at += 1;
        self.depth += 1;
        self.objects = self.objects << 1 | u64::from(matches!(container, Value::Object));
        self.fresh = true;
        Ok(container)
    }

    #[inline]
    fn close(&mut self) {
        self.at += 1;
        self.depth -= 1;
        self.objects >>= 1;
        self.fresh = false;
    }

    #[inline]
    fn string(&mut self) -> Result<Text<'a>> {
        let (text, end) = string::scan(self.text, self.at + 1)?;
        self.at = end;
        Ok(text)
    }

    fn word(&mut self, word: &'static str, value: Value<'a>) -> Result<Value<'a>> {
        for expected in word.bytes() {
            if self.peek() != Some(expected) {
                return Err(self.unexpected(word));
            }
            self.at += 1;
        }
        Ok(value)
    }

    #[inline]
    fn number(&mut self) -> Result<&'a str> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(&self.text[start..self.at])
    }

    /// Reads one digit or more.
    #[inline]
    fn digits(&mut self) -> Result<()> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start {
            Err(self.unexpected("a digit"))
        } else {
            Ok(())
        }
    }

    fn unexpected(&self, expected: &'static str) -> Box<SyntaxError> {
        string::unexpected(self.text, self.at, expected)
    }
}
