//! The stored format is a contract with the releases of before and of later.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;

use super::{PartitionProgress, Progress, Published, PublishedTotals, RejectedFrom};
use crate::settings::Settings;
use crate::status::Totals;

/// Never edited: what was written once must be read for ever.
const FIXTURE: &[u8] = include_bytes!("../../fixtures/v1/progress.json");
/// The same while windows are rebuilt after a lost progress.
const REBUILDING: &[u8] = include_bytes!("../../fixtures/v1/progress-rebuilding.json");

fn progress() -> Progress {
    let partition = |processed, resume, prior| PartitionProgress {
        processed,
        resume,
        prior,
    };
    Progress {
        version: 1,
        sequence: 42,
        instance: "5b1c9bd0-3f0e-4a36-9d3c-6f0d5a1d2c11".to_owned(),
        window: 60,
        lag: 10,
        max_ahead_ms: 60_000,
        currency: "USD".to_owned(),
        frontier: 1_767_225_790,
        final_until: 1_767_225_730,
        totals: Totals {
            consumed: 117,
            accepted: 100,
            duplicate: 7,
            ignored: 1,
            late: 4,
            invalid: 5,
        },
        parquet_position: Some(31),
        partitions: BTreeMap::from([
            (0, partition(60, 12, Some((59, Some(1_767_225_791_123))))),
            (1, partition(57, 57, Some((56, None)))),
            (2, partition(0, 0, None)),
        ]),
        rejected_from: Some(RejectedFrom {
            dlq: BTreeMap::from([(0, 9)]),
            late: BTreeMap::from([(0, 3), (1, 0)]),
        }),
        rebuilt_until: None,
        windows: BTreeMap::from([(
            1_767_225_720,
            Published {
                revision: 1,
                totals: PublishedTotals {
                    orders: 55,
                    cents: i128::MAX,
                    items: 110,
                    users: 17,
                },
            },
        )]),
    }
}

#[test]
fn the_first_version_is_read_and_written_as_it_always_was() {
    assert_eq!(Progress::read(FIXTURE).unwrap(), progress());
    assert_eq!(progress().to_json(), FIXTURE);
}

#[test]
fn a_rebuild_is_read_and_written_as_it_always_was() {
    let rebuilding = Progress {
        rebuilt_until: Some(1_767_225_840),
        ..progress()
    };
    assert_eq!(Progress::read(REBUILDING).unwrap(), rebuilding);
    assert_eq!(rebuilding.to_json(), REBUILDING);
}

#[test]
fn a_record_without_rejects_ahead_of_their_cut_does_not_mention_them() {
    let progress = Progress {
        rejected_from: None,
        ..progress()
    };
    let text = String::from_utf8(progress.to_json()).unwrap();
    assert!(!text.contains("rejected_from"), "{text}");
    assert_eq!(Progress::read(text.as_bytes()).unwrap(), progress);
}

#[test]
fn another_version_is_refused_by_its_number_whatever_else_it_holds() {
    let error = Progress::read(br#"{"version":2,"positions":[]}"#).unwrap_err();
    assert_eq!(error.exit_code(), 65);
    assert!(error.to_string().contains("version 2"), "{error}");
    for garbage in [&b"garbage"[..], b"{}", b"", b"{\"version\":1}"] {
        assert_eq!(Progress::read(garbage).unwrap_err().exit_code(), 65);
    }
}

#[test]
fn a_setting_that_gives_the_windows_their_meaning_may_not_change() {
    let settings = Settings::default();
    progress().check(&settings).unwrap();
    let seconds = std::time::Duration::from_secs;
    let changed = [
        (
            "window",
            Settings {
                window: seconds(120),
                ..Settings::default()
            },
        ),
        (
            "watermark-lag",
            Settings {
                watermark_lag: seconds(11),
                ..Settings::default()
            },
        ),
        (
            "max-ahead",
            Settings {
                max_ahead: seconds(0),
                ..Settings::default()
            },
        ),
        (
            "currency",
            Settings {
                currency: "EUR".to_owned(),
                ..Settings::default()
            },
        ),
    ];
    for (key, settings) in changed {
        let error = progress().check(&settings).unwrap_err();
        assert_eq!(error.exit_code(), 64);
        assert!(error.to_string().starts_with(key), "{error}");
    }
    let lateness = Settings {
        allowed_lateness: seconds(1),
        ..Settings::default()
    };
    progress().check(&lateness).unwrap();
}
