//! HTTP/1.1 over one connection that is kept: as little as a generator of load can do with.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A request that is not answered for so long is a failure of the run.
const PATIENCE: Duration = Duration::from_secs(30);
/// More headers than any answer of ours has.
const HEADERS: usize = 32;

/// A connection.
pub(crate) struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

/// An answer, until the next request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
}

impl Answer<'_> {
    /// For an error's text.
    pub(crate) fn text(&self) -> String {
        format!("{}: {}", self.status, String::from_utf8_lossy(self.body))
    }
}

/// Where the head of an answer ends, and what it says.
struct Head {
    status: u16,
    length: usize,
    body_at: usize,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Connection> {
        let stream = TcpStream::connect(address)
            .await
            .with_context(|| address.to_string())?;
        stream.set_nodelay(true)?;
        Ok(Connection {
            stream,
            read: Vec::with_capacity(8_192),
        })
    }

    /// Whether the server has not closed it, as it does with one that is idle for long.
    pub(crate) fn is_open(&self) -> bool {
        let read = self.stream.try_read(&mut [0]);
        read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    /// Sends a whole request and reads its answer.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        tokio::time::timeout(PATIENCE, self.exchange_in_time(request))
            .await
            .context("no answer in time")?
    }

    async fn exchange_in_time(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.read.clear();
        let head = loop {
            if self.stream.read_buf(&mut self.read).await? == 0 {
                bail!("the connection was closed before the answer");
            }
            if let Some(head) = head(&self.read)? {
                break head;
            }
        };
        let end = head.body_at + head.length;
        while self.read.len() < end {
            if self.stream.read_buf(&mut self.read).await? == 0 {
                bail!("the connection was closed within the answer");
            }
        }
        Ok(Answer {
            status: head.status,
            body: &self.read[head.body_at..end],
        })
    }
}

fn head(read: &[u8]) -> Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(body_at) = response.parse(read)? else {
        return Ok(None);
    };
    let length = response
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"))
        .and_then(|header| std::str::from_utf8(header.value).ok()?.parse().ok());
    Ok(Some(Head {
        status: response.code.context("an answer without a status")?,
        length: length.context("an answer without a length")?,
        body_at,
    }))
}

/// A request with a JSON body.
pub(crate) fn post(path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    )
    .into_bytes()
}

/// A request without a body.
pub(crate) fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: shop\r\n\r\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_complete_with_its_head() {
        let text = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}";
        let head = head(text).unwrap().unwrap();
        assert_eq!((head.status, head.length, head.body_at), (201, 2, text.len() - 2));
        assert!(super::head(&text[..20]).unwrap().is_none());
        assert!(super::head(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(super::head(b"nonsense\r\n\r\n").is_err());
    }

    #[tokio::test]
    async fn a_connection_that_the_server_closed_is_not_open() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let connection = Connection::open(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        assert!(connection.is_open());
        drop(server);
        connection.stream.readable().await.unwrap();
        assert!(!connection.is_open());
    }

    #[test]
    fn a_request_says_how_long_its_body_is() {
        let text = String::from_utf8(post("/p", "a: b\r\n", "{}")).unwrap();
        assert!(text.contains("content-length: 2\r\na: b\r\n\r\n{}"), "{text}");
    }
}
