//! Opening a file of SQLite's one after the other.

use std::fs::File;

use super::DatabaseUrl;

/// A turn to open the file, which ends when this is dropped or its process dies: two that make a file and its schema at the
/// same time would each find half of what the other has made. PostgreSQL sees to that by itself.
///
/// # Errors
/// The file beside the database that says whose turn it is cannot be made or locked.
pub(super) async fn turn(url: &DatabaseUrl) -> sqlx::Result<Option<File>> {
    let Some(path) = url.path() else {
        return Ok(None);
    };
    let path = format!("{path}.opening");
    let locked = tokio::task::spawn_blocking(move || {
        let file = File::create(path)?;
        file.lock()?;
        Ok::<_, std::io::Error>(file)
    });
    let file = locked.await.map_err(std::io::Error::other)??;
    Ok(Some(file))
}
