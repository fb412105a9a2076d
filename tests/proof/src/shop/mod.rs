//! The whole shop as processes, killed at random while clients order, pay and cancel; then it is left alone, and judged.
//!
//! | module | what it is |
//! |---|---|
//! | `parts` | the services, the job, the broker and the database as processes that are killed and started again |
//! | `client` | a client that repeats every request without an answer, with its key |
//! | `load` | what the clients do, and what they were answered |
//! | `strikes` | which process dies when, and for how long |
//! | `settle` | waiting until nothing is under way any more |
//! | `region` | the drill of a lost region |
//! | `judge` | what must hold: answers, orders, events, money, stock and windows against each other |

mod client;
mod judge;
mod load;
mod parts;
pub mod region;
mod settle;
mod strikes;
mod tally;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use self::load::Load;
pub use self::parts::{Goods, SECRET, Shop};
pub use self::tally::Tally;

/// A run of the shop.
#[derive(Debug, Clone)]
pub struct Plan {
    /// This crate's binary; those of the services lie beside it.
    pub proof: PathBuf,
    /// The folder of PostgreSQL's programs: a server of its own is started, and killed. Without, each service has a file of
    /// SQLite's.
    pub postgres: Option<PathBuf>,
    /// An Apache Kafka at `host:port`, which is not killed; without, a development broker of its own, which is.
    pub kafka: Option<String>,
    /// The same seed makes the same choices; what the shop has come to when they strike is up to the machine.
    pub seed: u64,
    /// How long the clients order.
    pub load: Duration,
    /// How many clients order at a time.
    pub clients: u32,
    /// Whether anything is killed.
    pub kills: bool,
}

/// Starts a shop, has it used and killed, and judges it. Whatever goes wrong, also with the run itself, is a fault in the
/// tally.
#[must_use]
pub fn run(plan: &Plan) -> Tally {
    let mut tally = Tally::default();
    if let Err(error) = play(plan, &mut tally) {
        tally.faults.push(format!("{error:#}"));
    }
    for fault in &mut tally.faults {
        *fault = format!("seed {}: {fault}", plan.seed);
    }
    tally
}

fn play(plan: &Plan, tally: &mut Tally) -> Result<()> {
    // Another part of the program may have chosen one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut random = SmallRng::seed_from_u64(plan.seed);
    let mut shop = Shop::start(plan).context("starting the shop")?;
    let struck = use_it(plan, &mut shop, &mut random, tally);
    if struck.is_err() || !tally.holds() {
        let kept = shop.keep();
        tally
            .faults
            .push(format!("logs and databases are kept in {}", kept.display()));
    }
    struck
}

fn use_it(plan: &Plan, shop: &mut Shop, random: &mut SmallRng, tally: &mut Tally) -> Result<()> {
    let goods = shop.fill_the_shelves().context("the catalogue")?;
    let load = Load::start(&shop.gateway(), &goods, plan.clients, random.random())?;
    let end = Instant::now() + plan.load;
    let struck = match plan.kills {
        true => strikes::until(end, shop, random, tally),
        false => {
            std::thread::sleep(plan.load);
            Ok(())
        }
    };
    struck?;
    let answered = load.stop()?;
    tally.take(&answered);
    let books = settle::settle(shop, &answered)?;
    judge::judge(shop, &goods, &answered, &books, tally)
}
