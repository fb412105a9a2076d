//! One handle over SQLite and PostgreSQL.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use service_common::database::{Database, DatabaseOptions, Kind, Row, Statement, Step};
use service_common::failure::{Code, Failure};
use sqlx::Row as _;
use test_support::databases::on_each_database;

pub(crate) const STEPS: &[Step] = &[Step {
    version: 1,
    description: "counters",
    sql: "CREATE TABLE counters (name TEXT PRIMARY KEY, value BIGINT NOT NULL)",
}];

async fn open(url: &str, owner: &'static str) -> Database {
    let options = DatabaseOptions::of(url.parse().unwrap());
    Database::open(&options, owner, STEPS).await.unwrap()
}

async fn value(database: &Database) -> i64 {
    sqlx::query_scalar("SELECT value FROM counters WHERE name = 'a'")
        .fetch_one(database.pool())
        .await
        .unwrap()
}

#[test]
fn transactions_that_write_do_not_lose_each_others_changes() {
    on_each_database(async |url| {
        let database = open(&url, "one").await;
        let mut transaction = database.begin().await.unwrap();
        sqlx::query("INSERT INTO counters VALUES ('a', 0)")
            .execute(&mut *transaction)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        let tasks: Vec<_> = (0..20)
            .map(|_| {
                let database = database.clone();
                tokio::spawn(async move {
                    let mut transaction = database.begin().await.unwrap();
                    sqlx::query("UPDATE counters SET value = value + 1 WHERE name = 'a'")
                        .execute(&mut *transaction)
                        .await
                        .unwrap();
                    transaction.commit().await.unwrap();
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(value(&database).await, 20);
    });
}

#[test]
fn a_transaction_that_is_dropped_has_done_nothing() {
    on_each_database(async |url| {
        let database = open(&url, "one").await;
        let mut transaction = database.begin().await.unwrap();
        sqlx::query("INSERT INTO counters VALUES ('a', 7)")
            .execute(&mut *transaction)
            .await
            .unwrap();
        drop(transaction);
        let mut transaction = database.begin().await.unwrap();
        let rows: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM counters")
            .fetch_one(&mut *transaction)
            .await
            .unwrap();
        assert_eq!(rows, 0);
    });
}

pub(crate) fn insert(name: impl Into<String>, value: i64) -> Statement {
    Statement::new("INSERT INTO counters VALUES ($1, $2) RETURNING name")
        .bind(name.into())
        .bind(value)
}

#[test]
fn statements_that_go_together_are_all_done_or_none() {
    on_each_database(async |url| {
        let database = open(&url, "one").await;
        let (transaction, first) = database
            .begin_with(vec![insert("a", 1), insert("b", 2)])
            .await
            .unwrap();
        let raise = Statement::new("UPDATE counters SET value = value + $1 WHERE name = $2")
            .bind(10_i64)
            .bind("a");
        let last = transaction
            .commit_with(vec![raise, insert("c", 3)])
            .await
            .unwrap();
        let names = |rows: &[Row]| rows.iter().map(|row| row.get("name")).collect::<Vec<String>>();
        assert_eq!(
            (names(&first), names(&last)),
            (vec!["a".to_owned(), "b".to_owned()], vec!["c".to_owned()])
        );
        assert_eq!(value(&database).await, 11);

        let transaction = database.begin().await.unwrap();
        let twice = transaction
            .commit_with(vec![insert("d", 4), insert("a", 5), insert("e", 6)])
            .await;
        assert!(matches!(twice, Err(sqlx::Error::Database(_))));
        let twice = database.begin_with(vec![insert("d", 4), insert("a", 5)]).await;
        assert!(matches!(twice, Err(sqlx::Error::Database(_))));
        let twice = database.write(vec![insert("d", 4), insert("a", 5)]).await;
        assert!(matches!(twice, Err(sqlx::Error::Database(_))));
        drop(database.begin_with(vec![insert("e", 6)]).await.unwrap());
        assert_eq!(database.write(vec![insert("f", 7)]).await.unwrap().len(), 1);
        let mut transaction = database.begin().await.unwrap();
        let names: Vec<String> = sqlx::query_scalar("SELECT name FROM counters ORDER BY name")
            .fetch_all(&mut *transaction)
            .await
            .unwrap();
        assert_eq!(names, ["a", "b", "c", "f"]);
    });
}

#[test]
fn who_waits_too_long_for_the_turn_to_write_is_told_so_and_the_turn_comes_back() {
    on_each_database(async |url| {
        let options = DatabaseOptions {
            acquire_timeout: Duration::from_millis(50),
            pool_size: 1,
            ..DatabaseOptions::of(url.parse().unwrap())
        };
        let database = Database::open(&options, "one", STEPS).await.unwrap();
        let held = database.begin().await.unwrap();
        let refused = database.begin().await.unwrap_err();
        assert!(matches!(refused, sqlx::Error::PoolTimedOut), "{refused:?}");
        let failure = Failure::from(refused);
        assert_eq!(
            (failure.code, failure.retry_after),
            (Code::Overloaded, Some(Duration::from_secs(1)))
        );
        held.rollback().await.unwrap();
        // One that is no longer wanted leaves the turn as well, whatever it was at.
        let begin = Box::pin(database.begin());
        drop(tokio::time::timeout(Duration::ZERO, begin).await);
        let again = async { while database.begin().await.is_err() {} };
        let patience = Duration::from_secs(60);
        tokio::time::timeout(patience, again)
            .await
            .expect("there is no turn");
        database.close().await;
        let closed = database.begin().await.unwrap_err();
        assert!(matches!(closed, sqlx::Error::PoolClosed), "{closed:?}");
    });
}

#[test]
fn what_is_over_goes_however_much_it_is_and_nothing_else_does() {
    on_each_database(async |url| {
        let database = open(&url, "one").await;
        let mut transaction = database.begin().await.unwrap();
        let now_ms = transaction.now_ms().await.unwrap();
        for n in 0..2_500 {
            insert(format!("over-{n}"), now_ms - n)
                .execute(&mut transaction)
                .await
                .unwrap();
        }
        let later = insert("later", now_ms + 3_600_000);
        later.execute(&mut transaction).await.unwrap();
        transaction.commit().await.unwrap();
        let swept = database.sweep("counters", "name", "value <= $1").await;
        assert_eq!(swept.unwrap(), 2_500);
        let left: Vec<String> = sqlx::query_scalar("SELECT name FROM counters")
            .fetch_all(database.pool())
            .await
            .unwrap();
        assert_eq!(left, ["later"]);
        assert_eq!(
            database.sweep("counters", "name", "value <= $1").await.unwrap(),
            0
        );
    });
}

#[test]
fn a_row_that_another_holds_is_told_apart_from_a_database_that_is_slow() {
    on_each_database(async |url| {
        let options = DatabaseOptions {
            statement_timeout: Duration::from_millis(500),
            ..DatabaseOptions::of(url.parse().unwrap())
        };
        let database = Database::open(&options, "one", STEPS).await.unwrap();
        if database.kind() == Kind::Sqlite {
            // It has one writer, and no statement that only waits.
            return;
        }
        database.write(vec![insert("a", 1)]).await.unwrap();
        let change = "UPDATE counters SET value = 2 WHERE name = 'a'";
        let mut held = database.begin().await.unwrap();
        sqlx::query(change).execute(&mut *held).await.unwrap();
        let mut waits = database.begin().await.unwrap();
        let failure = Failure::from(sqlx::query(change).execute(&mut *waits).await.unwrap_err());
        assert_eq!(failure.code, Code::Contended);
        let slow = sqlx::query("SELECT pg_sleep(60)").execute(database.pool()).await;
        assert_eq!(Failure::from(slow.unwrap_err()).code, Code::Timeout);
    });
}

#[test]
fn a_schema_is_brought_up_to_date_once() {
    on_each_database(async |url| {
        open(&url, "one").await.close().await;
        open(&url, "one").await.close().await;
    });
}

#[test]
fn instances_that_start_together_make_one_schema() {
    on_each_database(async |url| {
        let opened: Vec<_> = (0..8)
            .map(|_| {
                let url = url.clone();
                tokio::spawn(async move { open(&url, "one").await })
            })
            .collect();
        for database in opened {
            database.await.unwrap().close().await;
        }
    });
}

#[test]
fn the_clock_is_the_databases_in_milliseconds() {
    on_each_database(async |url| {
        let database = open(&url, "one").await;
        let mut transaction = database.begin().await.unwrap();
        let now_ms = transaction.now_ms().await.unwrap();
        let ours = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let apart = i128::from(now_ms) - i128::try_from(ours.as_millis()).unwrap();
        assert!(
            apart.unsigned_abs() < Duration::from_secs(60).as_millis(),
            "{apart} ms"
        );
    });
}
