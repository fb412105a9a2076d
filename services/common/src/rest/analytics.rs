//! Windows in REST.

use std::convert::Infallible;
use std::future::ready;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt, stream};
use serde::Serialize;
use weir_proto::Timestamp;
use weir_rpc::analytics::v1 as rpc;

use super::answer::ok;
use super::{Answer, Inbound, Parameters};
use crate::failure::{Code, Failure};
use crate::moment;
use crate::server::Stopping;

/// Windows of a page unless the client says.
pub const PAGE: u32 = 60;
/// The most windows of a page: a day of minutes.
pub const LARGEST_PAGE: u32 = 1_440;
/// The metadata of a stream that says where it begins.
pub const EVENT_ID: &str = "event-id";

/// A comment is sent after this long without an event, so that nobody in between takes the connection for dead.
const HEART_BEAT: Duration = Duration::from_secs(15);

/// Asks for a page of windows.
///
/// # Errors
/// A parameter is wrong.
pub fn list(inbound: &Inbound) -> Result<rpc::ListWindowsRequest, Failure> {
    inbound.parameters(|parameters| rpc::ListWindowsRequest {
        from: bound(parameters, "from"),
        to: bound(parameters, "to"),
        cursor: parameters.text_or_none("cursor").unwrap_or_default(),
        limit: parameters.whole_or("limit", PAGE, 1..=LARGEST_PAGE),
    })
}

/// The page.
///
/// # Errors
/// The service sent what cannot be told: a fault of ours.
pub fn page(page: rpc::ListWindowsResponse) -> Answer {
    ok(WindowsBody::try_from(page)?)
}

/// One window.
///
/// # Errors
/// As [`page`].
pub fn window(window: rpc::Window) -> Answer {
    ok(WindowBody::try_from(window)?)
}

/// Asks for sums.
///
/// # Errors
/// A parameter is wrong.
pub fn summarize(inbound: &Inbound) -> Result<rpc::SummarizeRequest, Failure> {
    inbound.parameters(|parameters| rpc::SummarizeRequest {
        from: bound(parameters, "from"),
        to: bound(parameters, "to"),
    })
}

/// The sums.
///
/// # Errors
/// None.
pub fn summary(summary: rpc::Summary) -> Answer {
    ok(SummaryBody::from(summary))
}

/// Asks for the windows as they are published, behind what the client saw last or from now on.
#[must_use]
pub fn stream(inbound: &Inbound) -> rpc::StreamWindowsRequest {
    rpc::StreamWindowsRequest {
        last_event_id: inbound.last_event_id.clone().unwrap_or_default(),
    }
}

fn bound(parameters: &mut Parameters, name: &str) -> Option<prost_types::Timestamp> {
    let bound = parameters.moment_or_none(name);
    bound.map(Timestamp::millis).map(moment::message)
}

/// A failure to open a stream, its field named as clients name it.
#[must_use]
pub fn by_header(failure: Failure) -> Failure {
    match failure.fields.as_slice() {
        [fault] if fault.field == "last_event_id" => Failure::field("Last-Event-ID", fault.fault.clone()),
        _ => failure,
    }
}

/// A window.
#[derive(Debug, Serialize)]
struct WindowBody {
    window_start: String,
    window_end: String,
    order_count: i64,
    total_revenue: String,
    total_items: i64,
    unique_users: i64,
    average_order_value: String,
    revision: u32,
}

impl TryFrom<rpc::Window> for WindowBody {
    type Error = Failure;

    fn try_from(window: rpc::Window) -> Result<Self, Failure> {
        let moment =
            |sent| moment::text(sent).ok_or_else(|| Failure::internal("a window without its bounds"));
        Ok(Self {
            window_start: moment(window.window_start)?,
            window_end: moment(window.window_end)?,
            order_count: window.order_count,
            total_revenue: window.total_revenue,
            total_items: window.total_items,
            unique_users: window.unique_users,
            average_order_value: window.average_order_value,
            revision: window.revision,
        })
    }
}

/// A page of windows.
#[derive(Debug, Serialize)]
struct WindowsBody {
    windows: Vec<WindowBody>,
    next_cursor: Option<String>,
}

impl TryFrom<rpc::ListWindowsResponse> for WindowsBody {
    type Error = Failure;

    fn try_from(page: rpc::ListWindowsResponse) -> Result<Self, Failure> {
        let windows = page.windows.into_iter().map(WindowBody::try_from);
        Ok(Self {
            windows: windows.collect::<Result<_, _>>()?,
            next_cursor: Some(page.next_cursor).filter(|cursor| !cursor.is_empty()),
        })
    }
}

/// Sums.
#[derive(Debug, Serialize)]
struct SummaryBody {
    windows: i64,
    order_count: i64,
    total_revenue: String,
    total_items: i64,
    average_order_value: String,
    complete_from: Option<String>,
}

