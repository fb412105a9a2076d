//! A password that changes while the service runs: here a user, as the PostgreSQL of the tests asks for no password.

use std::path::Path;

use service_common::database::{Database, DatabaseOptions};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use test_support::databases::PostgresDatabase;
use test_support::patience::eventually;
use test_support::servers::needed;
use tokio::runtime::Runtime;
use uuid::Uuid;

#[test]
fn connections_are_made_by_the_url_in_the_file_once_it_changes() {
    let what = "the URL of a PostgreSQL whose user may make databases";
    let Some(server) = needed("WEIR_TEST_POSTGRES", what) else {
        return;
    };
    let runtime = Runtime::new().unwrap();
    let place = runtime.block_on(PostgresDatabase::make(&server));
    let mut owner = runtime.block_on(PgConnection::connect(&place.url)).unwrap();
    let mut run = |statement: String| {
        runtime.block_on(owner.execute(AssertSqlSafe(statement))).unwrap();
    };
    let [before, after] = ["before", "after"].map(|name| format!("{name}_{}", Uuid::new_v4().simple()));
    for user in [&before, &after] {
        run(format!("CREATE ROLE {user} LOGIN SUPERUSER"));
    }
    let (_, at) = place.url.rsplit_once('@').unwrap();
    let url = |user: &str| format!("postgres://{user}@{at}");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("DATABASE_URL");
    write(&file, "not yet");
    let options = DatabaseOptions {
        url_file: Some(file.clone()),
        pool_size: 1,
        ..DatabaseOptions::of(url(&before).parse().unwrap())
    };
    let database = runtime.block_on(Database::open(&options, "one", &[])).unwrap();
    assert_eq!(runtime.block_on(who(&database)).unwrap(), before);

    write(&file, &format!("{}\n", url(&after)));
    run(format!("ALTER ROLE {before} NOLOGIN"));
    // An open connection outlives that; here it is lost as well.
    run(format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{before}'"
    ));
    eventually("the other user", || match runtime.block_on(who(&database)) {
        Ok(user) if user == after => Ok(()),
        seen => Err(format!("{seen:?}")),
    });

    runtime.block_on(database.close());
    for user in [&before, &after] {
        run(format!("REASSIGN OWNED BY {user} TO CURRENT_USER"));
        run(format!("DROP ROLE {user}"));
    }
    runtime.block_on(owner.close()).unwrap();
    runtime.block_on(place.drop());
}

/// As secrets are mounted: another file takes the name.
fn write(file: &Path, text: &str) {
    let new = file.with_extension("new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(&new, file).unwrap();
}

/// Who the database takes a connection of the pool for.
async fn who(database: &Database) -> sqlx::Result<String> {
    let asked = sqlx::query_scalar("SELECT current_user::text");
    asked.fetch_one(database.pool()).await
}
