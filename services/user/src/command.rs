//! What the binary can do: serve, or one of three errands.

use std::ffi::OsString;
use std::io::BufRead;
use std::time::Duration;

use clap::Parser;
use clap::builder::NonEmptyStringValueParser;
use service_common::auth::Role;
use service_common::command_line;
use service_common::database::{Database, DatabaseOptions, Migrate};
use service_common::failure::Failure;
use service_common::program::Ended;

use crate::account::{Email, Name, Password, Person};
use crate::hasher::Hasher;
use crate::options::{KeyOptions, Options, Rules};
use crate::places::{KeptIn, open};
use crate::provision::provision;
use crate::service_token::issue_service_token;
use crate::store;

/// Nobody else's password is checked meanwhile.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the binary was asked for.
#[derive(Debug)]
pub enum Command {
    /// To serve.
    Serve(Box<Options>),
    /// To make an admin.
    CreateAdmin(CreateAdmin),
    /// To bring the schema up to date.
    Migrate(Migrate),
    /// To make a token for a service.
    IssueServiceToken(IssueServiceToken),
}

impl Command {
    /// Reads the command line. Without the name of an errand it is to serve, as with all services.
    ///
    /// # Errors
    /// What is wrong with it, or the help that was asked for.
    pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, clap::Error> {
        let args: Vec<OsString> = args.into_iter().collect();
        if let Some(errand) = Migrate::parse(&args) {
            return errand.map(Command::Migrate);
        }
        match args.get(1).and_then(|arg| arg.to_str()) {
            Some("create-admin") => errand(&args).map(Command::CreateAdmin),
            Some("issue-service-token") => errand(&args).map(Command::IssueServiceToken),
            _ => command_line::parse(args).map(|options| Command::Serve(Box::new(options))),
        }
    }
}

/// The settings of an errand: they follow its name.
fn errand<O: Parser>(args: &[OsString]) -> Result<O, clap::Error> {
    command_line::parse(args[1..].iter().cloned())
}

/// Makes an admin; the password is read from the first line of standard input
///
/// An account of this address that is there already becomes an admin's with this password, and whoever is logged in to it
/// is logged out.
#[derive(Debug, Parser)]
#[command(name = "create-admin", bin_name = "user-service create-admin")]
pub struct CreateAdmin {
    /// The database of the user service
    #[command(flatten)]
    database: DatabaseOptions,
    /// Where sessions are kept
    #[command(flatten)]
    kept_in: KeptIn,
    /// What the admin logs in with
    #[arg(long, value_name = "EMAIL", value_parser = Email::parse)]
    email: Email,
    /// The admin's first name
    #[arg(long, value_name = "NAME", default_value = "Shop", value_parser = Name::parse)]
    first_name: Name,
    /// The admin's last name
    #[arg(long, value_name = "NAME", default_value = "Admin", value_parser = Name::parse)]
    last_name: Name,
}

impl CreateAdmin {
    /// Makes the admin and prints the id of the account.
    ///
    /// # Errors
    /// There is no good password on the input, or the database failed.
    pub async fn run(self, mut input: impl BufRead) -> Result<(), Ended> {
        let mut line = String::new();
        input.read_line(&mut line)?;
        let password = Password::chosen(line.trim_end_matches(['\r', '\n']))
            .map_err(|error| Failure::field("the password on standard input", error.to_string()))?;
        let database = Database::open(&self.database, store::OWNER, store::STEPS).await?;
        let person = Person {
            email: self.email,
            password,
            first_name: self.first_name,
            last_name: self.last_name,
        };
        let hasher = Hasher::of_all_cores(PATIENCE);
        let kept = open(&self.kept_in, &database, Rules::default()).await?;
        let provisioned = provision(&database, &*kept.sessions, &hasher, person, Role::Admin).await?;
        database.close().await;
        println!("{}", provisioned.account.id);
        Ok(())
    }
}

/// Prints a token that a service shows to others
#[derive(Debug, Parser)]
#[command(name = "issue-service-token", bin_name = "user-service issue-service-token")]
pub struct IssueServiceToken {
    /// The key of access tokens
    #[command(flatten)]
    key: KeyOptions,
    /// The service's name, such as `order-service`
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    name: String,
    /// How long the token is good for, in days
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=3_650))]
    days: u32,
}

impl IssueServiceToken {
    /// Prints the token.
    ///
    /// # Errors
    /// The key cannot be used.
    pub fn run(&self) -> Result<(), Ended> {
        let good_for = Duration::from_secs(u64::from(self.days) * 86_400);
        let token = issue_service_token(&self.key.read()?, &self.name, good_for)?;
        println!("{}", token.reveal());
        Ok(())
    }
}
