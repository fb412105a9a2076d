//! Named moments at which the kill tests end the process.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Signal, getpid, kill_process};

/// The variable that names a moment: `WEIR_FAILPOINT=before-commit` or, for the third time, `before-commit:3`.
const VARIABLE: &str = "WEIR_FAILPOINT";

struct Failpoint {
    name: String,
    left: AtomicU64,
}

static FAILPOINT: OnceLock<Option<Failpoint>> = OnceLock::new();

/// Ends the process with SIGKILL, without any clean-up, if the environment names this moment: no fault of the program ends
/// it that way, so a test can tell its own deed from a crash. For tests only; without the variable it is one load.
pub(crate) fn reach(name: &str) {
    if !named(name) {
        return;
    }
    kill_process(getpid(), Signal::KILL).expect("a process may kill itself");
    // The signal may reach another thread first; nothing must happen in this one meanwhile.
    loop {
        std::thread::park();
    }
}

/// Panics if the environment names this moment, to show what a panic of a thread leads to.
pub(crate) fn panic_at(name: &str) {
    assert!(!named(name), "the environment asked for it");
}

fn named(name: &str) -> bool {
    let failpoint = FAILPOINT.get_or_init(|| {
        let value = std::env::var(VARIABLE).ok()?;
        let (name, times) = value.split_once(':').unwrap_or((&value, "1"));
        let left = AtomicU64::new(times.parse().unwrap_or(1));
        Some(Failpoint {
            name: name.to_owned(),
            left,
        })
    });
    failpoint.as_ref().is_some_and(|failpoint| {
        failpoint.name == name && failpoint.left.fetch_sub(1, Ordering::Relaxed) == 1
    })
}
