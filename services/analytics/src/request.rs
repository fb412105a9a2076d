//! What is asked for, read from messages.

use service_common::failure::{Failure, FieldFaults};
use service_common::moment;
use service_common::rest::analytics::{LARGEST_PAGE, PAGE};
use weir_proto::Timestamp;
use weir_rpc::analytics::v1::{ListWindowsRequest, SummarizeRequest};

use crate::windows::Span;

/// Which page: the span, behind which start, how many.
pub(crate) type PageRequest = (Span, Option<Timestamp>, usize);

/// Reads the request for a page.
pub(crate) fn page(request: &ListWindowsRequest) -> Result<PageRequest, Failure> {
    let mut faults = FieldFaults::default();
    let span = span_of(request.from.as_ref(), request.to.as_ref(), &mut faults);
    let after = match request.cursor.as_str() {
        "" => None,
        cursor => faults.take("cursor", read_cursor(cursor)),
    };
    if request.limit > LARGEST_PAGE {
        faults.add(
            "limit",
            format!("`{}` is not between 1 and {LARGEST_PAGE}", request.limit),
        );
    }
    faults.check()?;
    let limit = if request.limit == 0 { PAGE } else { request.limit };
    Ok((span, after, limit as usize))
}

/// Reads the request for sums.
pub(crate) fn span(request: &SummarizeRequest) -> Result<Span, Failure> {
    let mut faults = FieldFaults::default();
    let span = span_of(request.from.as_ref(), request.to.as_ref(), &mut faults);
    faults.check()?;
    Ok(span)
}

fn span_of(
    from: Option<&prost_types::Timestamp>,
    to: Option<&prost_types::Timestamp>,
    faults: &mut FieldFaults,
) -> Span {
    let mut bound = |name: &str, sent: Option<&prost_types::Timestamp>| {
        sent.and_then(|sent| faults.take(name, moment_of(sent)))
    };
    let span = Span {
        from: bound("from", from),
        to: bound("to", to),
    };
    if let (Some(from), Some(to)) = (span.from, span.to)
        && to < from
    {
        faults.add("to", format!("`{to}` is before `from`"));
    }
    span
}

/// Windows begin at whole milliseconds, so a bound between two of them is the later one.
fn moment_of(sent: &prost_types::Timestamp) -> Result<Timestamp, &'static str> {
    let ms = moment::ceiling_ms(sent).ok_or("not a moment")?;
    Timestamp::from_millis(ms).ok_or("before 1970 or after the year 9999")
}

fn read_cursor(text: &str) -> Result<Timestamp, &'static str> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let start = text.parse().ok().filter(|_| is_number);
    start
        .and_then(Timestamp::from_millis)
        .ok_or("not a `next_cursor` that was answered before")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Option<Timestamp> {
        Timestamp::from_millis(ms)
    }

    #[test]
    fn a_request_without_anything_is_for_the_oldest_sixty() {
        let read = page(&ListWindowsRequest::default()).unwrap();
        assert_eq!(read, (Span::default(), None, 60));
    }

    #[test]
    fn a_request_is_read() {
        let request = ListWindowsRequest {
            from: Some(moment::message(60_000)),
            to: Some(prost_types::Timestamp {
                seconds: 120,
                nanos: 1,
            }),
            cursor: "90000".to_owned(),
            limit: 1_440,
        };
        let span = Span {
            from: at(60_000),
            to: at(120_001),
        };
        assert_eq!(page(&request).unwrap(), (span, at(90_000), 1_440));
    }

    #[test]
    fn every_fault_is_named() {
        let request = ListWindowsRequest {
            from: Some(prost_types::Timestamp {
                seconds: -1,
                nanos: 0,
            }),
            to: Some(prost_types::Timestamp {
                seconds: 0,
                nanos: -1,
            }),
            cursor: "yesterday".to_owned(),
            limit: 1_441,
        };
        let failure = page(&request).unwrap_err();
        let fields: Vec<&str> = failure.fields.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["from", "to", "cursor", "limit"]);
        let backwards = SummarizeRequest {
            from: Some(moment::message(2)),
            to: Some(moment::message(1)),
        };
        assert_eq!(span(&backwards).unwrap_err().fields[0].field, "to");
        for cursor in ["-1", "+1", "1.5", "99999999999999999999", "999999999999999"] {
            let request = ListWindowsRequest {
                cursor: cursor.to_owned(),
                ..ListWindowsRequest::default()
            };
            assert_eq!(page(&request).unwrap_err().fields[0].field, "cursor", "{cursor}");
        }
    }
}
