//! What the analytics service shows, after it was killed as well.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::shop::Tally;
use crate::shop::load::Answered;
use crate::shop::settle::Books;

/// How long it may take to have read what was just published.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(200);

/// Every order that was taken is in its sums, and what the topic alone knows: none of them came late.
pub(super) fn judge(answered: &Answered, books: &Books, tally: &mut Tally) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut client = answered.clients.first().context("there is no client")?.clone();
    let taken = books
        .orders
        .values()
        .filter(|order| !order["created_at"].is_null());
    let taken = u64::try_from(taken.count() + books.unknown.len() + books.twice)?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let sums = runtime.block_on(client.ask("GET", "/api/v1/analytics/summary", None, None))?;
        let counted = sums.body["order_count"].as_u64();
        if sums.status == 200 && counted == Some(taken) {
            return Ok(());
        }
        if Instant::now() >= deadline {
            let shown = counted.map_or_else(|| Value::to_string(&sums.body), |counted| counted.to_string());
            tally.fault(format!(
                "{taken} orders were taken, and the analytics service shows {shown}"
            ));
            return Ok(());
        }
        std::thread::sleep(PAUSE);
    }
}
