//! The table, as text and as Markdown.

use std::fmt::Write;

/// What a figure must reach.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Goal {
    /// What is due.
    bar: f64,
    aim: f64,
    /// Whether more is better.
    more: bool,
}

impl Goal {
    /// A figure that must be at least so much.
    pub(crate) fn at_least(least: f64, aim: f64) -> Self {
        Self {
            bar: least,
            aim,
            more: true,
        }
    }

    /// A figure that must be at most so much.
    pub(crate) fn at_most(most: f64, aim: f64) -> Self {
        Self {
            bar: most,
            aim,
            more: false,
        }
    }

    fn verdict(self, value: f64) -> &'static str {
        let reaches = |goal: f64| {
            if self.more { value >= goal } else { value <= goal }
        };
        match (reaches(self.bar), reaches(self.aim)) {
            (_, true) => "aim reached",
            (true, false) => "reached",
            (false, false) => "missed",
        }
    }
}

/// The unit decides how a number is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unit {
    /// Written in thousands or millions.
    Count,
    /// Mebibytes.
    Mb,
    /// Milliseconds.
    Ms,
    /// Seconds.
    S,
    /// Per cent.
    Percent,
}

impl Unit {
    fn show(self, value: f64) -> String {
        match self {
            Unit::Count if value >= 1e6 => format!("{:.2} M", value / 1e6),
            Unit::Count if value >= 1e4 => format!("{:.0} k", value / 1e3),
            Unit::Count => format!("{value:.0}"),
            Unit::Mb => format!("{value:.0} MB"),
            Unit::Ms if value < 1.0 => format!("{value:.2} ms"),
            Unit::Ms if value < 10.0 => format!("{value:.1} ms"),
            Unit::Ms => format!("{value:.0} ms"),
            Unit::S => format!("{value:.2} s"),
            Unit::Percent if value < 1.0 => format!("{value:.3} %"),
            Unit::Percent => format!("{value:.0} %"),
        }
    }
}

/// Lines of figure, measured, due, aim, verdict.
#[derive(Debug, Default)]
pub(crate) struct Report {
    rows: Vec<[String; 5]>,
}

const HEAD: [&str; 5] = ["figure", "measured", "due", "aim", ""];

impl Report {
    /// Adds a figure.
    pub(crate) fn figure(&mut self, name: &str, value: f64, unit: Unit) {
        self.row([name, &unit.show(value), "", "", ""]);
    }

    /// Adds a figure that has a goal.
    pub(crate) fn goal(&mut self, name: &str, value: f64, unit: Unit, goal: Goal) {
        let (bar, aim) = (unit.show(goal.bar), unit.show(goal.aim));
        self.row([name, &unit.show(value), &bar, &aim, goal.verdict(value)]);
    }

    /// Told on standard error at once: the table comes at the very end.
    fn row(&mut self, row: [&str; 5]) {
        eprintln!("{}", row.join("  ").trim_end());
        self.rows.push(row.map(str::to_owned));
    }

    /// For a terminal.
    pub(crate) fn plain(&self) -> String {
        let head = HEAD.map(str::to_owned);
        let rows = || std::iter::once(&head).chain(&self.rows);
        let width = |column: usize| rows().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 5] = std::array::from_fn(width);
        let mut out = String::new();
        for row in rows() {
            let [name, cells @ ..] = row;
            let mut line = format!("{name:<width$}", width = widths[0]);
            for (cell, width) in cells.iter().zip(&widths[1..]) {
                // Writing to a string does not fail.
                let _ = write!(line, "  {cell:>width$}");
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }

    /// For a document.
    pub(crate) fn markdown(&self) -> String {
        let mut out = format!("| {} |\n|---|---:|---:|---:|---|\n", HEAD.join(" | "));
        for row in &self.rows {
            let _ = writeln!(out, "| {} |", row.join(" | "));
        }
        out
    }
}

/// The value at this share of all, by the nearest rank; zero if there is none.
pub(crate) fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (share * values.len() as f64).ceil() as usize;
    values.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

/// The middle of some values.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    percentile(&mut values.into_iter().collect::<Vec<_>>(), 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let mut values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(percentile(&mut values, 0.5), 50.0);
        assert_eq!(percentile(&mut values, 0.99), 99.0);
        assert_eq!(percentile(&mut values, 1.0), 100.0);
        assert_eq!(percentile(&mut [], 0.5), 0.0);
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
    }

    #[test]
    fn a_goal_is_missed_reached_or_its_aim_is() {
        let memory = Goal::at_most(150.0, 80.0);
        assert_eq!(memory.verdict(151.0), "missed");
        assert_eq!(memory.verdict(150.0), "reached");
        assert_eq!(Goal::at_least(0.9, 1.2).verdict(1.3), "aim reached");
    }

    #[test]
    fn both_tables_hold_every_figure() {
        let mut report = Report::default();
        report.figure("orders", 5e6, Unit::Count);
        report.goal("memory", 92.4, Unit::Mb, Goal::at_most(150.0, 80.0));
        assert!(
            report
                .markdown()
                .contains("| memory | 92 MB | 150 MB | 80 MB | reached |")
        );
        assert!(report.plain().contains("orders    5.00 M"), "{}", report.plain());
    }
}
