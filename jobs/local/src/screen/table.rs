//! The live table, drawn with a handful of terminal codes; a widget library would cost half a minute of build time.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use terminal_size::{Height, Width, terminal_size};
use weir_proto::AnalyticsResult;

use super::{KEPT, Places, Rate, View, answers, behind, grouped, say};

const EVERY: Duration = Duration::from_millis(250);
/// Windows that stay on the terminal after the table is gone.
const LEFT_STANDING: usize = 5;
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[2J";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

/// Whether the terminal shows the table and not its lines; written with standard output locked.
static ENTERED: AtomicBool = AtomicBool::new(false);

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Usual,
    Title,
    Heading,
    Quiet,
    Fresh,
}

impl Style {
    const fn code(self) -> &'static str {
        match self {
            Self::Usual => "",
            Self::Title => "\x1b[1;36m",
            Self::Heading => "\x1b[1m",
            Self::Quiet => "\x1b[2m",
            Self::Fresh => "\x1b[32m",
        }
    }
}

/// The table and what it remembers.
#[derive(Debug)]
pub(crate) struct Table {
    places: Option<Places>,
    recent: VecDeque<(Option<Instant>, AnalyticsResult)>,
    refused: Option<String>,
    last: Option<Instant>,
    rate: Rate,
}

impl Table {
    pub(super) fn new() -> Self {
        Self {
            places: None,
            recent: VecDeque::new(),
            refused: None,
            last: None,
            rate: Rate::default(),
        }
    }

    pub(super) fn open(&mut self, places: Places) {
        self.places = Some(places);
        let mut out = std::io::stdout().lock();
        ENTERED.store(true, Ordering::Relaxed);
        put(&mut out, ENTER);
    }

    /// The newest revision of a window takes the place of the one before it.
    pub(super) fn result(&mut self, result: AnalyticsResult) {
        let seen = self.places.is_some().then(Instant::now);
        match self
            .recent
            .iter_mut()
            .find(|(_, known)| known.window_start() == result.window_start())
        {
            Some(entry) => *entry = (seen, result),
            None => {
                let place = self
                    .recent
                    .partition_point(|(_, known)| known.window_start() < result.window_start());
                self.recent.insert(place, (seen, result));
                if self.recent.len() > KEPT {
                    self.recent.pop_front();
                }
            }
        }
    }

    pub(super) fn refused(&mut self, reason: String) {
        self.refused = Some(reason);
    }

    pub(super) fn draw(&mut self, view: &View) {
        let now = Instant::now();
        let per_second = self.rate.per_second(now, view.produced);
        if self.places.is_none() || self.last.is_some_and(|last| now - last < EVERY) {
            return;
        }
        self.last = Some(now);
        let (width, height) = terminal_size().map_or((100, 30), |(Width(width), Height(height))| {
            (usize::from(width), usize::from(height))
        });
        let lines = self.lines(view, per_second, (width, height), now);
        put(&mut std::io::stdout().lock(), &frame(&lines, width, height));
    }

    /// Gives the terminal back, with the last windows on it.
    pub(super) fn close(&mut self) {
        if self.places.take().is_some() {
            leave_and(|| {});
            say(&heading());
            let skipped = self.recent.len().saturating_sub(LEFT_STANDING);
            self.recent
                .iter()
                .skip(skipped)
                .for_each(|(_, result)| say(&window_row(result)));
        }
    }

    fn lines(
        &self,
        view: &View,
        per_second: u64,
        (width, height): (usize, usize),
        now: Instant,
    ) -> Vec<(Style, String)> {
        let totals = &view.status.totals;
        let seconds = view.elapsed.as_secs();
        let clock = format!(
            "{:02}:{:02}:{:02}",
            seconds / 3_600,
            seconds / 60 % 60,
            seconds % 60
        );
        let mut lines = vec![
            (
                Style::Title,
                format!(" weir   orders in, exact windows out      {} {clock}", view.phase),
            ),
            (Style::Usual, String::new()),
            (
                Style::Heading,
                format!(
                    " orders in {}   {}/s   lag {} records   watermark {}",
                    grouped(view.produced),
                    grouped(per_second),
                    grouped(view.status.lag_records),
                    behind(view)
                ),
            ),
            (
                Style::Usual,
                format!(
                    " accepted {}   duplicate {}   ignored {}   late {} (orders-late)   invalid {} (orders-dlq)",
                    grouped(totals.accepted),
                    grouped(totals.duplicate),
                    grouped(totals.ignored),
                    grouped(totals.late),
                    grouped(totals.invalid)
                ),
            ),
            (
                Style::Usual,
                format!(
                    " windows published {}   revised {}   in this run{}",
                    grouped(view.status.windows_published),
                    grouped(view.status.windows_revised),
                    view.customers
                        .as_ref()
                        .map_or_else(String::new, |counts| format!("   {}", answers(counts)))
                ),
            ),
            (
                Style::Quiet,
                self.refused
                    .as_ref()
                    .map_or_else(String::new, |reason| format!(" last refused: {reason}")),
            ),
            (Style::Usual, String::new()),
            (Style::Heading, heading()),
        ];
        let footer = self.footer(width);
        let room = height.saturating_sub(lines.len() + footer.len() + 1);
        for (seen, result) in self.recent.iter().rev().take(room) {
            let fresh = seen.is_some_and(|seen| now - seen < Duration::from_secs(2));
            lines.push((
                if fresh { Style::Fresh } else { Style::Usual },
                window_row(result),
            ));
        }
        lines.push((Style::Usual, String::new()));
        lines.extend(footer.into_iter().map(|line| (Style::Quiet, line)));
        lines
    }

