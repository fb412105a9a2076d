//! How far a stream has come.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// The most partitions that a position may name.
const MOST_PARTITIONS: usize = 64;
/// Before the first record of all.
const START: &str = "start";

/// A record of a partition. Its time tells it from the record that another topic of the same name has there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Its offset.
    pub offset: i64,
    /// Its Kafka timestamp, in milliseconds since 1970; 0 where it has none.
    pub at_ms: i64,
}

/// The last record that was seen of each partition. It means the same at every replica, in whichever order that has read the
/// partitions.
///
/// As a text, `partition:offset:timestamp` for each partition, joined by commas; `start` where nothing was seen yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position(BTreeMap<i32, Mark>);

/// A text that is no [`Position`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the id of an event, such as `0:17:1790000000000`")]
pub struct PositionError;

impl Position {
    /// What was seen last of a partition.
    #[must_use]
    pub fn of(&self, partition: i32) -> Option<Mark> {
        self.0.get(&partition).copied()
    }

    /// A further record was seen.
    pub fn see(&mut self, partition: i32, mark: Mark) {
        self.0.insert(partition, mark);
    }

    /// All partitions of which something was seen.
    pub fn marks(&self) -> impl Iterator<Item = (i32, Mark)> {
        self.0.iter().map(|(&partition, &mark)| (partition, mark))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return out.write_str(START);
        }
        for (n, (partition, mark)) in self.0.iter().enumerate() {
            let comma = if n == 0 { "" } else { "," };
            write!(out, "{comma}{partition}:{}:{}", mark.offset, mark.at_ms)?;
        }
        Ok(())
    }
}

impl FromStr for Position {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Position, PositionError> {
        let mut position = Position::default();
        if text == START {
            return Ok(position);
        }
        for part in text.split(',') {
            let mut numbers = part.split(':').map(number);
            let mut next = || numbers.next().flatten().ok_or(PositionError);
            let partition = i32::try_from(next()?).map_err(|_| PositionError)?;
            let mark = Mark {
                offset: next()?,
                at_ms: next()?,
            };
            let is_new = position.0.insert(partition, mark).is_none();
            if numbers.next().is_some() || !is_new || position.0.len() > MOST_PARTITIONS {
                return Err(PositionError);
            }
        }
        Ok(position)
    }
}

/// A number as it is written here: digits alone.
fn number(text: &str) -> Option<i64> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_as_it_is_written() {
        let mut position = Position::default();
        assert_eq!(
            (position.to_string(), "start".parse()),
            ("start".to_owned(), Ok(position.clone()))
        );
        position.see(3, Mark { offset: 17, at_ms: 5 });
        position.see(0, Mark { offset: 0, at_ms: 0 });
        assert_eq!(position.to_string(), "0:0:0,3:17:5");
        assert_eq!("0:0:0,3:17:5".parse(), Ok(position));
    }

    #[test]
    fn what_is_no_position_is_refused() {
        let many = (0..65).map(|n| format!("{n}:1:1")).collect::<Vec<_>>().join(",");
        for text in [
            "",
            "17",
            "0:1",
            "0:1:2:3",
            "0:1:2,",
            ",0:1:2",
            "0:-1:2",
            "+0:1:2",
            "0:1:2,0:1:2",
            "a:b:c",
            " 0:1:2",
            "Start",
            "0:9223372036854775808:1",
            "2147483648:1:1",
            "0::1",
            &many,
        ] {
            assert_eq!(text.parse::<Position>(), Err(PositionError), "{text}");
        }
    }
}