impl From<rpc::Summary> for SummaryBody {
    fn from(summary: rpc::Summary) -> Self {
        Self {
            windows: summary.windows,
            order_count: summary.order_count,
            total_revenue: summary.total_revenue,
            total_items: summary.total_items,
            average_order_value: summary.average_order_value,
            complete_from: moment::text(summary.complete_from),
        }
    }
}

/// Why a stream ended that its client did not end.
#[derive(Debug, Serialize)]
struct EndBody {
    code: &'static str,
    detail: String,
}

/// Windows as server-sent events: `window` with the window and its id, and where the stream ends `end` with the reason. The
/// first event has no data: its id is where the stream begins, so that nothing is missed by who loses it before the first
/// window. A client that is slow is waited for and costs no memory.
pub fn events<S>(begins: String, windows: S, stopping: Stopping) -> Response
where
    S: Stream<Item = Result<rpc::StreamedWindow, Failure>> + Send + 'static,
{
    let told = stream::unfold(Some(Box::pin(windows)), move |open| {
        let stopping = stopping.clone();
        async move {
            let mut windows = open?;
            let next = tokio::select! {
                () = stopping.cancelled() => Err(Failure::new(Code::Unavailable, "the service stops; go on elsewhere")),
                next = windows.next() => next.unwrap_or_else(|| Err(broken())),
            };
            Some(match next.and_then(window_event) {
                Ok(event) => (event, Some(windows)),
                Err(failure) => (end_event(failure), None),
            })
        }
    });
    let first = stream::once(ready(Event::default().id(begins)));
    let events = first.chain(told).map(Ok::<_, Infallible>);
    let heart_beat = KeepAlive::new().interval(HEART_BEAT);
    Sse::new(events).keep_alive(heart_beat).into_response()
}

fn broken() -> Failure {
    Failure::new(Code::Unavailable, "the stream broke off")
}

fn window_event(told: rpc::StreamedWindow) -> Result<Event, Failure> {
    let window = told
        .window
        .ok_or_else(|| Failure::internal("an event without a window"))?;
    let data = serde_json::to_string(&WindowBody::try_from(window)?).map_err(Failure::internal)?;
    Ok(Event::default().event("window").id(told.event_id).data(data))
}

fn end_event(failure: Failure) -> Event {
    let end = EndBody {
        code: failure.code.as_str(),
        detail: failure.detail,
    };
    // A structure of two texts can always be written.
    let data = serde_json::to_string(&end).unwrap_or_default();
    Event::default().event("end").data(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn body(
        windows: Vec<Result<rpc::StreamedWindow, Failure>>,
        goes_on: bool,
        stopping: Stopping,
    ) -> String {
        let windows = stream::iter(windows);
        let windows = match goes_on {
            true => windows.chain(stream::pending()).left_stream(),
            false => windows.right_stream(),
        };
        let answer = events("0:1:2".to_owned(), windows, stopping);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let bytes = axum::body::to_bytes(answer.into_body(), usize::MAX)
            .await
            .unwrap();
        String::from_utf8(bytes.into()).unwrap()
    }

    fn window() -> rpc::StreamedWindow {
        rpc::StreamedWindow {
            event_id: "0:3:4".to_owned(),
            window: Some(rpc::Window {
                window_start: Some(moment::message(1_790_000_000_000)),
                window_end: Some(moment::message(1_790_000_060_000)),
                order_count: 2,
                total_revenue: "3.00".to_owned(),
                total_items: 4,
                unique_users: 1,
                average_order_value: "1.50".to_owned(),
                revision: 5,
            }),
        }
    }

    const WINDOW: &str = "event: window\nid: 0:3:4\ndata: {\"window_start\":\"2026-09-21T14:13:20Z\",\
        \"window_end\":\"2026-09-21T14:14:20Z\",\"order_count\":2,\"total_revenue\":\"3.00\",\"total_items\":4,\
        \"unique_users\":1,\"average_order_value\":\"1.50\",\"revision\":5}\n\n";

    #[tokio::test]
    async fn a_stream_says_where_it_begins_and_why_it_ends() {
        let gone = Failure::new(Code::EventGone, "gone");
        let told = body(vec![Ok(window()), Err(gone), Ok(window())], true, Stopping::new()).await;
        let end = "event: end\ndata: {\"code\":\"event_gone\",\"detail\":\"gone\"}\n\n";
        assert_eq!(told, format!("id: 0:1:2\n\n{WINDOW}{end}"));
    }

    #[tokio::test]
    async fn one_that_breaks_off_and_one_that_is_stopped_end_with_a_reason() {
        let told = body(vec![Ok(window())], false, Stopping::new()).await;
        assert!(
            told.contains(WINDOW) && told.contains("\"unavailable\""),
            "{told}"
        );
        let stopping = Stopping::new();
        stopping.cancel();
        let told = body(Vec::new(), true, stopping).await;
        assert!(
            told.ends_with("the service stops; go on elsewhere\"}\n\n"),
            "{told}"
        );
    }
}
