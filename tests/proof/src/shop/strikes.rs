//! Which process dies when, and for how long.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rand::Rng;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;

use super::Tally;
use super::parts::{Part, Shop};

/// How long what was killed stays away, in milliseconds: far below the lateness that the windows allow.
const AWAY_MS: std::ops::Range<u64> = 0..3_000;
/// Between two strikes.
const PAUSE_MS: std::ops::Range<u64> = 100..2_000;
/// How often something else dies meanwhile.
const TOGETHER: f64 = 0.3;

/// Strikes until the time is over.
///
/// # Errors
/// A process had ended by itself, or does not come up again.
pub(super) fn until(end: Instant, shop: &mut Shop, random: &mut SmallRng, tally: &mut Tally) -> Result<()> {
    let parts = shop.parts();
    // Each of them once, in any sequence; then whichever.
    let mut queue: Vec<Part> = parts.choose_multiple(random, parts.len()).copied().collect();
    while Instant::now() < end {
        std::thread::sleep(Duration::from_millis(random.random_range(PAUSE_MS)));
        let mut victims = vec![queue.pop().or_else(|| parts.choose(random).copied())];
        if random.random_bool(TOGETHER) {
            victims.push(parts.choose(random).copied());
        }
        victims.dedup();
        for part in victims.into_iter().flatten() {
            shop.kill(part)
                .with_context(|| format!("killing {}", part.name()))?;
            *tally.kills.entry(part.name()).or_default() += 1;
        }
        std::thread::sleep(Duration::from_millis(random.random_range(AWAY_MS)));
        // Also notices what has ended by itself.
        shop.all_up().context("after a strike")?;
    }
    Ok(())
}
