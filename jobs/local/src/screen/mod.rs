//! What is shown while it runs: a live table on a terminal, plain lines anywhere else.

mod plain;
mod table;

use std::collections::VecDeque;
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use order_analytics::Status;
use weir_proto::AnalyticsResult;

use crate::customers::Counts;

pub(crate) use self::plain::Plain;
pub(crate) use self::table::Table;

/// Windows kept for show.
const KEPT: usize = 60;

/// Where the shop is to be found.
#[derive(Clone, Debug)]
pub(crate) struct ShopPlaces {
    pub(crate) address: SocketAddr,
    /// A line for the shell that orders.
    pub(crate) curl: String,
    /// The folder of the messages that users are sent.
    pub(crate) outbox: PathBuf,
}

/// Where things are to be found.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    pub(crate) broker: SocketAddr,
    pub(crate) http: SocketAddr,
    /// The shop, where it is open.
    pub(crate) shop: Option<ShopPlaces>,
    /// The folder of the Parquet files.
    pub(crate) parquet: PathBuf,
    pub(crate) log: Option<PathBuf>,
}

impl Places {
    /// The line that reads the windows with DuckDB.
    pub(crate) fn query(&self) -> String {
        format!(
            "duckdb -c \"SELECT * FROM read_parquet('{}/**/*.parquet', hive_partitioning=true) \
             ORDER BY window_start DESC LIMIT 20\"",
            self.parquet.display()
        )
    }
}

/// A moment of the run.
#[derive(Clone, Debug)]
pub(crate) struct View {
    /// What is being done, in a word or two.
    pub(crate) phase: &'static str,
    pub(crate) elapsed: Duration,
    /// Orders acknowledged by the broker in this run.
    pub(crate) produced: u64,
    /// What the shop answered to customers of our own, where there are any.
    pub(crate) customers: Option<Counts>,
    pub(crate) status: Status,
    pub(crate) now_ms: i64,
}

/// The screen.
pub(crate) enum Screen {
    /// Drawn over and over.
    Table(Box<Table>),
    /// One line after the other.
    Plain(Plain),
}

impl Screen {
    /// A table if standard output is a terminal and `plain` was not asked for.
    pub(crate) fn for_output(plain: bool) -> Self {
        if plain || !std::io::stdout().is_terminal() {
            Self::Plain(Plain::new())
        } else {
            Self::Table(Box::new(Table::new()))
        }
    }

    /// Whether standard output is drawn over, so that nothing else may write there.
    pub(crate) fn is_table(&self) -> bool {
        matches!(self, Self::Table(_))
    }

    /// Says where everything is; from now on the table is drawn.
    pub(crate) fn open(&mut self, places: &Places) {
        match self {
            Self::Table(table) => table.open(places.clone()),
            Self::Plain(_) => {
                say(&format!(
                    "Kafka at {}, metrics at http://{}/metrics",
                    places.broker, places.http
                ));
                say(&format!("Parquet in {}; read it with", places.parquet.display()));
                say(&format!("  {}", places.query()));
                if let Some(shop) = &places.shop {
                    say(&format!(
                        "shop at http://{}, its documentation at http://{0}/docs; order with",
                        shop.address
                    ));
                    say(&format!("  {}", shop.curl));
                    say(&format!("messages to its users in {}", shop.outbox.display()));
                }
            }
        }
    }

    /// Takes a result that was published before this run.
    pub(crate) fn remember(&mut self, result: AnalyticsResult) {
        if let Self::Table(table) = self {
            table.result(result);
        }
    }

    /// Takes results just published.
    pub(crate) fn results(&mut self, results: Vec<AnalyticsResult>) {
        match self {
            Self::Table(table) => results.into_iter().for_each(|result| table.result(result)),
            Self::Plain(_) => plain::window_lines(&results).iter().for_each(|line| say(line)),
        }
    }

    /// Takes the reason of a record just refused.
    pub(crate) fn refused(&mut self, reason: String) {
        if let Self::Table(table) = self {
            table.refused(reason);
        }
    }

    /// Shows the moment, as often as it is worth it.
    pub(crate) fn draw(&mut self, view: &View) {
        match self {
            Self::Table(table) => table.draw(view),
            Self::Plain(plain) => plain.draw(view),
        }
    }

    /// Leaves the table; what follows are lines.
    pub(crate) fn close(&mut self) {
        if let Self::Table(table) = self {
            table.close();
        }
    }
}

/// Gives the terminal back, whatever is on it, and does the last thing; nothing is drawn meanwhile.
pub(crate) fn leave_and(last: impl FnOnce()) {
    table::leave_and(last);
}

/// Prints a line; a reader that has gone away is no reason to stop.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Digits in groups of three.
pub(crate) fn grouped(number: impl std::fmt::Display) -> String {
    let digits = number.to_string();
    let (whole, rest) = digits.split_once('.').unwrap_or((&digits, ""));
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    if !rest.is_empty() {
        text.push('.');
        text.push_str(rest);
    }
    text
}

/// How many there were in each second of late.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    samples: VecDeque<(Instant, u64)>,
}

impl Rate {
    const SPAN: Duration = Duration::from_secs(3);

    /// Takes the count of now and gives the mean of the last seconds.
    pub(crate) fn per_second(&mut self, now: Instant, count: u64) -> u64 {
        self.samples.push_back((now, count));
        while self.samples.len() > 2 && self.samples.front().is_some_and(|(at, _)| now - *at > Self::SPAN) {
            self.samples.pop_front();
        }
        let Some((since, before)) = self.samples.front() else {
            return 0;
        };
        let seconds = (now - *since).as_secs_f64();
        if seconds == 0.0 {
            0
        } else {
            (count.saturating_sub(*before) as f64 / seconds).round() as u64
        }
    }
}

/// What the shop answered, in words.
pub(crate) fn answers(counts: &Counts) -> String {
    format!(
        "{} orders by REST taken, {} refused, {} unanswered",
        grouped(counts.taken),
        grouped(counts.refused),
        grouped(counts.unanswered)
    )
}

/// How far the watermark is behind the clock, in words.
pub(crate) fn behind(view: &View) -> String {
    let Some(watermark) = view.status.watermark else {
        return "not yet".into();
    };
    let behind_s = (view.now_ms - watermark.millis()).max(0) / 1_000;
    let age = match behind_s {
        0..=119 => format!("{behind_s} s"),
        120..=7_199 => format!("{} min", behind_s / 60),
        7_200..=172_799 => format!("{} h", behind_s / 3_600),
        _ => format!("{} days", grouped(behind_s / 86_400)),
    };
    format!("{watermark}, {age} ago")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_by_three() {
        for (number, text) in [
            ("0", "0"),
            ("999", "999"),
            ("1000", "1,000"),
            ("-123456", "-123,456"),
            ("1234567.80", "1,234,567.80"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn a_rate_is_the_mean_of_the_last_seconds() {
        let mut rate = Rate::default();
        let start = Instant::now();
        assert_eq!(rate.per_second(start, 0), 0);
        assert_eq!(rate.per_second(start + Duration::from_secs(1), 50), 50);
        for second in 2..20 {
            rate.per_second(start + Duration::from_secs(second), 50 + 10 * (second - 1));
        }
        assert_eq!(rate.per_second(start + Duration::from_secs(20), 240), 10);
    }
}
