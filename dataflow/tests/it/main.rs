//! The operators from outside: on one worker step by step, and on any number of workers against plain sums.

#![allow(clippy::unwrap_used)]

mod accumulate;
mod changelog;
mod clocks;
mod running;
mod shelf;
mod source;
mod windows;
mod workers;

use weir_dataflow::window::Rules;

/// Windows of a minute, ten seconds of lag, a minute of lateness; an order more than a minute ahead is not believed.
const RULES: Rules = Rules {
    window: 60,
    lag: 10,
    lateness: 60,
    max_ahead_ms: 60_000,
};