    fn footer(&self, width: usize) -> Vec<String> {
        let Some(places) = &self.places else {
            return Vec::new();
        };
        let mut lines = vec![
            format!(
                " Kafka {}   metrics http://{}/metrics{}",
                places.broker,
                places.http,
                places.shop.as_ref().map_or_else(String::new, |shop| format!(
                    "   shop http://{}/docs",
                    shop.address
                ))
            ),
            format!(" Parquet {}", places.parquet.display()),
        ];
        // In pieces of whole lines, so that a copy of it from the terminal can be run.
        let query: Vec<char> = places.query().chars().collect();
        lines.extend(
            query
                .chunks(width.max(1))
                .map(|piece| piece.iter().collect::<String>()),
        );
        if let Some(log) = &places.log {
            lines.push(format!(" log {}", log.display()));
        }
        lines.push(" Ctrl-C stops and checks every window against SQL".into());
        lines
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        self.close();
    }
}

fn heading() -> String {
    row(&[
        "window (UTC)",
        "orders",
        "revenue",
        "items",
        "users",
        "average",
        "revision",
    ])
}

fn window_row(result: &AnalyticsResult) -> String {
    let revision = match result.revision() {
        0 => String::new(),
        revision => revision.to_string(),
    };
    row(&[
        &result.window_start().to_string(),
        &grouped(result.order_count()),
        &grouped(result.total_revenue()),
        &grouped(result.total_items()),
        &grouped(result.unique_users()),
        &grouped(result.average_order_value()),
        &revision,
    ])
}

fn row(cells: &[&str; 7]) -> String {
    let [start, orders, revenue, items, users, average, revision] = cells;
    let line = format!(" {start:<21}{orders:>9}{revenue:>15}{items:>9}{users:>9}{average:>11}{revision:>10}");
    line.trim_end().to_owned()
}

/// Lines cut to the terminal; a line longer than the width would push the table down.
fn frame(lines: &[(Style, String)], width: usize, height: usize) -> String {
    let mut text = String::from("\x1b[H");
    for (index, (style, line)) in lines.iter().take(height).enumerate() {
        let cut: String = line.chars().map(printable).take(width).collect();
        let end = if index + 1 < height {
            "\x1b[K\r\n"
        } else {
            "\x1b[K"
        };
        let _ = write!(text, "{}{cut}\x1b[0m{end}", style.code());
    }
    text.push_str("\x1b[J");
    text
}

/// A reason may quote a record, and a record may hold anything, such as codes for the terminal.
fn printable(letter: char) -> char {
    if letter.is_control() { '.' } else { letter }
}

/// Leaves the table if the terminal shows it, and does the last thing before anybody else may write.
pub(super) fn leave_and(last: impl FnOnce()) {
    let mut out = std::io::stdout().lock();
    if ENTERED.swap(false, Ordering::Relaxed) {
        put(&mut out, LEAVE);
    }
    last();
}

/// A terminal that has gone away is no reason to stop.
fn put(out: &mut std::io::StdoutLock<'_>, text: &str) {
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;
    use order_analytics::Status;
    use weir_proto::{MoneySum, ResultTotals, Timestamp};

    fn result(minute: i64, revision: u32) -> AnalyticsResult {
        let at = |minute| Timestamp::from_millis(minute * 60_000).unwrap();
        let totals = ResultTotals {
            order_count: 1_234,
            total_revenue: MoneySum::from_minor(12_345_670),
            total_items: 3_000,
            unique_users: 900,
        };
        AnalyticsResult::new(at(minute)..at(minute + 1), totals, revision).unwrap()
    }

    fn view() -> View {
        View {
            phase: "live",
            elapsed: Duration::from_secs(3_661),
            customers: None,
            produced: 5,
            status: Status::default(),
            now_ms: 0,
        }
    }

    #[test]
    fn the_newest_window_stands_on_top_and_a_revision_in_the_place_of_its_window() {
        let mut table = Table::new();
        for (minute, revision) in [(2, 0), (1, 0), (3, 0), (2, 1)] {
            table.result(result(minute, revision));
        }
        let lines = table.lines(&view(), 50, (100, 30), Instant::now());
        let windows: Vec<&str> = lines
            .iter()
            .map(|(_, line)| line.as_str())
            .filter(|line| line.starts_with(" 1970"))
            .collect();
        assert_eq!(windows.len(), 3);
        assert!(windows[0].starts_with(" 1970-01-01T00:03:00Z"), "{windows:?}");
        assert!(
            windows[1].contains("02:00Z") && windows[1].ends_with(" 1"),
            "{windows:?}"
        );
        assert!(windows[2].contains("123,456.70"), "{windows:?}");
    }

    #[test]
    fn a_frame_fits_the_terminal_whatever_its_size() {
        let mut table = Table::new();
        (0..100).for_each(|minute| table.result(result(minute, 0)));
        for (width, height) in [(80, 24), (20, 5), (1, 1), (200, 60)] {
            let lines = table.lines(&view(), 1, (width, height), Instant::now());
            let text = frame(&lines, width, height);
            assert!(text.matches('\n').count() < height, "{height}");
            let longest = text
                .replace("\x1b[H", "")
                .lines()
                .map(|line| {
                    line.split('\x1b')
                        .map(|part| part.split_once('m').map_or(0, |(_, shown)| shown.chars().count()))
                        .sum::<usize>()
                })
                .max();
            assert!(longest <= Some(width), "{longest:?} of {width}");
        }
    }
}
