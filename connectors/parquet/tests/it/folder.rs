//! A folder of this machine.

use std::fs::{self, File};
use std::path::PathBuf;

use tempfile::TempDir;
use weir_parquet::{Store, StoreError};
use weir_proto::AnalyticsResult;

use crate::store::concurrent_writers_lose_nothing;
use crate::support::{JOB, minutes};

pub(crate) const FIRST_HOUR: &str = "analytics-results/date=2026-11-23/hour=02/windows.parquet";

pub(crate) async fn store_in(folder: &TempDir) -> Store {
    Store::open(folder.path().to_str().unwrap(), JOB).await.unwrap()
}

/// All files below a folder, relative to it, in order.
fn files(folder: &TempDir) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(below) = folders.pop() {
        for entry in fs::read_dir(folder.path().join(&below)).unwrap() {
            let entry = entry.unwrap();
            let path = below.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                folders.push(path)
            } else {
                found.push(path)
            }
        }
    }
    let mut found: Vec<_> = found
        .into_iter()
        .map(|path| path.to_str().unwrap().to_owned())
        .collect();
    found.sort();
    found
}

#[tokio::test]
async fn files_lie_by_date_and_hour_and_nothing_else_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let store = store_in(&folder).await;
    store.merge(&minutes("2026-11-23T02:30:00Z", 60)).await.unwrap();
    let second = "analytics-results/date=2026-11-23/hour=03/windows.parquet";
    assert_eq!(files(&folder), ["_job", "_lock", FIRST_HOUR, second]);
}

#[tokio::test]
async fn a_file_url_and_a_path_are_the_same_place_and_folders_are_made() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("not yet/there");
    let store = Store::open(deep.to_str().unwrap(), JOB).await.unwrap();
    let rows = minutes("2026-11-23T02:00:00Z", 5);
    store.merge(&rows).await.unwrap();
    let url = format!("file://{}", deep.to_str().unwrap().replace(' ', "%20"));
    assert_eq!(
        Store::open(&url, JOB).await.unwrap().read_all().await.unwrap(),
        rows
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_writers_to_a_folder_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let stores = [
        store_in(&folder).await,
        store_in(&folder).await,
        store_in(&folder).await,
    ];
    concurrent_writers_lose_nothing(stores).await;
}

#[tokio::test]
async fn what_a_killed_writer_left_is_removed_and_foreign_files_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let rows = minutes("2026-11-23T02:00:00Z", 5);
    store_in(&folder).await.merge(&rows).await.unwrap();
    fs::write(folder.path().join("_tmp"), b"PAR1 half a fi").unwrap();
    let foreign = folder
        .path()
        .join("analytics-results/date=2026-11-23/hour=02/mine.parquet");
    fs::write(&foreign, b"something else").unwrap();
    fs::create_dir(folder.path().join("analytics-results/date=today")).unwrap();

    assert_eq!(store_in(&folder).await.read_all().await.unwrap(), rows);
    assert!(!folder.path().join("_tmp").exists());
    assert!(foreign.exists());
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = store_in(&folder).await;
    // A file in the way stops every user, root too.
    fs::write(folder.path().join("analytics-results"), b"").unwrap();
    let error = store
        .merge(&minutes("2026-11-23T02:00:00Z", 1))
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }) && !error.is_configuration());
    let text = error.to_string();
    assert!(
        text.contains(folder.path().join(FIRST_HOUR).to_str().unwrap()),
        "{text}"
    );
    assert!(text.contains("Not a directory"), "{text}");

    let below_a_file = folder.path().join("analytics-results/x");
    let error = Store::open(below_a_file.to_str().unwrap(), JOB)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("Not a directory"), "{error}");
}

