//! A client that repeats every request without an answer, with its key.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// How long a request may remain without an answer: many outages in a row.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long one attempt may take: longer than the gateway gives it.
const ATTEMPT: Duration = Duration::from_secs(20);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(150);
/// Refusals that say that it may be otherwise in a moment.
const PASSING: [&str; 2] = ["still_running", "contended"];

/// An answer that is final.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl Reply {
    /// The code of a refusal.
    pub(super) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// A field that is a text.
    pub(super) fn text(&self, field: &str) -> &str {
        self.body[field].as_str().unwrap_or_default()
    }
}

/// A client of the gateway, with a token once it has logged in.
#[derive(Debug, Clone)]
pub(super) struct Client {
    base: String,
    http: reqwest::Client,
    token: String,
    /// Attempts that were repeated.
    pub(super) repeats: u64,
    /// Failures that were answered on the way, by status and code.
    pub(super) failures: BTreeMap<String, u64>,
}

impl Client {
    pub(super) fn new(base: &str) -> Result<Client> {
        Ok(Client {
            base: base.to_owned(),
            http: reqwest::Client::builder().timeout(ATTEMPT).build()?,
            token: String::new(),
            repeats: 0,
            failures: BTreeMap::new(),
        })
    }

    /// Acts for the one with this token from now on.
    pub(super) fn become_the_one_with(&mut self, token: &str) {
        token.clone_into(&mut self.token);
    }

    /// Asks until there is an answer that is final. Without a key only what may be done twice may be asked.
    ///
    /// # Errors
    /// There is none in time.
    pub(super) async fn ask(
        &mut self,
        method: &str,
        path: &str,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Reply> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let failure = match self.attempt(method, path, key, body).await {
                Ok(reply)
                    if reply.status < 500 && reply.status != 429 && !PASSING.contains(&reply.code()) =>
                {
                    return Ok(reply);
                }
                Ok(reply) => format!("{} {}", reply.status, reply.code()),
                Err(_) => "no answer".to_owned(),
            };
            if Instant::now() >= deadline {
                bail!("{method} {path}: {failure} after {} s", PATIENCE.as_secs());
            }
            *self.failures.entry(failure).or_default() += 1;
            self.repeats += 1;
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn attempt(
        &self,
        method: &str,
        path: &str,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Reply> {
        let mut request = self.http.request(method.parse()?, format!("{}{path}", self.base));
        if !self.token.is_empty() {
            request = request.header("Authorization", format!("Bearer {}", self.token));
        }
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(body) = body {
            request = request
                .header("Content-Type", "application/json")
                .body(body.to_string());
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let bytes = response.bytes().await?;
        let body = serde_json::from_slice(&bytes).context("the answer is no JSON")?;
        Ok(Reply { status, body })
    }
}
