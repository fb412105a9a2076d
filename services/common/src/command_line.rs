//! The command lines of the services' programs. What is wrong with one is told without the secrets that it holds.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{Command, Parser};

/// Wrong settings (`EX_USAGE` of sysexits.h).
pub(crate) const USAGE: u8 = 64;

/// Reads a command line, the name of the program first.
///
/// # Errors
/// What is wrong with it, or the help that was asked for. A value that the help hides (`hide_env_values`) is not quoted.
pub fn parse<O: Parser>(args: impl IntoIterator<Item = OsString>) -> Result<O, clap::Error> {
    O::try_parse_from(args).map_err(|error| conceal(error, O::command()))
}

/// Says what is wrong with the settings, or prints the help that was asked for.
pub fn usage(error: &clap::Error) -> ExitCode {
    // Where even that cannot be printed nothing can.
    let _ = error.print();
    match error.use_stderr() {
        true => ExitCode::from(USAGE),
        false => ExitCode::SUCCESS,
    }
}

/// clap quotes the value that it could not read.
fn conceal(mut error: clap::Error, mut command: Command) -> clap::Error {
    command.build();
    let is_secret = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(told)) => command
            .get_arguments()
            .any(|known| known.is_hide_env_values_set() && known.to_string() == *told),
        _ => false,
    };
    if is_secret && error.get(ContextKind::InvalidValue).is_some() {
        error.insert(ContextKind::InvalidValue, ContextValue::String("***".into()));
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::DatabaseOptions;
    use crate::kafka::KafkaOptions;
    use crate::secret::MacKey;

    #[derive(Debug, Parser)]
    struct Options {
        #[command(flatten)]
        _database: DatabaseOptions,
        #[command(flatten)]
        _kafka: KafkaOptions,
        #[arg(long, value_name = "SECRET", hide_env_values = true)]
        _mac_key: MacKey,
    }

    fn fault(name: &str, value: &str) -> String {
        let good = [
            ("--database-url", "sqlite:a.db"),
            ("--kafka", "b:1"),
            ("--mac-key", "a secret of the test"),
        ];
        let others = good.into_iter().filter(|(other, _)| *other != name);
        let args = others.chain([(name, value)]);
        let args = args.flat_map(|(name, value)| [name.to_owned(), value.to_owned()]);
        let args = std::iter::once("test".to_owned()).chain(args);
        let error = parse::<Options>(args.map(OsString::from)).unwrap_err();
        error.render().ansi().to_string() + &format!("{error:?}")
    }

    #[test]
    fn a_fault_in_a_secret_is_told_without_it() {
        for (name, value, reason) in [
            ("--database-url", "mysql://u:hunter2@h/d", "begins with"),
            ("--mac-key", "hunter2", "16 characters"),
            ("--kafka-properties", "a=b\nhunter2", "line 2"),
        ] {
            let told = fault(name, value);
            assert!(told.contains(name) && told.contains(reason), "{told}");
            assert!(!told.contains("hunter2"), "{told}");
        }
    }

    #[test]
    fn any_other_value_is_quoted() {
        let told = fault("--database-pool-size", "many");
        assert!(told.contains("many"), "{told}");
    }
}