#[tokio::test]
async fn a_lock_that_another_process_keeps_is_named_with_its_holder() {
    let folder = tempfile::tempdir().unwrap();
    let store = store_in(&folder).await;
    // A lock belongs to an open file: this one is as good as another process.
    let holder = File::options()
        .read(true)
        .write(true)
        .open(folder.path().join("_lock"))
        .unwrap();
    holder.lock().unwrap();
    let error = store
        .merge(&minutes("2026-11-23T02:00:00Z", 1))
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    assert!(
        error.to_string().contains(&format!("pid {}", std::process::id())),
        "{error}"
    );
    holder.unlock().unwrap();
    store.merge(&minutes("2026-11-23T02:00:00Z", 1)).await.unwrap();
}

#[tokio::test]
async fn a_place_that_is_ours_can_be_opened_while_it_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let rows = minutes("2026-11-23T02:00:00Z", 5);
    store_in(&folder).await.merge(&rows).await.unwrap();
    // Stops writing for every user, root too.
    fs::remove_file(folder.path().join("_lock")).unwrap();
    fs::create_dir(folder.path().join("_lock")).unwrap();
    let store = store_in(&folder).await;
    assert_eq!(store.read_all().await.unwrap(), rows);
    let error = store.merge(&rows[..1]).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
}

/// Merging fails for now, as it does while a storage is away.
async fn is_waited_for(store: &Store, rows: &[AnalyticsResult]) {
    let error = store.merge(rows).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
}

#[tokio::test]
async fn a_root_that_vanished_is_waited_for_and_not_made_anew() {
    let parent = tempfile::tempdir().unwrap();
    let (root, away) = (parent.path().join("root"), parent.path().join("away"));
    let store = Store::open(root.to_str().unwrap(), JOB).await.unwrap();
    let rows = minutes("2026-11-23T02:00:00Z", 5);
    store.merge(&rows[..2]).await.unwrap();

    fs::rename(&root, &away).unwrap();
    is_waited_for(&store, &rows).await;
    assert!(!root.exists());
    // What a volume leaves that is not mounted.
    fs::create_dir(&root).unwrap();
    is_waited_for(&store, &rows).await;
    assert_eq!(fs::read_dir(&root).unwrap().count(), 0);

    fs::remove_dir(&root).unwrap();
    fs::rename(&away, &root).unwrap();
    store.merge(&rows).await.unwrap();
    assert_eq!(store.read_all().await.unwrap(), rows);
}

#[tokio::test]
async fn a_place_that_was_emptied_and_taken_by_another_job_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    let store = Store::open(root.to_str().unwrap(), JOB).await.unwrap();
    fs::remove_dir_all(&root).unwrap();
    let other = Store::open(root.to_str().unwrap(), "another").await.unwrap();
    let rows = minutes("2026-11-23T02:00:00Z", 5);
    let error = store.merge(&rows).await.unwrap_err();
    assert!(matches!(error, StoreError::OwnedBy { .. }), "{error}");
    assert_eq!(other.read_all().await.unwrap(), []);
}

#[tokio::test]
async fn a_lock_file_that_was_deleted_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = store_in(&folder).await;
    let frozen = File::open(folder.path().join("_lock")).unwrap();
    frozen.lock().unwrap();
    fs::remove_file(folder.path().join("_lock")).unwrap();
    let rows = minutes("2026-11-23T02:00:00Z", 5);
    store.merge(&rows).await.unwrap();
    assert_eq!(store.read_all().await.unwrap(), rows);
}

#[tokio::test]
async fn on_a_full_disk_the_error_says_so_the_old_file_stands_and_the_next_attempt_succeeds() {
    let folder = tempfile::tempdir().unwrap();
    let store = store_in(&folder).await;
    let rows = minutes("2026-11-23T02:00:00Z", 5);
    store.merge(&rows[..2]).await.unwrap();
    // Takes no byte. Whoever fails to write there gives the name back.
    std::os::unix::fs::symlink("/dev/full", folder.path().join("_tmp")).unwrap();
    let error = store.merge(&rows).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    assert!(error.to_string().contains("No space left on device"), "{error}");
    assert_eq!(store.read_all().await.unwrap(), rows[..2]);
    store.merge(&rows).await.unwrap();
    assert_eq!(store.read_all().await.unwrap(), rows);
}
