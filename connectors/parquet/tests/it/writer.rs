//! The background writer.

use std::collections::BTreeSet;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use test_support::buckets::Bucket;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};
use weir_parquet::{Store, Writer, WriterEvent};
use weir_proto::{AnalyticsResult, Timestamp};

use crate::folder::{FIRST_HOUR, store_in};
use crate::gate::Gate;
use crate::support::{HOUR, JOB, MINUTE, at, later, minutes, row};

#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<WriterEvent>>>);

impl Events {
    fn listener(&self) -> impl Fn(WriterEvent) + Send + Sync + 'static {
        let events = self.clone();
        move |event| events.0.lock().unwrap().push(event)
    }

    fn files(&self) -> u64 {
        let events = self.0.lock().unwrap();
        events
            .iter()
            .map(|event| {
                if let WriterEvent::Wrote { files, .. } = event {
                    *files
                } else {
                    0
                }
            })
            .sum()
    }

    fn failures(&self) -> Vec<String> {
        let events = self.0.lock().unwrap();
        events
            .iter()
            .filter_map(|e| {
                if let WriterEvent::Failed(text) = e {
                    Some(text.clone())
                } else {
                    None
                }
            })
            .collect()
    }
}

/// Waits until the condition holds, or says what was seen.
async fn until(what: &str, holds: impl Fn() -> bool, seen: &Events) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(
            Instant::now() < deadline,
            "not in 60 s: {what}; seen: {:?}",
            seen.0.lock().unwrap()
        );
        sleep(Duration::from_millis(5)).await;
    }
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap()).unwrap()
}

