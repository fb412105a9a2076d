//! Windows: pages, sums, streams.

use std::num::NonZeroU32;

use service_common::failure::{Code, Failure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use weir_rpc::analytics::v1::{
    GetLatestWindowRequest, ListWindowsRequest, StreamWindowsRequest, SummarizeRequest,
};

use crate::bench::{Bench, eventually};

const STREAM: &str = "/api/v1/analytics/stream";

#[tokio::test]
async fn windows_are_listed_and_summed() {
    let bench = Bench::start().await;
    let token = bench.token("usr_1");
    let get = |path: &str| bench.client.get(path).token(&token).send();
    let page =
        get("/api/v1/analytics/windows?from=2026-09-21T14:14:00Z&to=2026-09-21T16:14:01%2B01:00&limit=5")
            .await
            .expect(200);
    assert_eq!(page["windows"][0]["window_start"], "2026-09-21T14:14:00Z");
    assert_eq!(page["windows"][0]["total_revenue"], "259.80");
    assert_eq!(page["next_cursor"], "1790000040000");
    let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    bench.shop.only("ListWindows").was(&ListWindowsRequest {
        from: at(1_790_000_040),
        to: at(1_790_003_641),
        cursor: String::new(),
        limit: 5,
    });

    let latest = get("/api/v1/analytics/windows/latest").await.expect(200);
    assert_eq!(latest["revision"], 1);
    bench.shop.only("GetLatestWindow").was(&GetLatestWindowRequest {});
    let sums = get("/api/v1/analytics/summary").await.expect(200);
    assert_eq!(
        (&sums["order_count"], &sums["complete_from"]),
        (&2.into(), &().into())
    );
    bench.shop.only("Summarize").was(&SummarizeRequest::default());
}

#[tokio::test]
async fn what_is_wrong_is_named_and_nobody_sees_them_without_a_token() {
    let bench = Bench::start().await;
    let token = bench.token("usr_1");
    let wrong = "/api/v1/analytics/windows?from=soon&to=&limit=1441";
    let reply = bench.client.get(wrong).token(&token).send().await;
    assert_eq!(
        (reply.status, reply.fields()),
        (400, vec!["from".to_owned(), "to".to_owned(), "limit".to_owned()])
    );
    let reply = bench
        .client
        .get(STREAM)
        .token(&token)
        .header("Last-Event-ID", "\u{fc}")
        .send()
        .await;
    assert_eq!(
        (reply.status, reply.fields()),
        (400, vec!["Last-Event-ID".to_owned()])
    );
    bench.shop.fail(
        "GetLatestWindow",
        Failure::new(Code::NotFound, "no window has closed yet"),
    );
    let reply = bench
        .client
        .get("/api/v1/analytics/windows/latest")
        .token(&token)
        .send()
        .await;
    assert_eq!((reply.status, &*reply.code()), (404, "not_found"));
    bench
        .shop
        .fail("StreamWindows", Failure::new(Code::EventGone, "gone"));
    let reply = bench
        .client
        .get(STREAM)
        .token(&token)
        .header("Last-Event-ID", "0:0:0")
        .send()
        .await;
    assert_eq!((reply.status, &*reply.code()), (410, "event_gone"));
    for path in ["windows", "windows/latest", "summary", "stream"] {
        let reply = bench
            .client
            .get(&format!("/api/v1/analytics/{path}"))
            .send()
            .await;
        assert_eq!((reply.status, &*reply.code()), (401, "unauthenticated"), "{path}");
    }
}

#[tokio::test]
async fn a_stream_goes_on_behind_what_was_seen_and_ends_with_a_reason() {
    let bench = Bench::start().await;
    let end = Failure::new(Code::Unauthenticated, "the session has ended");
    bench.shop.fail("StreamedWindow", end);
    let token = bench.token("usr_1");
    let call = bench
        .client
        .get(STREAM)
        .token(&token)
        .header("Last-Event-ID", "0:1:2");
    let reply = call.send().await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("cache-control"), Some("no-cache"));
    let told = reply.text();
    let parts = [
        "id: 0:1:2\n\n",
        "event: window\nid: 0:3:4\ndata: {\"window_start\":\"2026-09-21T14:14:00Z\"",
        "event: end\ndata: {\"code\":\"unauthenticated\"",
    ];
    for part in parts {
        assert!(told.contains(part), "{part:?} is not in {told}");
    }
    bench.shop.only("StreamWindows").was(&StreamWindowsRequest {
        last_event_id: "0:1:2".to_owned(),
    });
}

async fn open(bench: &Bench, token: &str) -> TcpStream {
    let mut stream = bench.client.connect().await;
    let request = format!("GET {STREAM} HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer {token}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

async fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let mut told = Vec::new();
    while !String::from_utf8_lossy(&told).contains(text) {
        let read = stream.read_buf(&mut told).await.unwrap();
        assert!(read > 0, "{text} is not in {}", String::from_utf8_lossy(&told));
    }
    String::from_utf8_lossy(&told).into_owned()
}

#[tokio::test]
async fn a_user_has_a_few_streams_and_a_place_is_free_again_when_one_is_left() {
    let bench = Bench::with(|options| options.limits.limit_streams = NonZeroU32::MIN).await;
    let token = bench.token("usr_1");
    let mut first = open(&bench, &token).await;
    read_until(&mut first, "event: window").await;
    let reply = bench.client.get(STREAM).token(&token).send().await;
    assert_eq!((reply.status, &*reply.code()), (429, "rate_limited"));
    let mut anothers = open(&bench, &bench.token("usr_2")).await;
    read_until(&mut anothers, "event: window").await;
    drop(first);
    eventually("the place is free", async || {
        let mut again = open(&bench, &token).await;
        let mut status = [0; 12];
        again.read_exact(&mut status).await.unwrap();
        status == *b"HTTP/1.1 200"
    })
    .await;
}

#[tokio::test]
async fn a_gateway_that_stops_ends_its_streams() {
    let bench = Bench::start().await;
    let mut stream = open(&bench, &bench.token("usr_1")).await;
    read_until(&mut stream, "event: window").await;
    let stopping = tokio::spawn(bench.gateway.running.stop());
    let end = read_until(&mut stream, "event: end").await;
    assert!(end.contains("unavailable"), "{end}");
    stopping.await.unwrap();
}
