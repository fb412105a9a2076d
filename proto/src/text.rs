//! Small pieces for writing and quoting text without the cost of `core::fmt`.

/// The most characters of a faulty value that an error repeats.
const EXCERPT_CHARS: usize = 40;

/// The beginning of a faulty value, safe to put into a header or a log line: cut when long, and what is not seen where it
/// stands is escaped (control characters, line separators, marks that turn the direction of writing).
pub(crate) fn excerpt(value: &str) -> String {
    let mut out = String::new();
    for (index, character) in value.chars().enumerate() {
        if index == EXCERPT_CHARS {
            out.push_str("...");
            break;
        }
        match character {
            '"' | '\'' => out.push(character),
            _ => out.extend(character.escape_debug()),
        }
    }
    out
}

/// Appends `number` in decimal digits.
pub(crate) fn push_decimal(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0_u8; 20];
    let mut rest = number;
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = ascii_digit(rest % 10);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[first..]);
}

/// Appends the last `WIDTH` decimal digits of `number`, with leading zeros.
pub(crate) fn push_padded<const WIDTH: usize>(out: &mut Vec<u8>, number: u64) {
    let mut digits = [b'0'; WIDTH];
    let mut rest = number;
    for digit in digits.iter_mut().rev() {
        *digit = ascii_digit(rest % 10);
        rest /= 10;
    }
    out.extend_from_slice(&digits);
}

/// The ASCII digit of a number below ten.
fn ascii_digit(number: u64) -> u8 {
    b'0' + u8::try_from(number).unwrap_or(0)
}

/// Displays what `push` appends; the bytes must be UTF-8.
pub(crate) fn display(f: &mut std::fmt::Formatter<'_>, push: impl FnOnce(&mut Vec<u8>)) -> std::fmt::Result {
    let mut out = Vec::with_capacity(32);
    push(&mut out);
    f.pad(&String::from_utf8_lossy(&out))
}
