//! The errand that changes the schema before a new version starts.

use std::process::{Command, ExitStatus};

use order_service::store;
use service_common::database::{Database, DatabaseOptions};
use test_support::databases::on_each_database;

/// How it ended, and all that it said.
fn migrate(args: &[&str]) -> (ExitStatus, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_order-service"));
    command.arg("migrate").args(args).env_remove("DATABASE_URL");
    let output = command.output().unwrap();
    let told = [output.stdout, output.stderr].concat();
    (output.status, String::from_utf8(told).unwrap())
}

#[test]
fn a_schema_is_made_before_the_service_starts_and_nothing_changes_the_next_time() {
    on_each_database(async |url| {
        for _ in 0..2 {
            let (status, told) = migrate(&["--database-url", &url]);
            assert!(
                status.success() && told.contains("the schema is up to date"),
                "{told}"
            );
        }
        // Nothing is left to do: what the service would ask of it is there.
        let options = DatabaseOptions::of(url.parse().unwrap());
        let database = Database::open(&options, store::OWNER, &[]).await;
        assert!(database.is_err(), "the steps that were taken are not known");
        let database = Database::open(&options, store::OWNER, store::STEPS)
            .await
            .unwrap();
        let orders = sqlx::query("SELECT COUNT(*) FROM orders")
            .fetch_one(database.pool())
            .await;
        orders.unwrap();
        database.close().await;
    });
}

#[test]
fn what_is_wrong_with_its_settings_is_told_without_the_password() {
    let (_, missing) = migrate(&[]);
    assert!(missing.contains("--database-url"), "{missing}");
    let (status, told) = migrate(&["--database-url", "postgres://weir:hunter2@127.0.0.1:9/shop"]);
    assert_eq!(status.code(), Some(1), "{told}");
    assert!(
        told.contains("cannot open the database postgres://127.0.0.1:9/shop"),
        "{told}"
    );
    assert!(!told.contains("hunter2"), "{told}");
}
