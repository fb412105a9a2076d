//! What is no HTTP, or HTTP bent so that two readers would read two things.

use std::time::Duration;

use tokio::io::AsyncWriteExt;

use crate::bench::Bench;
use crate::client::Reply;

const LOGIN: &str = "POST /api/v1/auth/login HTTP/1.1\r\nHost: shop\r\nConnection: close\r\nContent-Type: application/json\r\n";

fn login(rest: &str) -> Vec<u8> {
    format!("{LOGIN}{rest}").into_bytes()
}

fn get(rest: &str) -> Vec<u8> {
    format!("GET /api/v1/products HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n{rest}\r\n").into_bytes()
}

fn table() -> Vec<(&'static str, Vec<u8>)> {
    let many: String = (0..200).map(|n| format!("X-{n}: y\r\n")).collect();
    vec![
        (
            "no HTTP",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(),
        ),
        ("no version", b"GET /\r\n\r\n".to_vec()),
        ("a version of tomorrow", b"GET / HTTP/7.0\r\n\r\n".to_vec()),
        (
            "a space in the path",
            b"GET /a b HTTP/1.1\r\nHost: shop\r\n\r\n".to_vec(),
        ),
        (
            "a NUL in the path",
            b"GET /\0 HTTP/1.1\r\nHost: shop\r\n\r\n".to_vec(),
        ),
        ("a header without a colon", get("X-Evil\r\n")),
        ("a NUL in a header", get("X-Evil: \0\r\n")),
        ("a header folded", get("X-Evil: a\r\n b\r\n")),
        ("a space before the colon", get("X-Evil : a\r\n")),
        (
            "a header that never ends",
            get(&format!("X-Evil: {}\r\n", "x".repeat(200_000))),
        ),
        ("two hundred headers", get(&many)),
        ("a length that is no number", login("Content-Length: ten\r\n\r\n")),
        ("a negative length", login("Content-Length: -1\r\n\r\n")),
        ("a length with a sign", login("Content-Length: +2\r\n\r\n{}")),
        (
            "two lengths",
            login("Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
        ),
        (
            "an enormous length",
            login("Content-Length: 18446744073709551615\r\n\r\n{}"),
        ),
        (
            "an encoding that is none",
            login("Transfer-Encoding: rot13\r\n\r\n{}"),
        ),
        (
            "a length and chunks",
            login("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
        ),
        (
            "a chunk without a size",
            login("Transfer-Encoding: chunked\r\n\r\n\r\n{}\r\n0\r\n\r\n"),
        ),
        (
            "a chunk of no size",
            login("Transfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n0\r\n\r\n"),
        ),
        (
            "an enormous chunk",
            login("Transfer-Encoding: chunked\r\n\r\nffffffffffffffff0\r\n{}\r\n0\r\n\r\n"),
        ),
        (
            "chunks of old HTTP",
            b"POST /api/v1/auth/login HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_vec(),
        ),
    ]
}

#[tokio::test]
async fn each_is_refused_and_the_gateway_goes_on() {
    let bench = Bench::with(|options| {
        options.patience.head_timeout = Duration::from_millis(200);
        options.patience.body_timeout = Duration::from_millis(200);
    })
    .await;
    let mut wrong = Vec::new();
    for (about, bytes) in table() {
        let mut stream = bench.client.connect().await;
        // It may be answered before all of it was taken.
        let _ = stream.write_all(&bytes).await;
        let reply = Reply::read_if_any(&mut stream).await;
        let is_refused = reply
            .as_ref()
            .is_some_and(|reply| (400..500).contains(&reply.status));
        if !is_refused {
            wrong.push(format!("{about}: {reply:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    bench.client.get("/health").send().await.expect(200);
    assert_eq!(
        bench.shop.all_heard(),
        [""; 0],
        "something of it reached a service"
    );
}
