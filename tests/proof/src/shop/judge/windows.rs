//! The windows and the late orders against SQL over the orders.

use std::collections::BTreeSet;

use anyhow::Result;

use crate::oracle::{Evidence, judge as judge_windows};
use crate::shop::Tally;
use crate::shop::parts::Shop;
use crate::shop::settle::Books;

pub(super) fn judge(shop: &Shop, books: &Books, tally: &mut Tally) -> Result<()> {
    let job = shop.job();
    let mut evidence = Evidence::default();
    evidence.read(&job.bootstrap, &job.topics)?;
    evidence.read_parquet(&job.parquet)?;
    let verdict = judge_windows(&evidence, &job.rules)?;
    if !verdict.holds() {
        tally.fault(format!("the windows: {verdict}"));
    }
    tally.windows = verdict.windows;
    tally.counted = verdict.accepted;
    tally.late = verdict.late;
    // That the topic holds each order once and as it is stored was judged before: so this is SQL over the orders.
    let taken = books
        .orders
        .values()
        .filter(|order| !order["created_at"].is_null());
    let taken: BTreeSet<&str> = taken.filter_map(|order| order["id"].as_str()).collect();
    if verdict.accepted + verdict.late != i64::try_from(taken.len() + books.unknown.len() + books.twice)? {
        tally.fault(format!(
            "{} orders were taken, {} are counted and {} late",
            taken.len(),
            verdict.accepted,
            verdict.late
        ));
    }
    Ok(())
}
