//! The hour a window belongs to, and where its file lies.

use weir_proto::Timestamp;

const HOUR_MS: i64 = 3_600_000;

/// The folder under the root that holds the results.
pub(crate) const TABLE: &str = "analytics-results";

/// The name of the one file of an hour.
pub(crate) const FILE: &str = "windows.parquet";

/// A whole hour of UTC, counted from 1970. A window belongs to the hour in which it starts, however long it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Hour(i64);

impl Hour {
    pub(crate) fn of(moment: Timestamp) -> Self {
        Self(moment.millis().div_euclid(HOUR_MS))
    }

    /// The path of its file below the root: `analytics-results/date=2026-11-23/hour=02/windows.parquet`.
    pub(crate) fn path(self) -> String {
        let start =
            Timestamp::from_millis(self.0 * HOUR_MS).expect("the start of an hour that holds a Timestamp");
        // RFC 3339 in UTC is fixed in width: 2026-11-23T02:00:00Z.
        let text = start.to_string();
        format!("{TABLE}/date={}/hour={}/{FILE}", &text[..10], &text[11..13])
    }

    /// Reads back what [`Hour::path`] wrote; `None` for every other path.
    pub(crate) fn from_path(path: &str) -> Option<Self> {
        let rest = path.strip_prefix(TABLE)?.strip_prefix("/date=")?;
        let (date, rest) = rest.split_once("/hour=")?;
        let (hour, file) = rest.split_once('/')?;
        let start = Timestamp::parse_rfc3339(&format!("{date}T{hour}:00:00Z")).ok()?;
        let found = Self::of(start);
        (file == FILE && found.path() == path).then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(text: &str) -> Hour {
        Hour::of(Timestamp::parse_rfc3339(text).unwrap())
    }

    #[test]
    fn a_window_lies_in_the_hour_of_its_start_in_utc() {
        let path = "analytics-results/date=2026-11-23/hour=02/windows.parquet";
        assert_eq!(hour("2026-11-23T02:00:00Z").path(), path);
        assert_eq!(hour("2026-11-23T02:59:59.999Z").path(), path);
        assert_eq!(hour("2026-11-23T05:30:00+03:00").path(), path);
        assert_eq!(
            hour("1970-01-01T00:00:00Z").path(),
            "analytics-results/date=1970-01-01/hour=00/windows.parquet"
        );
        assert_eq!(
            hour("9998-12-31T23:59:59Z").path(),
            "analytics-results/date=9998-12-31/hour=23/windows.parquet"
        );
    }

    #[test]
    fn a_path_is_read_back_and_a_foreign_one_is_not_an_hour() {
        let known = hour("2026-11-23T02:36:00Z");
        assert_eq!(Hour::from_path(&known.path()), Some(known));
        for foreign in [
            "",
            "analytics-results/date=2026-11-23/hour=02/other.parquet",
            "analytics-results/date=2026-11-23/hour=02/windows.parquet.bak",
            "analytics-results/date=2026-11-23/hour=2/windows.parquet",
            "analytics-results/date=2026-11-23/hour=24/windows.parquet",
            "analytics-results/date=2026-02-30/hour=02/windows.parquet",
            "analytics-results/date=2026-11-23/windows.parquet",
            "other/date=2026-11-23/hour=02/windows.parquet",
        ] {
            assert_eq!(Hour::from_path(foreign), None, "{foreign}");
        }
    }
}
