//! The command line: flags, environment variables and a TOML file to [`Settings`].

mod keys;
mod layers;
mod topics;
mod values;

use std::ffi::OsString;
use std::io::{Write, stderr, stdout};
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use clap::{Arg, ArgAction, ArgMatches, Command};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

pub(crate) use self::keys::effective;
use self::keys::{KEYS, Kind};
use self::layers::{Environment, Layers, variable};
use crate::error::JobError;
use crate::settings::Settings;
use crate::{job, logging};

/// Exit code for a wrong command line or setting (`EX_USAGE`).
const USAGE: u8 = 64;

const EXIT_CODES: &str = "Every flag is also a key of the TOML file given with --config and an environment variable \
ORDER_ANALYTICS_<FLAG> (upper case, dashes as underscores); flag beats variable beats file.

Exit codes: 0 done or stopped, 64 a wrong setting, 65 the orders topic is not the one that was read \
or the progress record cannot be used, 69 a server is not \
available, 70 a fault of the program, 76 fenced: another process took over, or a transaction was open for too long.";

/// The whole program: reads the command line, runs the job, gives the exit code.
pub fn main() -> ExitCode {
    main_of(std::env::args_os())
}

/// The same, with a command line of one's own.
pub fn main_of(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    run(arguments, &|name| std::env::var_os(name))
}

fn run(arguments: impl Iterator<Item = OsString>, environment: Environment<'_>) -> ExitCode {
    let matches = match command().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::from(USAGE)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    let Some((name, flags)) = matches.subcommand() else {
        return ExitCode::from(USAGE);
    };
    let settings = match read(flags, environment) {
        Ok(settings) => settings,
        Err(error) => return fail(&error),
    };
    match name {
        "check-config" => {
            let _ = stdout().write_all(effective(&settings).as_bytes());
            ExitCode::SUCCESS
        }
        "create-topics" => logged(|| topics::create(&settings, flags)),
        _ => logged(|| operate(settings)),
    }
}

/// Does what may fail, with a log.
fn logged(work: impl FnOnce() -> Result<(), JobError>) -> ExitCode {
    let log = logging::init();
    let code = match work() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(exit_code = error.exit_code(), %error, "the job has failed");
            ExitCode::from(&error)
        }
    };
    log.finish();
    code
}

/// What is wrong before there is a log.
fn fail(error: &JobError) -> ExitCode {
    let _ = writeln!(stderr(), "order-analytics: {error}");
    ExitCode::from(error)
}

fn command() -> Command {
    let with_keys = |command: Command| {
        let config = Arg::new("config")
            .long("config")
            .value_name("FILE")
            .help("A TOML file with any of these keys [env: ORDER_ANALYTICS_CONFIG]");
        KEYS.iter().fold(command.arg(config), |command, key| {
            let arg = Arg::new(key.name).long(key.name).help(key.help);
            command.arg(match key.kind {
                Kind::Flag => arg
                    .value_name("true|false")
                    .num_args(0..=1)
                    .require_equals(true)
                    .default_missing_value("true"),
                Kind::Value(value) | Kind::Number(value) => arg.value_name(value).allow_hyphen_values(true),
                Kind::Pairs => arg.value_name("KEY=VALUE").action(ArgAction::Append),
            })
        })
    };
    Command::new("order-analytics")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Turns the orders of a Kafka topic into exact windows, in Kafka and in Parquet, each once.")
        .after_help(EXIT_CODES)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(with_keys(
            Command::new("run").about("Runs the job").after_help(EXIT_CODES),
        ))
        .subcommand(with_keys(
            Command::new("check-config").about("Prints the effective configuration, secrets hidden"),
        ))
        .subcommand(topics::arguments(with_keys(
            Command::new("create-topics").about("Makes the topics that are missing, and ends"),
        )))
}

fn read(flags: &ArgMatches, environment: Environment<'_>) -> Result<Settings, JobError> {
    let file = match flags.get_one::<String>("config") {
        Some(file) => Some(file.clone()),
        None => variable(environment, "config")?,
    };
    let layers = Layers::read(flags, environment, file.as_deref())?;
    let settings = keys::settings(&layers)?;
    settings.check()?;
    Ok(settings)
}

fn operate(settings: Settings) -> Result<(), JobError> {
    // Before anything that may take its time.
    let stop: Arc<OnceLock<Box<dyn Fn() + Send + Sync>>> = Arc::default();
    heed_signals(Arc::clone(&stop))?;
    let handle = job::start(settings)?;
    let _ = stop.set(Box::new(handle.stopper()));
    if let Some(address) = handle.http_addr() {
        tracing::info!(%address, "serving /metrics, /health and /ready");
    }
    let outcome = handle.join()?;
    tracing::info!(
        complete = outcome.complete,
        consumed = outcome.totals.consumed,
        accepted = outcome.totals.accepted,
        duplicate = outcome.totals.duplicate,
        ignored = outcome.totals.ignored,
        late = outcome.totals.late,
        invalid = outcome.totals.invalid,
        "ended"
    );
    Ok(())
}

/// The first signal stops the job, the second ends the process at once.
fn heed_signals(stop: Arc<OnceLock<Box<dyn Fn() + Send + Sync>>>) -> Result<(), JobError> {
    let mut signals = Signals::new([SIGTERM, SIGINT])
        .map_err(|error| JobError::Internal(format!("no signal handler: {error}")))?;
    // The thread ends with the process.
    std::thread::spawn(move || {
        let mut heard = signals.forever();
        if let Some(signal) = heard.next() {
            let Some(stop) = stop.get() else {
                // The job has not begun: there is nothing to finish.
                std::process::exit(0);
            };
            tracing::info!(signal, "stopping: the commit in hand is finished first");
            stop();
        }
        if let Some(signal) = heard.next() {
            std::process::exit(128 + signal);
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests;
