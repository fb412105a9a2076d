//! The command line, read once into values that cannot be wrong.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use service_common::duration;

use crate::platform::ShopOptions;

/// Orders in, exact one-minute windows out: the whole system on one machine.
///
/// Starts a small Kafka broker, invents orders for it, opens a shop that takes more of them, and counts them in exact one-minute windows, which stand in the
/// Kafka topic `analytics-results` and in Parquet. It first fills in the last hours as fast as it can, then goes on
/// live. On Ctrl-C it stops cleanly and checks every window against SQL over the same orders, or those of the last two
/// million if there are more.
#[derive(Clone, Debug, Parser)]
#[command(name = "weir", version, after_long_help = AFTER_HELP)]
pub(crate) struct Options {
    /// Folder for everything that is kept: the topics, the Parquet files, the log
    /// [default: ./weir-data, with --input ./weir-data-<file>]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,

    /// How far back the orders begin in a new folder; a used folder gets what is missing since its last order, at most
    /// this much
    #[arg(long, value_name = "TIME", default_value = "2h", value_parser = history, allow_hyphen_values = true)]
    pub(crate) history: Duration,

    /// Orders a second, in the mean of a day: evenings are busier, nights quieter. With 0 only the shop's customers order
    #[arg(long, value_name = "NUMBER", default_value = "50", value_parser = rate, allow_negative_numbers = true)]
    pub(crate) rate: f64,

    /// Stop this long after the history is filled in [default: only on Ctrl-C]
    #[arg(long, value_name = "TIME", value_parser = duration::parse, allow_hyphen_values = true)]
    pub(crate) duration: Option<Duration>,

    /// Share of the orders published some seconds late, though in time for their window
    #[arg(long, value_name = "SHARE", default_value = "0.05", value_parser = share, allow_negative_numbers = true)]
    pub(crate) disorder: f64,

    /// Share of the records that are no valid order: they end in the topic orders-dlq
    #[arg(long, value_name = "SHARE", default_value = "0.002", value_parser = share, allow_negative_numbers = true)]
    pub(crate) bad: f64,

    /// Share of the records that are copies of an earlier one, half of them in any partition
    #[arg(long, value_name = "SHARE", default_value = "0.01", value_parser = share, allow_negative_numbers = true)]
    pub(crate) duplicates: f64,

    /// Share of the orders published after their window closed: about four in five revise it, the rest end in orders-late
    #[arg(long, value_name = "SHARE", default_value = "0.003", value_parser = share, allow_negative_numbers = true)]
    pub(crate) late: f64,

    /// Orders from this Parquet (.parquet) or JSON-lines file, with their own times, instead of invented ones
    #[arg(long, value_name = "FILE", conflicts_with_all = OF_THE_INVENTED)]
    pub(crate) input: Option<PathBuf>,

    /// Currency that is counted; orders in another one are invalid
    /// [default: USD; GBP for an --input in the layout of Online Retail]
    #[arg(long, value_name = "CODE", value_parser = currency)]
    pub(crate) currency: Option<String>,

    /// Worker threads of the job
    #[arg(long, value_name = "NUMBER", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) workers: u16,

    /// The same seed invents the same orders
    #[arg(
        long,
        value_name = "NUMBER",
        default_value = "1",
        allow_negative_numbers = true
    )]
    pub(crate) seed: u64,

    /// Where the broker listens: any Kafka client can read and write the topics there; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9092")]
    pub(crate) listen: SocketAddr,

    /// Where the job answers over HTTP (/metrics, /health, /ready); port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9091")]
    pub(crate) http_addr: SocketAddr,

    /// Plain lines instead of the live table, as when the output is no terminal
    #[arg(long)]
    pub(crate) plain: bool,

    #[command(flatten)]
    pub(crate) shop: ShopOptions,
}

/// What says how orders are invented has no say over a file.
const OF_THE_INVENTED: [&str; 9] = [
    "history",
    "rate",
    "duration",
    "disorder",
    "bad",
    "duplicates",
    "late",
    "seed",
    "shop_rate",
];

