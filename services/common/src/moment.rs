//! Moments as the gRPC contracts carry them.

use prost_types::Timestamp;

const MS_PER_S: i64 = 1_000;
const NS_PER_MS: i64 = 1_000_000;

/// A moment, given in milliseconds since 1970, as a message.
#[must_use]
pub fn message(ms: i64) -> Timestamp {
    Timestamp {
        seconds: ms.div_euclid(MS_PER_S),
        // Below a thousand million.
        nanos: (ms.rem_euclid(MS_PER_S) * NS_PER_MS) as i32,
    }
}

/// A moment as RFC 3339 writes it, to the millisecond; `None` where there is none, or none that can be written.
#[must_use]
pub fn text(sent: Option<Timestamp>) -> Option<String> {
    let sent = sent?;
    let ms = sent
        .seconds
        .checked_mul(MS_PER_S)?
        .checked_add(i64::from(sent.nanos) / NS_PER_MS)?;
    weir_proto::Timestamp::from_millis(ms).map(|moment| moment.to_string())
}

/// The first whole millisecond that is not before the moment, in milliseconds since 1970; `None` where the message is no
/// moment, or beyond all counting.
#[must_use]
pub fn ceiling_ms(sent: &Timestamp) -> Option<i64> {
    let nanos = i64::from(sent.nanos);
    if !(0..MS_PER_S * NS_PER_MS).contains(&nanos) {
        return None;
    }
    // Not negative: the quotient rounded up.
    let ms = (nanos + NS_PER_MS - 1) / NS_PER_MS;
    sent.seconds.checked_mul(MS_PER_S)?.checked_add(ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_in_utc_and_cut_to_the_millisecond() {
        let at = |seconds, nanos| text(Some(Timestamp { seconds, nanos }));
        assert_eq!(
            at(1_790_000_000, 7_999_999).as_deref(),
            Some("2026-09-21T14:13:20.007Z")
        );
        assert_eq!(at(i64::MAX, 0), None);
        assert_eq!(text(None), None);
        for ms in [0, 1, 999, 1_000, 1_790_000_000_007] {
            let written = text(Some(message(ms))).unwrap();
            assert_eq!(
                weir_proto::Timestamp::parse_rfc3339(&written).unwrap().millis(),
                ms
            );
        }
    }

    #[test]
    fn a_bound_is_rounded_up_and_what_is_no_moment_is_none() {
        let at = |seconds, nanos| ceiling_ms(&Timestamp { seconds, nanos });
        assert_eq!(at(2, 0), Some(2_000));
        assert_eq!(at(2, 1), Some(2_001));
        assert_eq!(at(2, 999_999_999), Some(3_000));
        assert_eq!(at(-1, 0), Some(-1_000));
        for (seconds, nanos) in [(0, -1), (0, 1_000_000_000), (i64::MAX, 0), (i64::MIN, 0)] {
            assert_eq!(at(seconds, nanos), None, "{seconds} {nanos}");
        }
    }
}
