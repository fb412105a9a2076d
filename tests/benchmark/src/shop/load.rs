//! Load: as fast as answers come, or so many requests a second whatever comes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::http::Connection;

/// Writes requests, each another one.
pub(crate) type Writer = Arc<dyn Fn() -> Vec<u8> + Send + Sync>;

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Requests that were answered as expected: all.
    pub(crate) answered: u64,
    /// Answers a second.
    pub(crate) rate: f64,
    /// From a request's time to its answer, in milliseconds.
    pub(crate) latencies_ms: Vec<f64>,
}

/// Requests over `clients` connections, each sending its next request when its last was answered.
///
/// # Errors
/// Any answer that is not of `status`.
pub(crate) async fn closed(
    address: SocketAddr,
    clients: usize,
    time: Duration,
    status: u16,
    writer: &Writer,
) -> Result<Outcome> {
    let mut connections = Vec::with_capacity(clients);
    for _ in 0..clients {
        connections.push(Connection::open(address).await?);
    }
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for mut connection in connections {
        let writer = Arc::clone(writer);
        tasks.spawn(async move {
            let mut latencies = Vec::new();
            while started.elapsed() < time {
                let sent = Instant::now();
                let answer = connection.exchange(&writer()).await?;
                ensure!(answer.status == status, "{}", answer.text());
                latencies.push(ms(sent.elapsed()));
            }
            Ok(latencies)
        });
    }
    let mut outcome = Outcome::default();
    while let Some(latencies) = tasks.join_next().await {
        outcome.latencies_ms.extend(latencies??);
    }
    outcome.answered = outcome.latencies_ms.len() as u64;
    outcome.rate = outcome.answered as f64 / started.elapsed().as_secs_f64();
    Ok(outcome)
}

/// Requests at a constant rate, whether or not those before were answered; latency counts from when each was due.
///
/// # Errors
/// Any answer that is not of `status`.
pub(crate) async fn open(
    address: SocketAddr,
    per_second: u64,
    time: Duration,
    status: u16,
    writer: &Writer,
) -> Result<Outcome> {
    let count = per_second * time.as_secs();
    let idle: Arc<Mutex<Vec<Connection>>> = Arc::default();
    let started = tokio::time::Instant::now();
    let mut tasks = JoinSet::new();
    for number in 0..count {
        let due = started + Duration::from_nanos(number * 1_000_000_000 / per_second);
        tokio::time::sleep_until(due).await;
        let (writer, idle) = (Arc::clone(writer), Arc::clone(&idle));
        tasks.spawn(async move {
            let kept = idle.lock().await.pop();
            // A burst leaves connections behind that nobody needs for a while.
            let mut connection = match kept.filter(Connection::is_open) {
                Some(connection) => connection,
                None => Connection::open(address).await?,
            };
            let answer = connection.exchange(&writer()).await?;
            ensure!(answer.status == status, "{}", answer.text());
            idle.lock().await.push(connection);
            Ok(ms(due.elapsed()))
        });
    }
    let mut outcome = Outcome::default();
    while let Some(latency) = tasks.join_next().await {
        outcome.latencies_ms.push(latency??);
    }
    outcome.answered = outcome.latencies_ms.len() as u64;
    outcome.rate = outcome.answered as f64 / started.elapsed().as_secs_f64();
    Ok(outcome)
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