const AFTER_HELP: &str = "\
Try:
  weir                                        two hours of orders, then live until Ctrl-C
  weir --history 1d --rate 20                 a whole day, at its own pace
  weir --disorder 0.3 --late 0.05 --bad 0.05  a rough day
  weir --input jobs/local/data/online-retail.parquet
                                              a year of a real shop

Exit codes:
  0   stopped cleanly, the check holds
  1   the check found a difference
  64  a setting is wrong, or the folder cannot be used
  65  the topics in the folder are not those that its job has read
  69  a port is taken, or the folder is in use
  70  anything else that ended the run
  76  another process has taken the job over
  130 told to stop twice, or while a file was being read in";

impl Options {
    /// Reads the arguments.
    ///
    /// # Errors
    /// What clap has to say, which is also the text of `--help` and `--version`.
    pub(crate) fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let options = Self::try_parse_from(arguments)?;
        let shares = options.disorder + options.bad + options.duplicates + options.late;
        if shares > 0.9 {
            return Err(clap::Error::raw(
                clap::error::ErrorKind::ValueValidation,
                format!(
                    "--disorder, --bad, --duplicates and --late are {shares} together; leave at least a tenth (0.1) \
                     for orders that are as they should be\n"
                ),
            ));
        }
        Ok(options)
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=0.9).contains(&share) => Ok(share),
        _ => Err(format!(
            "`{text}` is no share; write a number from 0 to 0.9, such as 0.02 for one in fifty"
        )),
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate == 0.0 || (0.01..=1_000_000.0).contains(&rate) => Ok(rate),
        _ => Err(format!(
            "`{text}` is no rate; write orders a second, from 0.01 to 1000000, or 0 for none"
        )),
    }
}

fn history(text: &str) -> Result<Duration, String> {
    let history = duration::parse(text)?;
    if history > Duration::from_secs(366 * 86_400) {
        return Err(format!("`{text}` is more than a year"));
    }
    Ok(history)
}

fn currency(text: &str) -> Result<String, String> {
    if text.len() == 3 && text.bytes().all(|letter| letter.is_ascii_uppercase()) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "`{text}` is no currency code; write three capital letters, such as USD"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Options, clap::Error> {
        Options::read(
            std::iter::once("weir")
                .chain(arguments.iter().copied())
                .map(OsString::from),
        )
    }

    #[test]
    fn without_arguments_two_hours_come_first_and_then_life() {
        let options = read(&[]).unwrap();
        assert_eq!(options.history, Duration::from_secs(7_200));
        assert_eq!(options.duration, None);
        assert_eq!(options.listen.to_string(), "127.0.0.1:9092");
    }

    #[test]
    fn a_wrong_value_is_refused_with_the_name_of_its_flag() {
        for arguments in [
            ["--history", "soon"],
            ["--history", "400d"],
            ["--rate", "0.001"],
            ["--rate", "NaN"],
            ["--duration", "5"],
            ["--disorder", "1.5"],
            ["--bad", "-0.1"],
            ["--duplicates", "x"],
            ["--late", "inf"],
            ["--currency", "dollars"],
            ["--workers", "0"],
            ["--seed", "-1"],
            ["--listen", "9092"],
            ["--http-addr", "localhost"],
        ] {
            let error = read(&arguments).unwrap_err().to_string();
            assert!(error.contains(arguments[0]), "{arguments:?}: {error}");
        }
    }

    #[test]
    fn a_file_is_not_read_as_if_it_were_invented() {
        for flag in OF_THE_INVENTED {
            let flag = format!("--{flag}");
            let value = if flag == "--history" || flag == "--duration" {
                "1s"
            } else {
                "0"
            };
            let error = read(&["--input", "orders.jsonl", &flag, value])
                .unwrap_err()
                .to_string();
            assert!(error.contains("--input") && error.contains(&flag), "{error}");
        }
        assert!(read(&["--input", "orders.jsonl"]).is_ok());
    }

    #[test]
    fn shares_that_leave_nothing_are_refused() {
        assert!(read(&["--disorder", "0.5", "--late", "0.5"]).is_err());
    }
}
