//! Databases for tests: each test has its own, on SQLite and on PostgreSQL.

use std::future::Future;

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::servers::{apache_kafka, needed, shared_dev_broker};

/// Runs a test on a new SQLite database, then on a new PostgreSQL one unless that is to be skipped. The test is given its URL.
///
/// # Panics
/// When a database cannot be made, or nothing may be skipped; see [`needed`].
#[track_caller]
pub fn on_each_database<F>(test: impl Fn(String) -> F)
where
    F: Future<Output = ()>,
{
    let runtime = runtime();
    each_database_url(|url| runtime.block_on(test(url.to_owned())));
}

/// As [`on_each_database`], with a broker beside each: the development broker beside SQLite, Apache Kafka beside PostgreSQL
/// unless that is to be skipped. The test is given the URL, and `host:port` of the broker.
///
/// # Panics
/// As [`on_each_database`].
#[track_caller]
pub fn on_each_ground<F>(test: impl Fn(String, String) -> F)
where
    F: Future<Output = ()>,
{
    let runtime = runtime();
    each_database_url(|url| {
        let beside = match url.starts_with("postgres") {
            true => apache_kafka(),
            false => None,
        };
        let kafka = beside.unwrap_or_else(shared_dev_broker);
        runtime.block_on(test(url.to_owned(), kafka));
    });
}

/// As [`on_each_database`], for a test that has runtimes of its own.
///
/// # Panics
/// As [`on_each_database`].
#[track_caller]
pub fn each_database_url(test: impl Fn(&str)) {
    eprintln!("on SQLite");
    let folder = tempfile::tempdir().expect("there is room for a folder");
    test(&format!("sqlite:{}", folder.path().join("test.db").display()));
    let what = "the URL of a PostgreSQL whose user may make databases";
    if let Some(server) = needed("WEIR_TEST_POSTGRES", what) {
        eprintln!("on PostgreSQL");
        let runtime = runtime();
        let database = runtime.block_on(PostgresDatabase::make(&server));
        test(&database.url);
        runtime.block_on(database.drop());
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("the system starts threads")
}

/// A database of one test on a server that all share.
#[derive(Debug)]
pub struct PostgresDatabase {
    server: String,
    name: String,
    /// Where it is.
    pub url: String,
}

impl PostgresDatabase {
    /// Makes one on the server at this URL.
    ///
    /// # Panics
    /// When it cannot be made.
    pub async fn make(server: &str) -> PostgresDatabase {
        let name = format!("test_{}", Uuid::new_v4().simple());
        execute(server, format!("CREATE DATABASE {name}")).await;
        let (base, _) = server.rsplit_once('/').expect("a URL with a database");
        PostgresDatabase {
            server: server.to_owned(),
            url: format!("{base}/{name}"),
            name,
        }
    }

    /// Deletes it, whoever is still connected.
    ///
    /// # Panics
    /// When it cannot be deleted.
    pub async fn drop(self) {
        execute(&self.server, format!("DROP DATABASE {} WITH (FORCE)", self.name)).await;
    }
}

async fn execute(server: &str, statement: String) {
    let mut connection = PgConnection::connect(server)
        .await
        .expect("the PostgreSQL of the tests can be reached");
    connection
        .execute(AssertSqlSafe(statement))
        .await
        .expect("its user may make and drop databases");
}
