//! Transactions that are decided between their statements, alone and together with others.

use std::time::Duration;

use futures::FutureExt as _;
use futures::future::join_all;
use http::{HeaderMap, HeaderValue};
use service_common::context::{Context, REQUEST_ID};
use service_common::database::{Database, DatabaseOptions, Kind, Row, Statement, for_update};
use service_common::failure::{Code, Failure};
use sqlx::Row as _;
use test_support::databases::on_each_database;

use crate::database::{STEPS, insert};

async fn open(options: &DatabaseOptions) -> Database {
    Database::open(options, "one", STEPS).await.unwrap()
}

async fn opened(url: &str) -> Database {
    open(&DatabaseOptions::of(url.parse().unwrap())).await
}

/// The counters by name.
async fn counters(database: &Database) -> Vec<(String, i64)> {
    sqlx::query_as("SELECT name, value FROM counters ORDER BY name")
        .fetch_all(database.pool())
        .await
        .unwrap()
}

/// Counts a counter on by one; gives what was read of it and the rows of the change.
async fn count_on(database: &Database, name: &str) -> Result<(i64, Vec<Row>), Failure> {
    let read = for_update!(database, "SELECT value FROM counters WHERE name = $1");
    let read = Statement::new(read).bind(name);
    let raised = name.to_owned();
    let decide = move |rows: &[Row]| {
        let value: i64 = rows[0].try_get("value")?;
        let raise = "UPDATE counters SET value = $2 WHERE name = $1 RETURNING name, value";
        let raise = Statement::new(raise).bind(&raised).bind(value + 1);
        Ok((vec![raise], value))
    };
    database.transact(name, vec![read], decide).await
}

/// Stores a counter, then a second one; `None`: then decides not to.
async fn store_two(database: &Database, first: &str, second: Option<&str>) -> Result<usize, Failure> {
    let then = second.map(ToOwned::to_owned);
    let decide = move |rows: &[Row]| match &then {
        Some(second) => Ok((vec![insert(second, 2)], rows.len())),
        None => Err(Failure::new(Code::OrderState, "it is not to be")),
    };
    let (rows, _) = database.transact(first, vec![insert(first, 1)], decide).await?;
    Ok(rows)
}

#[test]
fn each_gets_its_own_rows_and_of_one_subject_one_goes_after_the_other() {
    on_each_database(async |url| {
        let database = opened(&url).await;
        database
            .write(vec![insert("a", 0), insert("b", 100), insert("c", 200)])
            .await
            .unwrap();
        let names = ["a", "b", "a", "c", "a", "b", "a"];
        let counted = join_all(names.map(|name| count_on(&database, name))).await;
        let mut seen = Vec::new();
        for (name, counted) in names.into_iter().zip(counted) {
            let (read, rows) = counted.unwrap();
            let row: (String, i64) = (rows[0].get("name"), rows[0].get("value"));
            assert_eq!((rows.len(), row), (1, (name.to_owned(), read + 1)));
            seen.push(read);
        }
        seen.sort_unstable();
        assert_eq!(seen, [0, 1, 2, 3, 100, 101, 200]);
        let left = [("a", 4), ("b", 102), ("c", 201)].map(|(name, value)| (name.to_owned(), value));
        assert_eq!(counters(&database).await, left);
    });
}

#[test]
fn each_is_decided_as_a_part_of_its_request() {
    on_each_database(async |url| {
        let database = opened(&url).await;
        let asked = |id: &'static str| {
            let database = &database;
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_static(id));
            Context::of(&headers).scope(async move {
                let decide = |_: &[Row]| Ok::<_, Failure>((Vec::new(), Context::current()));
                let (decided, _) = database.transact(id, vec![insert(id, 0)], decide).await.unwrap();
                decided.unwrap().request_id
            })
        };
        let ids = join_all(["a", "b", "c"].map(asked)).await;
        assert_eq!(ids, ["a", "b", "c"].map(Into::into));
    });
}

/// Counts the counters so many times and stores one of this name, where that is to be; gives how many there were.
async fn store_seeing(database: &Database, name: String, times: usize, is_to_be: bool) -> Option<i64> {
    let count = Statement::new("SELECT COUNT(*) AS counters FROM counters");
    let stored = name.clone();
    let decide = move |rows: &[Row]| match is_to_be {
        true => Ok((vec![insert(&stored, 0)], rows[0].try_get("counters")?)),
        false => Err(Failure::new(Code::OrderState, "it is not to be")),
    };
    let seen = database.transact(&name, vec![count; times], decide).await;
    seen.ok().map(|(seen, _)| seen)
}

