//! The floor under every figure: a process that reads the orders through the job's own source and throws them away.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Parser;
use weir_kafka::{Connection, Source, SourceOptions, offsets};

use crate::process::{Process, Role, Usage};
use crate::server::Server;

#[derive(Parser)]
struct Arguments {
    #[arg(long)]
    bootstrap_servers: String,
    #[arg(long)]
    topic: String,
    #[arg(long)]
    expect: u64,
}

/// Read-ahead for each partition: as much as the job's.
const QUEUED_KBYTES: u32 = 2_048;
/// Records asked for in one call.
const BATCH: usize = 4_096;

/// Reads the topic from its beginning to its end in a process of its own.
pub(crate) fn measure(server: &Server, topic: &str, expect: u64, log: &Path) -> Result<Usage> {
    let args = [
        "--bootstrap-servers".to_owned(),
        server.address().to_owned(),
        "--topic".to_owned(),
        topic.to_owned(),
        "--expect".to_owned(),
        expect.to_string(),
    ];
    Process::start(Role::Floor, &args, log)?.wait(Duration::from_secs(600))
}

/// The child.
pub(crate) fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let connection = Connection::new(&arguments.bootstrap_servers);
    let ends = offsets(&connection, &arguments.topic)?;
    let bell = Arc::new(Bell::default());
    let rings = Arc::clone(&bell);
    let options = SourceOptions {
        topic: arguments.topic,
        group_id: "floor".to_owned(),
        queued_kbytes: QUEUED_KBYTES,
    };
    let mut source = Source::connect(&connection, &options, Arc::new(move || rings.ring()))?;
    for (&partition, &(first, _)) in &ends {
        source.assign(partition, first)?;
    }
    let records = drain(&mut source, &ends, &bell)?;
    ensure!(
        records == arguments.expect,
        "{records} records instead of {}",
        arguments.expect
    );
    Ok(())
}

fn drain(source: &mut Source, ends: &BTreeMap<i32, (i64, i64)>, bell: &Bell) -> Result<u64> {
    let mut records = 0;
    while ends
        .iter()
        .any(|(&partition, &(_, end))| source.position(partition) < end)
    {
        let mut more = false;
        for &partition in ends.keys() {
            let read = source.read(partition, BATCH, |record| {
                std::hint::black_box(record);
            })?;
            records += read.records as u64;
            more |= read.maybe_more;
        }
        if !more {
            bell.wait();
        }
    }
    Ok(records)
}

/// Wakes the reader when an empty partition has got something.
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    rings: Condvar,
}

impl Bell {
    fn ring(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.rings.notify_one();
    }

    fn wait(&self) {
        let mut rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        while !*rung {
            rung = self.rings.wait(rung).unwrap_or_else(PoisonError::into_inner);
        }
        *rung = false;
    }
}