/// `count` windows from the beginning of the next hour on: not of the past while the test runs.
fn present(count: i64) -> Vec<AnalyticsResult> {
    let hour = Timestamp::from_millis(now().millis() / HOUR * HOUR + HOUR).unwrap();
    (0..count).map(|n| row(later(hour, n * MINUTE), 0)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_present_window_is_durable_without_delay_and_read_by_another() {
    let store = Store::open("memory://writer-present", JOB).await.unwrap();
    let events = Events::default();
    let writer = Writer::spawn(store.clone(), &Handle::current(), events.listener());
    assert_eq!(writer.durable(), None);
    let rows = present(1);
    let began = Instant::now();
    writer.send(rows.clone(), 5);
    until("durable", || writer.durable() == Some(5), &events).await;
    // The paused clock moves only while everything waits: what has passed is what the writer waited for.
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(store.read_all().await.unwrap(), rows);
    assert_eq!(writer.finish().await.unwrap(), Some(5));
}

#[tokio::test(start_paused = true)]
async fn a_file_is_written_at_most_once_a_second() {
    let store = Store::open("memory:", JOB).await.unwrap();
    let events = Events::default();
    let writer = Writer::spawn(store, &Handle::current(), events.listener());
    let rows = present(60);
    let began = Instant::now();
    for (position, row) in (1..).zip(&rows) {
        writer.send(vec![*row], position);
        sleep(Duration::from_millis(50)).await;
    }
    until("durable", || writer.durable() == Some(60), &events).await;
    let most = 2 + began.elapsed().as_secs();
    assert!(
        (3..=most).contains(&events.files()),
        "{} files in {:?}",
        events.files(),
        began.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_backlog_costs_one_write_for_each_hour() {
    let store = Store::open("memory:", JOB).await.unwrap();
    let events = Events::default();
    let writer = Writer::spawn(store.clone(), &Handle::current(), events.listener());
    let rows = minutes("2020-02-28T12:00:00Z", 48 * 60);
    for (position, part) in (1..).zip(rows.chunks(7)) {
        writer.send(part.to_vec(), position * 7);
        // An hour of windows takes longer than a second.
        sleep(Duration::from_millis(200)).await;
    }
    let last = i64::try_from(rows.len().next_multiple_of(7)).unwrap();
    until("durable", || writer.durable() == Some(last), &events).await;
    assert_eq!(events.files(), 48);
    assert_eq!(store.read_all().await.unwrap(), rows);
}

#[tokio::test(start_paused = true)]
async fn durable_is_never_ahead_of_what_is_stored_and_reaches_the_last_position() {
    let store = Store::open("memory:", JOB).await.unwrap();
    let events = Events::default();
    let writer = Writer::spawn(store.clone(), &Handle::current(), events.listener());
    let rows = minutes("2020-02-28T12:00:00Z", 300);
    let mut last = None;
    for (position, row) in (1_i64..).zip(&rows) {
        writer.send(vec![*row], position);
        sleep(Duration::from_millis(11)).await;
        let durable = writer.durable();
        let stored = store.read_all().await.unwrap();
        let safe = usize::try_from(durable.unwrap_or(0)).unwrap();
        assert!(
            stored.len() >= safe && stored[..safe] == rows[..safe],
            "{durable:?} of {}",
            stored.len()
        );
        assert!(durable >= last, "{durable:?} after {last:?}");
        last = durable;
    }
    writer.send(Vec::new(), 1000);
    assert_eq!(writer.finish().await.unwrap(), Some(1000));
    assert_eq!(store.read_all().await.unwrap(), rows);
}

#[tokio::test(start_paused = true)]
async fn a_position_without_rows_is_durable_at_once() {
    let writer = Writer::spawn(
        Store::open("memory:", JOB).await.unwrap(),
        &Handle::current(),
        |_| {},
    );
    writer.send(Vec::new(), 17);
    assert_eq!(writer.durable(), Some(17));
    assert_eq!(writer.finish().await.unwrap(), Some(17));
}

#[tokio::test(start_paused = true)]
async fn while_the_folder_cannot_be_written_rows_wait_and_the_failure_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = store_in(&folder).await;
    let obstacle = folder.path().join("analytics-results");
    fs::write(&obstacle, b"").unwrap();
    let events = Events::default();
    let writer = Writer::spawn(store.clone(), &Handle::current(), events.listener());
    let rows = minutes("2026-11-23T02:00:00Z", 120);
    writer.send(rows.clone(), 120);
    until("failed", || !events.failures().is_empty(), &events).await;
    // Longer than the first two pauses, so that it has been tried again.
    sleep(Duration::from_millis(1700)).await;
    let failures = events.failures();
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert!(
        failures[0].contains(FIRST_HOUR) && failures[0].contains("Not a directory"),
        "{failures:?}"
    );
    assert_eq!(writer.durable(), None);

    fs::remove_file(&obstacle).unwrap();
    until("durable", || writer.durable() == Some(120), &events).await;
    assert_eq!(store.read_all().await.unwrap(), rows);
}

#[tokio::test(start_paused = true)]
async fn one_broken_file_holds_up_only_itself() {
    let folder = tempfile::tempdir().unwrap();
    let store = store_in(&folder).await;
    let rows = minutes("2026-11-23T02:00:00Z", 180);
    store.merge(&rows[..1]).await.unwrap();
    let file = folder.path().join(FIRST_HOUR);
    let whole = fs::read(&file).unwrap();
    fs::write(&file, b"broken").unwrap();

    let events = Events::default();
    let writer = Writer::spawn(store.clone(), &Handle::current(), events.listener());
    writer.send(vec![row(at("2026-11-22T00:00:00Z"), 0)], 10);
    writer.send(rows.clone(), 190);
    until("the other hours", || events.files() == 3, &events).await;
    until("failed", || !events.failures().is_empty(), &events).await;
    assert_eq!(writer.durable(), Some(10));
    assert_eq!(events.failures().len(), 1);
    fs::write(&file, whole).unwrap();
    assert_eq!(writer.finish().await.unwrap(), Some(190));
}

#[tokio::test(start_paused = true)]
async fn finish_gives_a_storage_up_that_stays_away() {
    let folder = tempfile::tempdir().unwrap();
    let store = store_in(&folder).await;
    fs::write(folder.path().join("analytics-results"), b"").unwrap();
    let writer = Writer::spawn(store, &Handle::current(), |_| {});
    writer.send(minutes("2026-11-23T02:00:00Z", 10 * 60), 600);
    let began = Instant::now();
    let error = writer.finish().await.unwrap_err();
    assert!(error.to_string().contains("Not a directory"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[tokio::test]
async fn rows_sent_again_and_revisions_cost_no_row() {
    let store = Store::open("memory:", JOB).await.unwrap();
    let writer = Writer::spawn(store.clone(), &Handle::current(), |_| {});
    let rows = minutes("2026-11-23T02:00:00Z", 5);
    let revised = row(rows[2].window_start(), 3);
    writer.send(rows.clone(), 5);
    writer.send(vec![revised], 6);
    writer.send(rows.clone(), 11);
    assert_eq!(writer.finish().await.unwrap(), Some(11));
    let mut expected = rows;
    expected[2] = revised;
    assert_eq!(store.read_all().await.unwrap(), expected);
}

#[tokio::test]
async fn while_a_bucket_is_away_rows_wait_the_failure_is_told_once_and_several_files_are_written_at_a_time() {
    let Some(bucket) = Bucket::s3() else { return };
    let gate = Gate::before(&bucket.endpoint);
    let settings: Vec<_> = bucket
        .settings
        .iter()
        .map(|(name, value)| {
            (
                name.clone(),
                if name == "AWS_ENDPOINT" {
                    gate.endpoint()
                } else {
                    value.clone()
                },
            )
        })
        .collect();
    let store = Store::open_with(&bucket.url, JOB, &settings).await.unwrap();
    let events = Events::default();
    let writer = Writer::spawn(store.clone(), &Handle::current(), events.listener());
    gate.shut();
    let rows = minutes("2026-11-23T02:00:00Z", 24 * 60);
    writer.send(rows.clone(), 1440);
    until("failed", || !events.failures().is_empty(), &events).await;
    let refused = gate.refused();
    until("tried again", || gate.refused() > refused + 12, &events).await;
    gate.open();
    until("durable", || writer.durable() == Some(1440), &events).await;
    // A broken connection has several faces (reset, closed, ...), whatever the hour at which one shows: each is told once.
    let failures = events.failures();
    let faces: BTreeSet<&str> = failures
        .iter()
        .map(|text| text.split_once(".parquet: ").unwrap().1)
        .collect();
    assert_eq!(faces.len(), failures.len(), "{failures:?}");
    assert!(faces.iter().all(|face| !face.contains("hour=")), "{failures:?}");
    assert!(gate.most_at_once() > 1);
    assert_eq!(store.read_all().await.unwrap(), rows);
}

#[tokio::test]
async fn rows_can_be_sent_from_a_thread_without_a_runtime() {
    let store = Store::open("memory:", JOB).await.unwrap();
    let writer = Writer::spawn(store.clone(), &Handle::current(), |_| {});
    let rows = minutes("2026-11-23T02:00:00Z", 5);
    let sent = rows.clone();
    let writer = std::thread::spawn(move || {
        writer.send(sent, 5);
        writer
    })
    .join()
    .unwrap();
    assert_eq!(writer.finish().await.unwrap(), Some(5));
    assert_eq!(store.read_all().await.unwrap(), rows);
}
