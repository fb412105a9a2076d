//! How fast the relay publishes what has piled up.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use service_common::database::Database;
use service_common::outbox::{self, Event};
use weir_proto::{Item, Money, Order, Timestamp};

use super::outbox::now_ms;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);
/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// Events written by one transaction.
const TOGETHER: u32 = 1_000;

/// Writes that many events while the order service does not run, starts it, and gives how many it published a second, from
/// the first to the last.
pub(crate) async fn measure(
    database: &Database,
    topic: &str,
    events: u32,
    start: impl FnOnce() -> Result<()>,
) -> Result<f64> {
    fill(database, topic, events).await?;
    let all = i64::from(events);
    ensure!(
        outbox::depth(database).await?.0 == all,
        "other events wait as well"
    );
    start()?;
    let mut began = None;
    let deadline = Instant::now() + PATIENCE;
    loop {
        ensure!(
            Instant::now() < deadline,
            "events still wait after {} s",
            PATIENCE.as_secs()
        );
        let left = outbox::depth(database).await?.0;
        if left == 0 {
            break;
        }
        if left < all && began.is_none() {
            began = Some((Instant::now(), left));
        }
        tokio::time::sleep(PAUSE).await;
    }
    match began {
        Some((at, left)) => Ok(left as f64 / at.elapsed().as_secs_f64()),
        None => Ok(f64::INFINITY),
    }
}

/// Events as the order service writes them, each of an order of its own.
async fn fill(database: &Database, topic: &str, events: u32) -> Result<()> {
    let at_ms = now_ms(database).await?;
    let mut number = 0;
    while number < events {
        let transaction = database.begin().await?;
        let last = events.min(number + TOGETHER);
        let events = (number..last).map(|number| Ok(outbox::append(&event(topic, number, at_ms)?)));
        transaction.commit_with(events.collect::<Result<_>>()?).await?;
        number = last;
    }
    Ok(())
}

fn event(topic: &str, number: u32, at_ms: i64) -> Result<Event> {
    let id = format!("ord_bench-{at_ms}-{number}");
    let price = Money::from_minor(1_999).unwrap_or_default();
    let item = Item {
        product_id: "bench-1".to_owned(),
        quantity: 1,
        unit_price: price,
    };
    let at = Timestamp::from_millis(at_ms).unwrap_or_default();
    let order = Order::new(
        id.clone(),
        "usr_bench".to_owned(),
        "USD".to_owned(),
        price,
        vec![item],
        at,
    )?;
    let payload = String::from_utf8(order.to_json())?;
    Ok(Event::new(
        topic,
        &id,
        1,
        "order.created",
        "/order-service",
        payload,
        at_ms,
    ))
}
