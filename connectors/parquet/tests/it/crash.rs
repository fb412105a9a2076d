//! A writer killed at any moment.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use weir_parquet::Store;

use crate::support::{JOB, MINUTE, at, later, row};

const CHILD_FOLDER: &str = "WEIR_PARQUET_TEST_CHILD_FOLDER";

/// The other process of the test below; does nothing in a usual run.
#[tokio::test]
async fn child_that_writes_until_it_is_killed() {
    let Ok(folder) = env::var(CHILD_FOLDER) else {
        return;
    };
    let store = Store::open(&folder, JOB).await.unwrap();
    let done = store.read_all().await.unwrap().len();
    for number in i64::try_from(done).unwrap().. {
        store
            .merge(&[row(later(at("2026-11-23T02:00:00Z"), number * MINUTE), 0)])
            .await
            .unwrap();
        writeln!(std::io::stdout(), "stored {}", number + 1).unwrap();
    }
}

/// Lets the child write for a while, kills it, and returns how many rows it said it had stored.
fn write_and_kill(folder: &Path, after: Duration) -> usize {
    let mut child = Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "crash::child_that_writes_until_it_is_killed",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(CHILD_FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut stored = 0;
    let mut kill_at = None;
    // Kill only once it writes, so that each round hits the writing.
    for line in &mut lines {
        let Some(number) = line
            .unwrap()
            .strip_prefix("stored ")
            .and_then(|text| text.parse().ok())
        else {
            continue;
        };
        stored = number;
        if Instant::now() >= *kill_at.get_or_insert_with(|| Instant::now() + after) {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    for line in lines {
        stored = line
            .unwrap()
            .strip_prefix("stored ")
            .and_then(|text| text.parse().ok())
            .unwrap_or(stored);
    }
    stored
}

#[tokio::test]
async fn a_writer_killed_at_any_moment_leaves_whole_files_with_all_it_had_stored() {
    let folder = tempfile::tempdir().unwrap();
    let mut least = 0;
    for round in 0..12 {
        let stored = write_and_kill(folder.path(), Duration::from_micros(round * 1777));
        let results = Store::open(folder.path().to_str().unwrap(), JOB)
            .await
            .unwrap()
            .read_all()
            .await
            .unwrap();
        assert!(
            results.len() >= stored && stored > least,
            "{} rows, {stored} stored, {least} before",
            results.len()
        );
        for (number, result) in (0..).zip(&results) {
            assert_eq!(
                *result,
                row(later(at("2026-11-23T02:00:00Z"), number * MINUTE), 0)
            );
        }
        least = stored;
    }
}
