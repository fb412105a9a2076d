//! Which relay publishes which keys: each owns shards of them by a lease, and as many as its share is.

use std::time::Duration;

use ring::digest;

use super::SHARDS;
use crate::database::Database;

/// How long a shard stays with a relay that does not renew it: a dead one is replaced after at most this and a round.
pub(super) const LEASE: Duration = Duration::from_secs(10);

/// The shard of a key. Stored: it must never change.
pub(super) fn shard_of(key: &str) -> i64 {
    let hash = digest::digest(&digest::SHA256, key.as_bytes());
    i64::from(hash.as_ref()[0]) % SHARDS
}

/// Says that the relay lives, and takes or gives up shards until it has its share. Gives those it has.
///
/// # Errors
/// The database failed.
pub(super) async fn renew(database: &Database, relay: &str) -> sqlx::Result<Vec<i64>> {
    let mut transaction = database.begin().await?;
    let now_ms = transaction.now_ms().await?;
    let until_ms = now_ms + i64::try_from(LEASE.as_millis()).unwrap_or(i64::MAX);
    sqlx::query(
        "INSERT INTO outbox_relays (relay, alive_until_ms) VALUES ($1, $2)
         ON CONFLICT (relay) DO UPDATE SET alive_until_ms = excluded.alive_until_ms",
    )
    .bind(relay)
    .bind(until_ms)
    .execute(&mut *transaction)
    .await?;
    sqlx::query("DELETE FROM outbox_relays WHERE alive_until_ms <= $1")
        .bind(now_ms)
        .execute(&mut *transaction)
        .await?;
    let alive: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM outbox_relays")
        .fetch_one(&mut *transaction)
        .await?;
    let share = usize::try_from((SHARDS + alive - 1) / alive.max(1)).unwrap_or(1);

    let mut mine: Vec<i64> = sqlx::query_scalar(
        "SELECT shard FROM outbox_shards WHERE relay = $1 AND lease_until_ms > $2 ORDER BY shard",
    )
    .bind(relay)
    .bind(now_ms)
    .fetch_all(&mut *transaction)
    .await?;
    for surplus in mine.drain(share.min(mine.len())..) {
        sqlx::query("DELETE FROM outbox_shards WHERE shard = $1 AND relay = $2")
            .bind(surplus)
            .bind(relay)
            .execute(&mut *transaction)
            .await?;
    }
    for shard in 0..SHARDS {
        let is_mine = mine.contains(&shard);
        if !is_mine && mine.len() >= share {
            continue;
        }
        let taken = sqlx::query(
            "INSERT INTO outbox_shards (shard, relay, lease_until_ms) VALUES ($1, $2, $3)
             ON CONFLICT (shard) DO UPDATE SET relay = excluded.relay, lease_until_ms = excluded.lease_until_ms
             WHERE outbox_shards.relay = excluded.relay OR outbox_shards.lease_until_ms <= $4",
        )
        .bind(shard)
        .bind(relay)
        .bind(until_ms)
        .bind(now_ms)
        .execute(&mut *transaction)
        .await?;
        if taken.rows_affected() == 1 && !is_mine {
            mine.push(shard);
        }
    }
    transaction.commit().await?;
    mine.sort_unstable();
    Ok(mine)
}

/// Gives up everything, so that others need not wait for the lease to run out.
///
/// # Errors
/// The database failed.
pub(super) async fn release(database: &Database, relay: &str) -> sqlx::Result<()> {
    let mut transaction = database.begin().await?;
    for statement in [
        "DELETE FROM outbox_shards WHERE relay = $1",
        "DELETE FROM outbox_relays WHERE relay = $1",
    ] {
        sqlx::query(statement)
            .bind(relay)
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shard_of_a_key_is_what_it_always_was() {
        let shards = ["ord_1", "ord_2", "ord_3", "usr_1"].map(shard_of);
        assert!(shards.iter().all(|shard| (0..SHARDS).contains(shard)));
        assert_eq!(shards, ["ord_1", "ord_2", "ord_3", "usr_1"].map(shard_of));
    }
}
