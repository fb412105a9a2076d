//! Ctrl-C and SIGTERM: the first asks for a clean stop, the second ends the process at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Exit code of a process that was told twice: 128 + SIGINT.
const TOLD_TWICE: i32 = 130;

/// Whether a stop was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Signals(Arc<AtomicBool>);

impl Signals {
    /// Takes both signals over from the system's defaults.
    pub(crate) fn take_over() -> Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // Registered first, so that it sees the flag as it was before this signal.
            flag::register_conditional_shutdown(signal, TOLD_TWICE, Arc::clone(&asked))
                .and_then(|_| flag::register(signal, Arc::clone(&asked)))
                .context("cannot take over the signals")?;
        }
        Ok(Self(asked))
    }

    /// Whether a stop was asked for.
    pub(crate) fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
