//! Durations as people type them: `2h`, `90s`, `1m30s`, `250ms`.

use std::time::Duration;

/// Reads a duration of one or more number-and-unit pairs; the units are `ms`, `s`, `m`, `h` and `d`.
///
/// # Errors
/// What is wrong with the text, with an example of what would be right.
pub fn parse(text: &str) -> Result<Duration, String> {
    let mut rest = text;
    let mut total_ms = 0u64;
    if rest.is_empty() {
        return Err(wrong(text));
    }
    while !rest.is_empty() {
        let digits = rest
            .find(|letter: char| !letter.is_ascii_digit())
            .unwrap_or(rest.len());
        let number: u64 = rest[..digits].parse().map_err(|_| wrong(text))?;
        rest = &rest[digits..];
        let letters = rest
            .find(|letter: char| letter.is_ascii_digit())
            .unwrap_or(rest.len());
        let unit_ms = match &rest[..letters] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(wrong(text)),
        };
        rest = &rest[letters..];
        total_ms = number
            .checked_mul(unit_ms)
            .and_then(|ms| total_ms.checked_add(ms))
            .ok_or_else(|| wrong(text))?;
    }
    Ok(Duration::from_millis(total_ms))
}

fn wrong(text: &str) -> String {
    format!("`{text}` is no duration; write for example `2h`, `90s` or `1m30s`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_may_be_combined() {
        assert_eq!(parse("2h"), Ok(Duration::from_secs(7_200)));
        assert_eq!(parse("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse("0s"), Ok(Duration::ZERO));
        assert_eq!(parse("1d"), Ok(Duration::from_secs(86_400)));
    }

    #[test]
    fn what_is_no_duration_is_refused_with_an_example() {
        for text in [
            "",
            "5",
            "h",
            "-1s",
            "1.5h",
            "2 h",
            "1w",
            "99999999999999999999s",
            "999999999999999999d",
            "1é",
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains("`2h`"), "{error}");
        }
    }
}
