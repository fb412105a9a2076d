//! An HTTP client that sends exactly what it is told, also what is wrong.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::conformity;

/// Far beyond what a busy machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy)]
pub(crate) struct Client(pub(crate) SocketAddr);

impl Client {
    pub(crate) fn get(&self, path: &str) -> Call {
        self.call("GET", path)
    }

    pub(crate) fn post(&self, path: &str) -> Call {
        self.call("POST", path)
    }

    pub(crate) fn put(&self, path: &str) -> Call {
        self.call("PUT", path)
    }

    pub(crate) fn delete(&self, path: &str) -> Call {
        self.call("DELETE", path)
    }

    pub(crate) fn call(&self, method: &str, path: &str) -> Call {
        Call {
            address: self.0,
            method: method.to_owned(),
            path: path.to_owned(),
            headers: String::new(),
            body: Vec::new(),
        }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.0).await.unwrap()
    }
}

/// A request that is being made.
pub(crate) struct Call {
    address: SocketAddr,
    method: String,
    path: String,
    headers: String,
    body: Vec<u8>,
}

impl Call {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Call {
        self.headers.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    pub(crate) fn token(self, token: &str) -> Call {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn json(self, body: &Value) -> Call {
        self.text("application/json", &body.to_string())
    }

    pub(crate) fn text(mut self, content_type: &str, body: &str) -> Call {
        self.body = body.as_bytes().to_vec();
        let length = self.body.len().to_string();
        self.header("Content-Type", content_type)
            .header("Content-Length", &length)
    }

    pub(crate) fn bytes(mut self, content_type: &str, body: &[u8]) -> Call {
        self.body = body.to_vec();
        let length = body.len().to_string();
        self.header("Content-Type", content_type)
            .header("Content-Length", &length)
    }

    /// Sends it, and holds the answer against the OpenAPI document.
    pub(crate) async fn send(self) -> Reply {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let head = format!(
            "{} {} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n{}\r\n",
            self.method, self.path, self.headers
        );
        let request = [head.as_bytes(), &self.body].concat();
        // It may be answered before all of it was taken.
        let _ = stream.write_all(&request).await;
        let reply = Reply::read(&mut stream).await;
        conformity::check(&self.method, &self.path, &reply);
        reply
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Reply {
    /// Reads until the connection is closed.
    pub(crate) async fn read(stream: &mut TcpStream) -> Reply {
        Reply::read_if_any(stream)
            .await
            .expect("the connection was closed without an answer")
    }

    /// The same, from a server that may close without a word.
    pub(crate) async fn read_if_any(stream: &mut TcpStream) -> Option<Reply> {
        let mut answer = Vec::new();
        let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
        // A reset behind a whole answer: the server did not want the rest of the request.
        let _ = read.expect("no answer within a minute");
        let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_ascii_lowercase(), value.trim().to_owned())
        });
        Some(Reply {
            status,
            headers: headers.collect(),
            body: answer[end + 4..].to_vec(),
        })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.body
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The body of an answer that is no failure.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        self.json()
    }

    /// The code of a failure.
    #[track_caller]
    pub(crate) fn code(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{}",
            self.text()
        );
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        assert_eq!(problem["request_id"].as_str(), self.header("x-request-id"));
        problem["code"].as_str().unwrap().to_owned()
    }

    /// The fields that a failure names.
    #[track_caller]
    pub(crate) fn fields(&self) -> Vec<String> {
        let problem = self.json();
        let errors = problem["errors"].as_array().cloned().unwrap_or_default();
        errors
            .iter()
            .map(|error| error["field"].as_str().unwrap().to_owned())
            .collect()
    }
}
