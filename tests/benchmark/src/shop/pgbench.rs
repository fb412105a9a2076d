//! PostgreSQL by itself: pgbench writing what an order writes, in the same three transactions.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use service_common::database::{Database, DatabaseOptions};

use super::{PRODUCTS, postgres};

/// The rows are as long as the shop's; the prices, which the shop reads as well, are left out.
const SCRIPT: &str = include_str!("pgbench.sql");

/// Orders a second that PostgreSQL could take from this many clients. `url` is an empty database.
pub(crate) async fn measure(url: &str, clients: usize, time: Duration, folder: &Path) -> Result<f64> {
    let options = DatabaseOptions::of(url.parse()?);
    Database::open(&options, order_service::store::OWNER, order_service::store::STEPS)
        .await?
        .close()
        .await;
    // Both have a table of steps: each in its own schema.
    let products = Database::open(
        &options,
        product_service::store::OWNER,
        product_service::store::STEPS,
    )
    .await?;
    sqlx::query(
        "INSERT INTO products (id, position, name, description, category, price, currency, stock, folded)
         SELECT 'bench-' || n, n, 'Product', 'A product of the benchmark', 'bench', 1999, 'USD', 1000000000, 'product'
         FROM generate_series(1, $1) AS n",
    )
    .bind(i64::from(PRODUCTS))
    .execute(products.pool())
    .await?;
    products.close().await;

    let script = folder.join("order.sql");
    std::fs::write(&script, SCRIPT)?;
    let output = Command::new(postgres::program("pgbench")?)
        .args(["--no-vacuum", "--protocol=prepared", "--jobs=2"])
        .arg(format!("--client={clients}"))
        .arg(format!("--time={}", time.as_secs()))
        .arg(format!("--define=products={PRODUCTS}"))
        .arg(format!("--file={}", script.display()))
        .arg(url)
        .output()?;
    let (said, wrong) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    ensure!(output.status.success(), "pgbench: {wrong}");
    rate(&said).with_context(|| format!("pgbench says no rate: {said}"))
}

fn rate(said: &str) -> Option<f64> {
    let line = said.lines().find_map(|line| line.strip_prefix("tps = "))?;
    line.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_rate_is_what_pgbench_says() {
        let said = "latency average = 1.5 ms\ntps = 2066.115702 (without initial connection time)\n";
        assert_eq!(super::rate(said), Some(2_066.115_702));
        assert_eq!(super::rate("nothing"), None);
    }
}
