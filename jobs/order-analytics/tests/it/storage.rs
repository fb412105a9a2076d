//! A Parquet folder that cannot be written holds nobody up, and gets everything in the end.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use test_support::patience::eventually;
use test_support::servers::shared_dev_broker;

use crate::job::Job;
use crate::stage::{Stage, orders};

fn files(root: &Path) -> usize {
    let mut found = 0;
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "parquet") {
                found += 1;
            }
        }
    }
    found
}

#[test]
fn a_folder_that_turns_out_to_be_another_jobs_ends_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let parent = folder.path().join("parent");
    std::fs::write(&parent, "in the way").unwrap();
    let others = folder.path().join("others");
    std::fs::create_dir_all(others.join("windows")).unwrap();
    std::fs::write(others.join("windows/_job"), r#"{"job_id":"another"}"#).unwrap();
    let stage = Stage::new(&shared_dev_broker());
    let root = parent.join("windows");
    let mut job = Job::start(&stage.arguments(&["--parquet", root.to_str().unwrap()]));
    job.says("Parquet cannot be written");
    std::fs::remove_file(&parent).unwrap();
    std::fs::rename(&others, &parent).unwrap();
    job.ends_with(64, Duration::from_secs(60));
    assert!(job.stderr().contains("parquet: "), "{}", job.stderr());
    assert!(job.stderr().contains("\"exit_code\":64"), "{}", job.stderr());
}

#[test]
fn a_read_only_folder_is_named_and_retried_and_gets_everything_once_it_may_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    std::fs::set_permissions(root, Permissions::from_mode(0o555)).unwrap();
    let stage = Stage::new(&shared_dev_broker());
    stage.make("orders", 1);
    let orders = orders(400, 2, 0);
    stage.write_orders(&orders, 1);
    let mut job = Job::start_bound_by_permissions(&stage.arguments(&["--parquet", root.to_str().unwrap()]));
    eventually("results", || match stage.read("results").len() {
        windows if windows >= 3 => Ok(()),
        windows => Err(format!("{windows}")),
    });
    job.says("Parquet cannot be written");
    job.says("Permission denied");
    job.says(root.to_str().unwrap());
    assert!(job.metric("order_analytics_parquet_failures_total") > 0);
    assert!(job.metric("order_analytics_parquet_waiting_results") >= 3);
    assert_eq!(files(root), 0);

    std::fs::set_permissions(root, Permissions::from_mode(0o755)).unwrap();
    eventually("that all results are in storage", || {
        match job.metric("order_analytics_parquet_waiting_results") {
            0 => Ok(()),
            waiting => Err(format!("{waiting} wait")),
        }
    });
    assert_eq!(files(root), 1);
}

#[test]
fn a_folder_that_cannot_be_written_is_retried_while_results_go_on() {
    let folder = tempfile::tempdir().unwrap();
    // A file where a folder should be.
    let parent = folder.path().join("parent");
    std::fs::write(&parent, "in the way").unwrap();
    let root = parent.join("windows");
    let stage = Stage::new(&shared_dev_broker());
    stage.make("orders", 1);
    let first = orders(400, 2, 0);
    stage.write_orders(&first, 1);
    let mut job = Job::start(&stage.arguments(&["--parquet", root.to_str().unwrap()]));
    eventually("results", || {
        let windows = stage.read("results").len();
        if windows >= 3 {
            Ok(())
        } else {
            Err(format!("{windows}"))
        }
    });
    assert!(job.metric("order_analytics_parquet_failures_total") > 0);
    assert!(job.metric("order_analytics_parquet_waiting_results") >= 3);
    assert!(
        job.stderr().contains("Parquet cannot be written"),
        "{}",
        job.stderr()
    );
    assert_eq!((job.get("/health").0, job.get("/ready").0), (200, 200));

    std::fs::remove_file(&parent).unwrap();
    eventually("the first file", || match files(&root) {
        0 => Err("none".to_owned()),
        _ => Ok(()),
    });
    eventually("that all results are in storage", || {
        match job.metric("order_analytics_parquet_waiting_results") {
            0 => Ok(()),
            waiting => Err(format!("{waiting} wait")),
        }
    });

    // In mid-run: the place of the next hour is taken.
    let day = root.join("analytics-results/date=2026-01-01");
    std::fs::write(day.join("hour=01"), "in the way").unwrap();
    let failures = job.metric("order_analytics_parquet_failures_total");
    let second = orders(400, 2, 3_600);
    stage.write_orders(&second, 1);
    eventually("failures", || {
        let now = job.metric("order_analytics_parquet_failures_total");
        if now > failures {
            Ok(())
        } else {
            Err(format!("{now}"))
        }
    });
    // It ends all the same.
    job.signal(nix::sys::signal::Signal::SIGTERM);
    job.ends_with(0, Duration::from_secs(30));

    // A bounded run does not call itself complete without its files.
    let bounded = stage.arguments(&["--bounded", "--parquet", root.to_str().unwrap()]);
    let mut job = Job::start(&bounded);
    job.ends_with(69, Duration::from_secs(60));
    assert!(job.stderr().contains("Parquet lacks"), "{}", job.stderr());
    std::fs::remove_file(day.join("hour=01")).unwrap();
    Job::start(&bounded).ends_with(0, Duration::from_secs(60));
    assert_eq!(files(&root), 2);
    let all: Vec<_> = first.into_iter().chain(second).collect();
    stage.holds(&all, 60);
}
