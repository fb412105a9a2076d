//! Settings, from the command line or the environment.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Parser};
use service_common::auth::{JwkSet, KeyError, SigningKey};
use service_common::database::DatabaseOptions;
use service_common::duration;
use service_common::kafka::KafkaOptions;
use service_common::options::TelemetryOptions;
use service_common::secret::{MacKey, SecretText};

use crate::places::KeptIn;

/// Keeps accounts, sessions and carts, and makes the tokens that all services believe
#[derive(Clone, Debug, Parser)]
#[command(
    name = crate::NAME,
    version,
    after_help = "Further commands, each with its own --help:\n  \
                  user-service create-admin --email EMAIL\n  \
                  user-service migrate\n  \
                  user-service issue-service-token --name NAME"
)]
pub struct Options {
    /// Where gRPC is served; port 0 lets the system choose
    #[arg(
        long,
        env = "GRPC_ADDR",
        value_name = "ADDRESS",
        default_value = "0.0.0.0:50051"
    )]
    pub grpc_addr: SocketAddr,
    /// The database
    #[command(flatten)]
    pub database: DatabaseOptions,
    /// Where sessions and carts are kept
    #[command(flatten)]
    pub kept_in: KeptIn,
    /// How Kafka is reached
    #[command(flatten)]
    pub kafka: KafkaOptions,
    /// The topic of what users are to be told
    #[arg(
        long,
        env = "KAFKA_NOTIFICATIONS_TOPIC",
        value_name = "TOPIC",
        default_value = "notifications"
    )]
    pub topic: String,
    /// The key of access tokens
    #[command(flatten)]
    pub key: KeyOptions,
    /// Public keys of access tokens that were signed before this key was: a JSON Web Key Set, to be believed until the last
    /// of those tokens has run out
    #[arg(long, env = "RETIRED_KEYS", value_name = "JWKS", value_parser = JwkSet::parse)]
    pub retired_keys: Option<JwkSet>,
    /// What refresh tokens are made with: at least 16 characters, the same for all instances; with another one all users
    /// must log in again
    #[arg(long, env = "REFRESH_SECRET", value_name = "SECRET", hide_env_values = true)]
    pub refresh_secret: MacKey,
    /// What fingerprints of requests are made with: at least 16 characters, the same for all instances
    #[arg(
        long,
        env = "IDEMPOTENCY_SECRET",
        value_name = "SECRET",
        hide_env_values = true
    )]
    pub idempotency_secret: MacKey,
    /// How long things are good for
    #[command(flatten)]
    pub rules: Rules,
    /// How long a log-in waits while others' passwords are checked
    #[arg(long, env = "HASHING_PATIENCE", value_name = "DURATION", default_value = "2s", value_parser = duration::parse)]
    pub hashing_patience: Duration,
    /// How it is seen from outside
    #[command(flatten)]
    pub telemetry: TelemetryOptions,
}

/// How long things are good for.
#[derive(Clone, Copy, Debug, Args)]
pub struct Rules {
    /// How long an access token is good for
    #[arg(long, env = "ACCESS_TOKEN_FOR", value_name = "DURATION", default_value = "15m", value_parser = duration::parse)]
    pub access_token_for: Duration,
    /// How long a refresh token that was exchanged is answered with the same successor again
    #[arg(long, env = "REFRESH_GRACE", value_name = "DURATION", default_value = "10s", value_parser = duration::parse)]
    pub refresh_grace: Duration,
    /// After which time a session ends that is not used
    #[arg(long, env = "SESSION_FOR", value_name = "DURATION", default_value = "30d", value_parser = duration::parse)]
    pub session_for: Duration,
    /// How long an item is kept in a cart after it was last put there
    #[arg(long, env = "CART_FOR", value_name = "DURATION", default_value = "30d", value_parser = duration::parse)]
    pub cart_for: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(86_400);
        Rules {
            access_token_for: Duration::from_secs(15 * 60),
            refresh_grace: Duration::from_secs(10),
            session_for: 30 * DAY,
            cart_for: 30 * DAY,
        }
    }
}

/// Where the key of access tokens is: one of the two.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
pub struct KeyOptions {
    /// The Ed25519 key that access tokens are signed with: PKCS#8, as PEM or as the base64 of DER
    #[arg(long, env = "SIGNING_KEY", value_name = "KEY", hide_env_values = true)]
    signing_key: Option<SecretText>,
    /// The file that holds it, which is made with a new one where it is missing
    #[arg(long, env = "SIGNING_KEY_FILE", value_name = "PATH")]
    signing_key_file: Option<PathBuf>,
}

impl KeyOptions {
    /// The key in a file, made where it is missing.
    #[must_use]
    pub fn file(path: &Path) -> KeyOptions {
        KeyOptions {
            signing_key: None,
            signing_key_file: Some(path.to_owned()),
        }
    }

    /// Reads the key.
    ///
    /// # Errors
    /// The file cannot be read or made, or it is no key.
    pub fn read(&self) -> Result<SigningKey, KeyError> {
        match (&self.signing_key, &self.signing_key_file) {
            (None, Some(path)) => SigningKey::in_file(path),
            (key, _) => SigningKey::parse(key.as_ref().map_or("", SecretText::reveal)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEEDED: [&str; 9] = [
        "user-service",
        "--database-url",
        "sqlite:users.db",
        "--kafka",
        "localhost:9092",
        "--refresh-secret",
        "a secret of the test",
        "--idempotency-secret",
        "a secret of the test",
    ];

    #[test]
    fn the_key_comes_from_one_place() {
        let file = ["--signing-key-file", "token.pem"];
        let text = ["--signing-key", "AAAA"];
        let parse = |more: &[&str]| Options::try_parse_from(NEEDED.iter().chain(more));
        assert!(parse(&[]).is_err());
        assert!(parse(&[file, text].concat()).is_err());
        assert!(parse(&text).is_ok());
        let options = parse(&file).unwrap();
        assert_eq!(
            options.key.signing_key_file.as_deref(),
            Some(Path::new("token.pem"))
        );
    }

    #[test]
    fn the_defaults_of_the_command_line_are_those_of_the_code() {
        let file = ["--signing-key-file", "token.pem"];
        let options = Options::try_parse_from(NEEDED.iter().chain(&file)).unwrap();
        assert_eq!(format!("{:?}", options.rules), format!("{:?}", Rules::default()));
    }

    #[test]
    fn no_secret_is_shown() {
        let text = ["--signing-key", "a secret of the test"];
        let options = Options::try_parse_from(NEEDED.iter().chain(&text)).unwrap();
        assert!(!format!("{options:?}").contains("a secret"));
    }
}
