//! How long a client may take to send a request or to take an answer.

use std::time::Duration;

use tokio::time::Instant;

/// Bytes a second that a client must move after the first moments.
const LEAST_PER_SECOND: u32 = 256 << 10;

/// One deadline for a whole request or answer; it moves on only with what the client has moved.
#[derive(Debug)]
pub(crate) struct Pace {
    deadline: Instant,
}

impl Pace {
    /// Begins now; with nothing moved it ends after `patience`.
    pub(crate) fn begin(patience: Duration) -> Self {
        Self {
            deadline: Instant::now() + patience,
        }
    }

    /// So many bytes more have been moved.
    pub(crate) fn moved(&mut self, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.deadline += Duration::from_secs(1) * bytes / LEAST_PER_SECOND;
    }

    /// The broker itself needed that long: it is not the client's.
    pub(crate) fn stood_still(&mut self, time: Duration) {
        self.deadline += time;
    }

    /// Until when the next byte must have moved.
    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_bytes_win_no_time_and_many_do() {
        let mut pace = Pace::begin(Duration::from_secs(5));
        let begun = pace.deadline();
        (0..100).for_each(|_| pace.moved(1));
        assert!(pace.deadline() - begun < Duration::from_millis(1));
        pace.moved(10 * LEAST_PER_SECOND as usize);
        assert!(pace.deadline() - begun > Duration::from_secs(9));
    }
}
