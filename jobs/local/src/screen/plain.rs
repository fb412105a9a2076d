//! Plain lines: one for each window as it is published, a status line every few seconds.

use std::time::{Duration, Instant};

use weir_proto::AnalyticsResult;

use super::{Rate, View, answers, behind, grouped, say};

const EVERY: Duration = Duration::from_secs(5);
/// Of more windows at once than this only the last ones get a line: a year is read in seconds.
const MOST_LINES: usize = 200;

/// When the last status line was printed.
#[derive(Debug)]
pub(crate) struct Plain {
    last: Option<Instant>,
    rate: Rate,
}

impl Plain {
    pub(super) fn new() -> Self {
        Self {
            last: None,
            rate: Rate::default(),
        }
    }

    pub(super) fn draw(&mut self, view: &View) {
        let now = Instant::now();
        let per_second = self.rate.per_second(now, view.produced);
        if self.last.is_some_and(|last| now - last < EVERY) {
            return;
        }
        self.last = Some(now);
        say(&status_line(view, per_second));
    }
}

/// Windows, each in a line.
pub(super) fn window_lines(results: &[AnalyticsResult]) -> Vec<String> {
    let left_out = results.len().saturating_sub(MOST_LINES);
    let note = (left_out > 0).then(|| format!("windows: {} more before these", grouped(left_out)));
    note.into_iter()
        .chain(results[left_out..].iter().map(window_line))
        .collect()
}

fn window_line(result: &AnalyticsResult) -> String {
    let revised = match result.revision() {
        0 => String::new(),
        revision => format!("  revision {revision}"),
    };
    format!(
        "window {}  {} orders  revenue {}  items {}  users {}  average {}{revised}",
        result.window_start(),
        grouped(result.order_count()),
        grouped(result.total_revenue()),
        grouped(result.total_items()),
        grouped(result.unique_users()),
        grouped(result.average_order_value()),
    )
}

fn status_line(view: &View, per_second: u64) -> String {
    let totals = &view.status.totals;
    let customers = view.customers.as_ref();
    let customers = customers.map_or_else(String::new, |counts| format!("; {}", answers(counts)));
    format!(
        "status {}: {} orders in ({per_second}/s), watermark {}, lag {} records; {} accepted, {} duplicate, {} ignored, \
         {} late, {} invalid; {} windows, {} revisions{customers}",
        view.phase,
        grouped(view.produced),
        behind(view),
        grouped(view.status.lag_records),
        grouped(totals.accepted),
        grouped(totals.duplicate),
        grouped(totals.ignored),
        grouped(totals.late),
        grouped(totals.invalid),
        grouped(view.status.windows_published),
        grouped(view.status.windows_revised),
    )
}
