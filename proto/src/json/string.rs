//! JSON strings: finding their end, checking and decoding their escapes, writing them.

use std::borrow::Cow;

use super::{Fault, Result, SyntaxError};

/// The content of a string between its quotes: well-formed, not decoded.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Text<'a> {
    /// Without an escape.
    Plain(&'a str),
    /// With one at least.
    Escaped(&'a str),
}

impl<'a> Text<'a> {
    /// The text with its escapes decoded; `None` if it is longer than `max_bytes`. Without escapes it is borrowed.
    #[inline]
    pub(crate) fn decode(self, max_bytes: usize) -> Option<Cow<'a, str>> {
        match self {
            Self::Plain(text) => (text.len() <= max_bytes).then_some(Cow::Borrowed(text)),
            // No escape is longer than six bytes for each byte it stands for.
            Self::Escaped(raw) if raw.len() > max_bytes.saturating_mul(6) => None,
            Self::Escaped(raw) => Some(unescape(raw))
                .filter(|text| text.len() <= max_bytes)
                .map(Cow::Owned),
        }
    }
}

/// Reads the string that begins at `start`, behind its quote; returns it and the offset behind its closing quote.
#[inline]
pub(crate) fn scan(text: &str, start: usize) -> Result<(Text<'_>, usize)> {
    let bytes = text.as_bytes();
    let mut at = start;
    let mut escaped = false;
    loop {
        at += plain_bytes(&bytes[at..]);
        match bytes.get(at) {
            Some(b'"') => {
                let raw = &text[start..at];
                return Ok((
                    if escaped {
                        Text::Escaped(raw)
                    } else {
                        Text::Plain(raw)
                    },
                    at + 1,
                ));
            }
            Some(b'\\') => {
                escaped = true;
                at = check_escape(text, at)?;
            }
            Some(&control) => {
                return Err(SyntaxError::new(at, Fault::ControlCharacter(control)));
            }
            None => return Err(unexpected(text, at, "`\"`")),
        }
    }
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// How many bytes precede the first quote, backslash or control character.
#[inline]
pub(crate) fn plain_bytes(bytes: &[u8]) -> usize {
    bytes_before(bytes, |eight| special_bytes(eight) & !eight)
}

/// How many bytes precede the first quote, backslash, control character or byte beyond ASCII.
#[inline]
pub(crate) fn plain_ascii_bytes(bytes: &[u8]) -> usize {
    bytes_before(bytes, |eight| special_bytes(eight) | eight)
}

/// How many bytes precede the first that `marks` gives a high bit; eight are looked at together.
#[inline]
fn bytes_before(bytes: &[u8], marks: impl Fn(u64) -> u64) -> usize {
    let (chunks, tail) = bytes.as_chunks::<8>();
    for (index, chunk) in chunks.iter().enumerate() {
        let marked = marks(u64::from_le_bytes(*chunk)) & HIGH;
        if marked != 0 {
            return index * 8 + marked.trailing_zeros() as usize / 8;
        }
    }
    // Each byte of the rest among blanks, which bear no mark.
    const BLANKS: u64 = (ONES * b' ' as u64) & !0xFF;
    let in_tail = tail
        .iter()
        .position(|&byte| marks(BLANKS | u64::from(byte)) & HIGH != 0);
    bytes.len() - tail.len() + in_tail.unwrap_or(tail.len())
}

/// Eight bytes of which the lowest set high bit marks the first quote, backslash or control character. A byte of 0x80 or
/// more may bear a mark too: the caller takes it away, or wants it.
///
/// Subtracting from a byte borrows only where it is less, so the lowest mark is right; those above it may be false.
#[inline]
const fn special_bytes(eight: u64) -> u64 {
    let quote = (eight ^ (ONES * b'"' as u64)).wrapping_sub(ONES);
    let backslash = (eight ^ (ONES * b'\\' as u64)).wrapping_sub(ONES);
    let control = eight.wrapping_sub(ONES * 0x20);
    quote | backslash | control
}

/// Checks the escape whose backslash is at `at`; returns the offset behind it, behind both for a surrogate pair.
fn check_escape(text: &str, at: usize) -> Result<usize> {
    match text.as_bytes().get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => {
            let lone = SyntaxError::new(at, Fault::LoneSurrogate);
            match hex(text, at + 2)? {
                0xDC00..=0xDFFF => Err(lone),
                0xD800..=0xDBFF => {
                    if !text[at + 6..].starts_with("\\u") {
                        return Err(lone);
                    }
                    match hex(text, at + 8)? {
                        0xDC00..=0xDFFF => Ok(at + 12),
                        _ => Err(lone),
                    }
                }
                _ => Ok(at + 6),
            }
        }
        _ => Err(unexpected(text, at + 1, "an escape")),
    }
}

/// The number that the four hexadecimal digits at `at` write.
fn hex(text: &str, at: usize) -> Result<u32> {
    let mut number = 0;
    for index in at..at + 4 {
        let digit = text
            .as_bytes()
            .get(index)
            .and_then(|&byte| char::from(byte).to_digit(16));
        number = number * 16 + digit.ok_or_else(|| unexpected(text, index, "a hexadecimal digit"))?;
    }
    Ok(number)
}

/// Decodes a text whose escapes have been checked.
fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let (character, length) = escaped_character(rest, at);
        out.push(character);
        rest = &rest[at + length..];
    }
    out.push_str(rest);
    out
}

/// The character of the checked escape at `at`, and how many bytes write it.
fn escaped_character(text: &str, at: usize) -> (char, usize) {
    let unit = |at| hex(text, at).unwrap_or(0xFFFD);
    match text.as_bytes()[at + 1] {
        b'b' => ('\u{8}', 2),
        b'f' => ('\u{c}', 2),
        b'n' => ('\n', 2),
        b'r' => ('\r', 2),
        b't' => ('\t', 2),
        b'u' => match unit(at + 2) {
            high @ 0xD800..=0xDBFF => {
                let code = 0x10000 + ((high - 0xD800) << 10) + (unit(at + 8) & 0x3FF);
                (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12)
            }
            code => (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 6),
        },
        itself => (char::from(itself), 2),
    }
}

/// The error for what stands at `at`.
pub(crate) fn unexpected(text: &str, at: usize, expected: &'static str) -> Box<SyntaxError> {
    let found = match text.get(at..).map(|rest| rest.chars().next()) {
        Some(Some(character)) => format!("`{}`", character.escape_debug()),
        Some(None) => "the end".to_owned(),
        None => "a part of a character".to_owned(),
    };
    SyntaxError::new(at, Fault::Unexpected { expected, found })
}

/// Appends `text` as a JSON string with its quotes; only what must be escaped is.
pub(crate) fn push_string(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let (plain, tail) = rest.split_at(plain_bytes(rest));
        out.extend_from_slice(plain);
        let Some((&byte, after)) = tail.split_first() else {
            break;
        };
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            }
        }
        rest = after;
    }
    out.push(b'"');
}
