//! Settings of a database.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::any::AnyConnectOptions;

use super::Kind;

/// Where the database is: `sqlite:PATH` or `postgres://...`. Printed without its password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    kind: Kind,
    url: String,
}

/// A text that is no [`DatabaseUrl`]. It does not repeat the text, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    /// Another scheme.
    #[error("a database URL begins with `sqlite:` or `postgres://`")]
    Scheme,
    /// No file.
    #[error("`sqlite:` is followed by the path of a file")]
    NoFile,
}

impl DatabaseUrl {
    /// A file, made where it is missing.
    #[must_use]
    pub fn file(path: &std::path::Path) -> DatabaseUrl {
        DatabaseUrl {
            kind: Kind::Sqlite,
            url: format!("sqlite:{}?mode=rwc", path.display()),
        }
    }

    /// Which of the two it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The path of the file, where it is one.
    pub(super) fn path(&self) -> Option<&str> {
        let file = self.url.strip_prefix("sqlite:")?;
        Some(file.split_once('?').map_or(file, |(path, _)| path))
    }

    /// How a connection is made.
    pub(super) fn connect(&self) -> sqlx::Result<AnyConnectOptions> {
        Ok(AnyConnectOptions::from_str(&self.url)?.disable_statement_logging())
    }
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() {
                return Err(DatabaseUrlError::NoFile);
            }
            let mode = if path.contains("mode=") {
                ""
            } else if path.contains('?') {
                "&mode=rwc"
            } else {
                "?mode=rwc"
            };
            return Ok(DatabaseUrl {
                kind: Kind::Sqlite,
                url: format!("sqlite:{path}{mode}"),
            });
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(DatabaseUrl {
                kind: Kind::Postgres,
                url: text.to_owned(),
            });
        }
        Err(DatabaseUrlError::Scheme)
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Sqlite => out.write_str(self.url.split('?').next().unwrap_or_default()),
            Kind::Postgres => {
                let (scheme, rest) = self.url.split_once("://").unwrap_or(("postgres", ""));
                // Parameters may hold a password as well.
                let rest = rest.split('?').next().unwrap_or_default();
                let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
                write!(out, "{scheme}://{place}")
            }
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "DatabaseUrl({self})")
    }
}

/// How a database is used.
#[derive(Clone, Debug, clap::Args)]
pub struct DatabaseOptions {
    /// The database: `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/NAME`
    #[arg(
        long = "database-url",
        env = "DATABASE_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    pub url: DatabaseUrl,
    /// A file that the URL of a PostgreSQL is in as well: where it changes, as with a new password, connections are made by
    /// that from then on, without a restart
    #[arg(long = "database-url-file", env = "DATABASE_URL_FILE", value_name = "FILE")]
    pub url_file: Option<PathBuf>,
    /// The most connections at a time
    #[arg(long = "database-pool-size", env = "DATABASE_POOL_SIZE", value_name = "N", default_value_t = 8,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub pool_size: u32,
    /// How long a call waits for a connection
    #[arg(long = "database-acquire-timeout", env = "DATABASE_ACQUIRE_TIMEOUT", value_name = "DURATION",
          default_value = "3s", value_parser = crate::duration::parse)]
    pub acquire_timeout: Duration,
    /// How long a statement may take, or wait for a lock
    #[arg(long = "database-statement-timeout", env = "DATABASE_STATEMENT_TIMEOUT", value_name = "DURATION",
          default_value = "5s", value_parser = crate::duration::parse)]
    pub statement_timeout: Duration,
}

impl DatabaseOptions {
    /// This database, and the defaults.
    #[must_use]
    pub fn of(url: DatabaseUrl) -> DatabaseOptions {
        DatabaseOptions {
            url,
            url_file: None,
            pool_size: 8,
            acquire_timeout: Duration::from_secs(3),
            statement_timeout: Duration::from_secs(5),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_printed() {
        for url in [
            "postgres://u:se:cr@et@db:5432/shop?sslmode=require&password=secret",
            "postgresql://u:secret@db/shop",
        ] {
            let url: DatabaseUrl = url.parse().unwrap();
            assert_eq!(url.kind(), Kind::Postgres);
            for shown in [format!("{url}"), format!("{url:?}")] {
                assert!(!shown.contains("secret") && !shown.contains("cr@et"), "{shown}");
            }
        }
    }

    #[test]
    fn the_url_alone_decides() {
        let file: DatabaseUrl = "sqlite:///var/lib/weir/orders.db".parse().unwrap();
        assert_eq!(file.kind(), Kind::Sqlite);
        assert_eq!(file.to_string(), "sqlite:/var/lib/weir/orders.db");
        assert_eq!(file.url, "sqlite:/var/lib/weir/orders.db?mode=rwc");
        assert_eq!(
            "mysql://u@h/d".parse::<DatabaseUrl>(),
            Err(DatabaseUrlError::Scheme)
        );
        assert_eq!("sqlite:".parse::<DatabaseUrl>(), Err(DatabaseUrlError::NoFile));
    }
}
