//! The errand that changes a schema before the service starts that needs it.

use std::ffi::OsString;

use clap::Parser;

use super::{Database, DatabaseError, DatabaseOptions, Step};
use crate::command_line;

/// Brings the schema of the database up to date and ends
///
/// The service does so itself when it starts. Where it is done before, a step that fails leaves what runs as it is.
#[derive(Debug, Parser)]
#[command(name = "migrate")]
pub struct Migrate {
    #[command(flatten)]
    database: DatabaseOptions,
}

impl Migrate {
    /// Reads a command line; nothing where another errand is asked for, or none.
    ///
    /// # Errors
    /// What is wrong with it, or the help that was asked for.
    pub fn parse(args: &[OsString]) -> Option<Result<Migrate, clap::Error>> {
        let (first, rest) = args.split_first()?;
        (rest.first()? == "migrate").then(|| {
            let name = [first.to_string_lossy().as_ref(), "migrate"].join(" ");
            command_line::parse(std::iter::once(OsString::from(name)).chain(rest[1..].iter().cloned()))
        })
    }

    /// Does it, and says so in the log.
    ///
    /// # Errors
    /// The database cannot be reached, or a step fails.
    pub async fn run(self, owner: &'static str, steps: &[Step]) -> Result<(), DatabaseError> {
        let database = Database::open(&self.database, owner, steps).await?;
        database.close().await;
        let version = steps.last().map(|step| step.version);
        tracing::info!(database = %self.database.url, owner, version, "the schema is up to date");
        Ok(())
    }
}
