//! Requests of a customer.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{RequestBuilder, Response};
use serde_json::Value;

/// How long an answer may take: longer than the shop gives itself for an order.
const PATIENCE: Duration = Duration::from_secs(15);

/// Asks the shop. Cheap to clone.
#[derive(Clone)]
pub(super) struct Client {
    client: reqwest::Client,
    base: String,
}

/// What the shop answered.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Value,
}

impl Answer {
    /// Whether the same request would be answered the same.
    pub(super) fn is_final(&self) -> bool {
        // 409 with a time says that it is still being worked on.
        let comes_later = self.status == 409 && self.retry_after.is_some();
        (200..500).contains(&self.status) && self.status != 429 && !comes_later
    }
}

impl Client {
    /// One for the shop at this address.
    ///
    /// # Errors
    /// The system has nothing to give.
    pub(super) fn new(shop: SocketAddr) -> Result<Client> {
        // Nothing here is encrypted, but there is no client without. The process may have one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build()?;
        Ok(Client {
            client,
            base: format!("http://{shop}"),
        })
    }

    /// A GET that is open to all.
    ///
    /// # Errors
    /// No answer.
    pub(super) async fn get(&self, path: &str) -> Result<Answer> {
        send(self.client.get(format!("{}{path}", self.base))).await
    }

    /// A POST, of whose token it is, and once for its key.
    ///
    /// # Errors
    /// No answer.
    pub(super) async fn post(
        &self,
        path: &str,
        token: Option<&str>,
        key: Option<&str>,
        body: &Value,
    ) -> Result<Answer> {
        let mut request = self
            .client
            .post(format!("{}{path}", self.base))
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_string());
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        send(request).await
    }
}

async fn send(request: RequestBuilder) -> Result<Answer> {
    let response = request.send().await?;
    let (status, retry_after) = (response.status().as_u16(), retry_after(&response));
    let text = response.text().await?;
    Ok(Answer {
        status,
        retry_after,
        body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
    })
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_otherwise_later_is_asked_again() {
        let is_final = |status, retry_after| {
            let answer = Answer {
                status,
                retry_after,
                body: Value::Null,
            };
            answer.is_final()
        };
        let later = Some(Duration::from_secs(1));
        assert!(is_final(409, None) && is_final(422, None) && is_final(400, None));
        assert!(
            !is_final(409, later) && !is_final(429, later) && !is_final(503, later) && !is_final(500, None)
        );
    }
}