#[test]
fn those_that_wait_for_their_turn_go_together() {
    on_each_database(async |url| {
        let database = opened(&url).await;
        if database.kind() == Kind::Postgres {
            // There they do not wait for each other.
            return;
        }
        let held = database.begin().await.unwrap();
        let mut storing = Box::pin(join_all((0..23).map(|n| {
            // Two of them are not to be: the others of their group stay together.
            store_seeing(&database, n.to_string(), 1, n != 3 && n != 17)
        })));
        assert!(storing.as_mut().now_or_never().is_none());
        held.rollback().await.unwrap();
        // Sixteen at most, and as many as a power of two: none of them sees what another of them stores.
        let expected = (0..23).map(|n| match n {
            3 | 17 => None,
            0..16 => Some(0),
            16..20 => Some(15),
            20..22 => Some(18),
            _ => Some(20),
        });
        assert_eq!(storing.await, expected.collect::<Vec<_>>());
    });
}

#[test]
fn of_those_that_begin_with_many_statements_few_go_together() {
    on_each_database(async |url| {
        let database = opened(&url).await;
        if database.kind() == Kind::Postgres {
            return;
        }
        let held = database.begin().await.unwrap();
        let sizes = [(33, "a"), (20, "b"), (33, "c"), (20, "d"), (20, "e")];
        let mut storing =
            Box::pin(join_all(sizes.map(|(times, name)| {
                store_seeing(&database, name.to_owned(), times, true)
            })));
        assert!(storing.as_mut().now_or_never().is_none());
        held.rollback().await.unwrap();
        assert_eq!(storing.await, [0, 1, 3, 1, 4].map(Some));
    });
}

#[test]
fn one_that_fails_does_nothing_and_harms_no_other() {
    on_each_database(async |url| {
        let database = opened(&url).await;
        database.write(vec![insert("there", 0)]).await.unwrap();
        let held = match database.kind() {
            // So that they do wait for each other.
            Kind::Sqlite => Some(database.begin().await.unwrap()),
            Kind::Postgres => None,
        };
        let pairs = [
            ("a", Some("a2")),
            ("b", None),
            ("c", Some("c2")),
            ("d", Some("there")),
            ("there", Some("e2")),
            ("f", Some("f2")),
        ];
        let storing = pairs.map(|(first, second)| store_two(&database, first, second));
        let mut storing = Box::pin(join_all(storing));
        assert!(storing.as_mut().now_or_never().is_none());
        drop(held);
        let codes = storing
            .await
            .into_iter()
            .map(|stored| stored.map_err(|failure| failure.code));
        let internal = Err(Code::Internal);
        let expected = [Ok(1), Err(Code::OrderState), Ok(1), internal, internal, Ok(1)];
        assert_eq!(codes.collect::<Vec<_>>(), expected);
        let names = counters(&database).await.into_iter().map(|(name, _)| name);
        let names: Vec<String> = names.collect();
        assert_eq!(names, ["a", "a2", "c", "c2", "f", "f2", "there"]);
    });
}

#[test]
fn one_that_panics_harms_nobody_but_itself() {
    on_each_database(async |url| {
        let database = opened(&url).await;
        let panics = database.clone();
        let panicked = tokio::spawn(async move {
            let decide =
                |_: &[Row]| -> Result<(Vec<Statement>, ()), Failure> { panic!("as the test wants it") };
            panics.transact("a", vec![insert("a", 0)], decide).await
        });
        assert!(panicked.await.is_err_and(|error| error.is_panic()));
        store_two(&database, "b", Some("c")).await.unwrap();
        let left = [("b".to_owned(), 1), ("c".to_owned(), 2)];
        assert_eq!(counters(&database).await, left);
    });
}

#[test]
fn one_that_is_not_waited_for_any_more_does_not_begin() {
    on_each_database(async |url| {
        let database = opened(&url).await;
        let held = match database.kind() {
            Kind::Sqlite => database.begin().await.unwrap(),
            Kind::Postgres => return,
        };
        let mut given_up = Box::pin(store_two(&database, "a", Some("b")));
        assert!(given_up.as_mut().now_or_never().is_none());
        let mut stays = Box::pin(store_two(&database, "c", Some("d")));
        assert!(stays.as_mut().now_or_never().is_none());
        drop(given_up);
        held.rollback().await.unwrap();
        stays.await.unwrap();
        let left = [("c".to_owned(), 1), ("d".to_owned(), 2)];
        assert_eq!(counters(&database).await, left);
    });
}

#[test]
fn one_that_waits_too_long_or_for_a_database_that_is_closed_is_told_so() {
    on_each_database(async |url| {
        let options = DatabaseOptions {
            acquire_timeout: Duration::from_millis(50),
            pool_size: 1,
            ..DatabaseOptions::of(url.parse().unwrap())
        };
        let database = open(&options).await;
        let held = database.begin().await.unwrap();
        let refused = store_two(&database, "a", Some("b")).await.unwrap_err();
        assert_eq!(refused.code, Code::Overloaded);
        held.rollback().await.unwrap();
        let again = async { while store_two(&database, "a", Some("b")).await.is_err() {} };
        let patience = Duration::from_secs(60);
        tokio::time::timeout(patience, again)
            .await
            .expect("there is no turn");
        database.close().await;
        let refused = store_two(&database, "c", Some("d")).await.unwrap_err();
        assert_eq!(refused.code, Code::Unavailable);
    });
}
