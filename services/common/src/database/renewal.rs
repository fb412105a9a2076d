//! Another password of the database, without a restart.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::any::AnyConnectOptions;
use sqlx::{AnyPool, ConnectOptions, Connection};

use super::{DatabaseUrl, Kind};

/// How often the file is looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Follows the file that the database's URL is in until the pool is closed. Where it holds another URL than before, and the
/// database lets one in by that, connections are made by it from then on; those that are open stay. Until then, and where the
/// file cannot be read, all stays as it is.
pub(super) async fn follow(file: &Path, mut known: DatabaseUrl, pool: AnyPool) {
    let mut told = None;
    while !pool.is_closed() {
        match renewed(file, &known).await {
            Ok(None) => told = None,
            Ok(Some((url, connect))) => {
                pool.set_connect_options(connect);
                tracing::info!(database = %url, "the database's URL has changed");
                (known, told) = (url, None);
            }
            // Once, however long it lasts.
            Err(error) if told.as_ref() != Some(&error) => {
                tracing::warn!(file = %file.display(), %error, "the URL in this file is not taken; the last one stays");
                told = Some(error);
            }
            Err(_) => {}
        }
        tokio::select! {
            () = pool.close_event() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// What the file holds, if that is another URL and one that the database lets in by. An error does not repeat the URL, which
/// holds a password.
async fn renewed(
    file: &Path,
    known: &DatabaseUrl,
) -> Result<Option<(DatabaseUrl, AnyConnectOptions)>, String> {
    let text = tokio::fs::read_to_string(file).await;
    let text = text.map_err(|error| error.to_string())?;
    let url = DatabaseUrl::from_str(text.trim()).map_err(|error| error.to_string())?;
    if url == *known {
        return Ok(None);
    }
    if url.kind() != Kind::Postgres {
        return Err("it is no `postgres://` URL".to_owned());
    }
    let connect = url.connect().map_err(|error| error.to_string())?;
    let connection = connect.connect().await.map_err(|error| error.to_string())?;
    // That it was let in is all that was asked.
    let _ = connection.close().await;
    Ok(Some((url, connect)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_lets_nobody_in_is_not_taken_and_no_password_is_told() {
        sqlx::any::install_default_drivers();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("DATABASE_URL");
        let known: DatabaseUrl = "postgres://u:a-secret@db/shop".parse().unwrap();
        assert!(renewed(&file, &known).await.is_err(), "no file");
        for wrong in [
            "",
            "a-secret",
            "sqlite:a-secret.db",
            "postgres://u:a-secret@localhost:port/shop",
            // Nobody listens there.
            "postgres://u:a-secret@127.0.0.1:1/shop",
        ] {
            std::fs::write(&file, wrong).unwrap();
            let error = renewed(&file, &known).await.err().unwrap();
            assert!(!error.contains("a-secret"), "{error}");
        }
        std::fs::write(&file, "postgres://u:a-secret@db/shop\n").unwrap();
        assert!(renewed(&file, &known).await.unwrap().is_none(), "the same");
    }
}
