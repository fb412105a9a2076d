//! The floor under every figure of the benchmark: how many records per CPU-second librdkafka alone hands over.
//!
//! `cargo run --release -p weir-kafka --example floor -- HOST:PORT TOPIC [IDLE_SECONDS]` reads the topic from its beginning to its
//! end through [`weir_kafka::Source`] and throws the records away, then stays idle, and prints both figures.

use std::error::Error;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use weir_kafka::{Connection, Probe, Source, SourceOptions, offsets};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(address), Some(topic)) = (arguments.next(), arguments.next()) else {
        return Err("usage: floor HOST:PORT TOPIC [IDLE_SECONDS]".into());
    };
    let idle = Duration::from_secs(arguments.next().map_or(Ok(0), |seconds| seconds.parse())?);
    let connection = Connection::new(address);
    let ends = offsets(&connection, &topic)?;
    let awake = Arc::new((Mutex::new(false), Condvar::new()));
    let bell = Arc::clone(&awake);
    let wake = Arc::new(move || {
        if let Ok(mut rung) = bell.0.lock() {
            *rung = true;
            bell.1.notify_one();
        }
    });
    let options = SourceOptions {
        topic: topic.clone(),
        group_id: "floor".into(),
        queued_kbytes: 8192,
    };
    let mut source = Source::connect(&connection, &options, wake)?;
    let (started, cpu_before) = (Instant::now(), cpu_seconds());
    for (&partition, &(first, _)) in &ends {
        source.assign(partition, first)?;
    }
    let (mut records, mut bytes) = (0_u64, 0_u64);
    while ends
        .iter()
        .any(|(&partition, &(_, end))| source.position(partition) < end)
    {
        let mut busy = false;
        for &partition in ends.keys() {
            let read = source.read(partition, 4096, |record| {
                bytes += record.value.map_or(0, <[u8]>::len) as u64;
            })?;
            records += read.records as u64;
            busy |= read.maybe_more;
        }
        if !busy {
            let rung = awake.0.lock().map_err(|_| "a wake-up panicked")?;
            let (mut rung, _) = awake
                .1
                .wait_timeout_while(rung, Duration::from_millis(100), |rung| !*rung)
                .map_err(|_| "a wake-up panicked")?;
            *rung = false;
        }
    }
    let (seconds, cpu) = (started.elapsed().as_secs_f64(), cpu_seconds() - cpu_before);
    println!(
        "{records} records, {bytes} bytes: {:.0} records per CPU-second, {:.0} a second, {} KB peak",
        records as f64 / cpu,
        records as f64 / seconds,
        peak_kilobytes()
    );
    if !idle.is_zero() {
        let _probe = Probe::start(&connection, &topic, Duration::from_secs(1), |_| {})?;
        std::thread::sleep(Duration::from_secs(2));
        let before = cpu_seconds();
        std::thread::sleep(idle);
        let share = 100.0 * (cpu_seconds() - before) / idle.as_secs_f64();
        println!("idle, source and probe: {share:.2} % of a core");
    }
    Ok(())
}

/// User and system time of this process.
fn cpu_seconds() -> f64 {
    let usage = usage();
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

fn peak_kilobytes() -> i64 {
    usage().ru_maxrss
}

#[expect(
    unsafe_code,
    reason = "getrusage is a C call; it fills the structure it is given"
)]
fn usage() -> libc::rusage {
    // SAFETY: an all-zero rusage is valid, and the pointer is to one that outlives the call.
    unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    }
}
