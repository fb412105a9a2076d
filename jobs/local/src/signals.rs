//! Ctrl-C and SIGTERM: the first asks for a clean stop, the second ends the process at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals as Arriving;

use crate::failure::INTERRUPTED;
use crate::screen;

/// Whether a stop was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Signals(Arc<AtomicBool>);

impl Signals {
    /// Takes both signals over from the system's defaults.
    pub(crate) fn take_over() -> Result<Self> {
        let mut arriving = Arriving::new([SIGINT, SIGTERM]).context("cannot take over the signals")?;
        let asked = Arc::new(AtomicBool::new(false));
        let first = Arc::clone(&asked);
        // A thread and no handler: only a thread may put the terminal in order before the process ends.
        let wait = move || {
            for _ in arriving.forever() {
                if first.swap(true, Ordering::Relaxed) {
                    screen::leave_and(|| signal_hook::low_level::exit(INTERRUPTED.into()));
                }
            }
        };
        std::thread::Builder::new()
            .name("signals".into())
            .spawn(wait)
            .context("cannot start a thread")?;
        Ok(Self(asked))
    }

    /// Whether a stop was asked for.
    pub(crate) fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// The same as a flag, for what waits elsewhere.
    pub(crate) fn flag(&self) -> &AtomicBool {
        &self.0
    }
}
