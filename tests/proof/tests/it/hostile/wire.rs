//! Bytes that are no request at all. A port may refuse them by a word or by closing; it must go on serving others.

use std::net::SocketAddr;
use std::time::Duration;

use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::Code;
use weir_rpc::common::v1::Empty;

use super::Outcome;
use super::bench::Bench;

/// How long a port is listened to: one that waits for the rest of what it was sent says nothing.
const LISTEN: Duration = Duration::from_millis(300);
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What is sent, by what is wrong with it.
fn garbage() -> Vec<(&'static str, Vec<u8>)> {
    let frame = |length: [u8; 3], kind: u8, flags: u8, stream: u32, payload: &[u8]| {
        let mut bytes = PREFACE.to_vec();
        // Settings first, as it must be.
        bytes.extend([0, 0, 0, 4, 0, 0, 0, 0, 0]);
        bytes.extend(length);
        bytes.extend([kind, flags]);
        bytes.extend(stream.to_be_bytes());
        bytes.extend(payload);
        bytes
    };
    vec![
        ("zeros", vec![0; 4_096]),
        ("ones", vec![0xff; 4_096]),
        ("a greeting of TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec()),
        ("SSH", b"SSH-2.0-OpenSSH_9.9\r\n".to_vec()),
        ("Redis", b"*1\r\n$8\r\nFLUSHALL\r\n".to_vec()),
        ("a word of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n".to_vec()),
        ("half a preface", PREFACE[..10].to_vec()),
        ("a frame beyond all bounds", frame([0xff; 3], 0, 0, 1, &[0; 64])),
        ("a frame of a kind that there is not", frame([0, 0, 8], 0xee, 0xff, 1, &[0xff; 8])),
        ("data before headers", frame([0, 0, 4], 0, 1, 1, b"data")),
        ("headers that are none", frame([0, 0, 4], 1, 5, 1, &[0xff; 4])),
        ("a window of nothing", frame([0, 0, 4], 8, 0, 0, &[0; 4])),
        ("a ping of another length", frame([0, 0, 1], 6, 0, 0, &[0])),
        ("a head without an end", [&b"GET / HTTP/1.1\r\nX: "[..], &[b'x'; 300_000]].concat()),
        ("200 headers", format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(200)).into_bytes()),
        ("two lengths", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 9\r\n\r\nab".to_vec()),
        ("a length and chunks", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n".to_vec()),
        ("chunks that are none", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".to_vec()),
        ("a length below zero", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n".to_vec()),
        ("a version that there is not", b"GET / HTTP/9.9\r\nHost: a\r\n\r\n".to_vec()),
        ("a NUL in a header", b"GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n".to_vec()),
        ("a body that never comes", b"POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{".to_vec()),
    ]
}

/// Sends all of it to every port, and asks each afterwards whether it still serves.
pub(super) fn all(bench: &Bench) -> Outcome {
    let mut outcome = Outcome::default();
    let grpc = ["user", "product", "order-a", "payment"].map(|service| bench.shop.grpc(service));
    let http = ["product", "order-a", "payment"].map(|service| bench.shop.http(service));
    let gateway = bench.shop.gateway_address();
    for address in grpc.into_iter().chain(http).chain([gateway]) {
        let answers = bench.runtime.block_on(async {
            let mut all = tokio::task::JoinSet::new();
            for (about, bytes) in garbage() {
                all.spawn(async move { (about, answer(address, &bytes).await) });
            }
            all.join_all().await
        });
        for (about, answer) in answers {
            let text = String::from_utf8_lossy(&answer);
            let is_success = text.starts_with("HTTP/1.1 2") && !text.starts_with("HTTP/1.1 204");
            let is_fault = text.starts_with("HTTP/1.1 5") && !text.starts_with("HTTP/1.1 505");
            let wrong = (is_success || is_fault).then(|| text.lines().next().unwrap_or_default().to_owned());
            outcome.note(&format!("{about} to {address}"), wrong);
        }
    }
    for port in [
        &bench.user,
        &bench.product,
        &bench.order,
        &bench.payment,
        &bench.analytics,
    ] {
        let sent = port.call("HealthCheck", None, Empty {}.encode_to_vec());
        let (code, said) = bench.runtime.block_on(sent);
        let wrong = (code != Code::Ok).then(|| format!("{code:?}: {said}"));
        outcome.note("whether it still serves", wrong);
    }
    outcome
}

/// What is said before the port closes, or falls silent.
async fn answer(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // It may be closed before all of it was taken.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(LISTEN, stream.read_to_end(&mut answer)).await;
    answer
}
