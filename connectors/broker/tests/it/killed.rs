//! The program is killed with SIGKILL while clients work: what was acknowledged is there afterwards, once.

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rdkafka::ClientContext;
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use tempfile::TempDir;

use crate::clients::{WAIT, client, read_from, topic, values_of};
use crate::transactions::{reader, transactional};

/// The program on a folder; killed when it is dropped.
pub(crate) struct Program {
    child: Child,
    pub(crate) address: String,
}

impl Program {
    pub(crate) fn start(folder: &TempDir, listen: &str, more: &[&str]) -> Self {
        Self::spawn(
            Command::new(env!("CARGO_BIN_EXE_dev-broker"))
                .args(["--listen", listen, "--data-dir"])
                .arg(folder.path())
                .args(more)
                .env("RUST_LOG", "warn"),
        )
    }

    /// As if the disk were full: no file may grow beyond `kib`.
    fn start_on_a_disk_of(kib: u32, folder: &TempDir) -> Self {
        let script = format!("trap '' XFSZ; ulimit -f {kib}; exec \"$0\" \"$@\"");
        Self::spawn(
            Command::new("bash")
                .args(["-c", &script, env!("CARGO_BIN_EXE_dev-broker")])
                .args(["--listen", "127.0.0.1:0", "--data-dir"])
                .arg(folder.path())
                .env("RUST_LOG", "off"),
        )
    }

    fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line
            .trim()
            .strip_prefix("listening on ")
            .unwrap_or_else(|| panic!("{line}"))
            .to_owned();
        Self { child, address }
    }

    fn kill(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.address.clone()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Remembers which records were acknowledged, with their offsets.
#[derive(Clone, Default)]
struct Acknowledged(Arc<Mutex<Vec<(i64, String)>>>);

impl ClientContext for Acknowledged {}

impl ProducerContext for Acknowledged {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Ok(message) = result {
            let value = String::from_utf8(message.payload().unwrap().to_vec()).unwrap();
            self.0.lock().unwrap().push((message.offset(), value));
        }
    }
}

#[test]
fn acknowledged_records_survive_sigkill_each_once_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(&folder, "127.0.0.1:0", &["--segment-bytes", "200000"]);
    topic(&program.address, "t", 1, &[]);
    let acknowledged = Acknowledged::default();
    let mut config = client(&program.address);
    config
        .set("enable.idempotence", "true")
        .set("linger.ms", "1")
        .set("reconnect.backoff.max.ms", "100");
    let sender: ThreadedProducer<Acknowledged> = config.create_with_context(acknowledged.clone()).unwrap();

    let stop = Arc::new(AtomicBool::new(false));
    let (sent, stopped) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&stop));
    let counter = Arc::clone(&sent);
    let work = std::thread::spawn(move || {
        while !stopped.load(Ordering::Relaxed) {
            let value = format!("{:0100}", counter.fetch_add(1, Ordering::Relaxed));
            while sender
                .send(BaseRecord::<str, str>::to("t").partition(0).payload(&value))
                .is_err()
            {
                std::thread::sleep(Duration::from_millis(1));
            }
            std::thread::sleep(Duration::from_micros(20));
        }
        sender.flush(WAIT).unwrap();
    });
    for round in 0..6 {
        let before = acknowledged.0.lock().unwrap().len();
        let deadline = Instant::now() + WAIT;
        while acknowledged.0.lock().unwrap().len() < before + 500 {
            assert!(
                Instant::now() < deadline,
                "nothing is acknowledged in round {round}"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        let address = program.kill();
        program = Program::start(&folder, &address, &["--segment-bytes", "200000"]);
    }
    stop.store(true, Ordering::Relaxed);
    work.join().unwrap();

    let stored = read_from(client(&program.address), "t", 0, 0);
    let sent = sent.load(Ordering::Relaxed);
    let expected: Vec<String> = (0..sent).map(|n| format!("{n:0100}")).collect();
    let values: Vec<&String> = stored.iter().map(|(_, value)| value).collect();
    assert!(
        values.iter().copied().eq(&expected),
        "{} stored of {sent}",
        values.len()
    );
    for record in acknowledged.0.lock().unwrap().iter() {
        assert_eq!(&stored[record.0 as usize], record);
    }
}

#[test]
fn a_commit_that_was_answered_survives_sigkill_and_an_open_transaction_is_never_seen() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(&folder, "127.0.0.1:0", &[]);
    topic(&program.address, "t", 2, &[]);
    let mut committed = Vec::new();
    for round in 0..6 {
        let sender = transactional(client(&program.address), "id");
        for n in 0..5 {
            sender.begin_transaction().unwrap();
            let value = format!("{round}-{n}");
            for partition in 0..2 {
                let record = BaseRecord::<str, str>::to("t")
                    .partition(partition)
                    .payload(&value);
                sender.send(record).map_err(|(error, _)| error).unwrap();
            }
            sender.flush(WAIT).unwrap();
            if n < 4 {
                sender.commit_transaction(WAIT).unwrap();
                committed.push(value);
            }
        }
        let address = program.kill();
        drop(sender);
        program = Program::start(&folder, &address, &[]);
    }
    drop(transactional(client(&program.address), "id"));
    for partition in 0..2 {
        assert_eq!(
            values_of(
                reader(&client(&program.address), "read_committed"),
                "t",
                partition
            ),
            committed
        );
    }
}

#[test]
fn the_program_says_what_is_wrong_and_stops_when_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(&folder, "127.0.0.1:0", &[]);
    let second = |folder: &TempDir, listen: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dev-broker"));
        let output = command
            .args(["--listen", listen, "--data-dir"])
            .arg(folder.path())
            .output()
            .unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let other = tempfile::tempdir().unwrap();
    assert!(second(&folder, "127.0.0.1:0").contains("in use by another broker"));
    assert!(second(&other, &program.address).contains("cannot listen on"));

    let mut program = program;
    let id = Pid::from_raw(program.child.id().cast_signed());
    kill(id, Signal::SIGTERM).unwrap();
    assert!(program.child.wait().unwrap().success());
}

#[test]
fn help_says_what_the_broker_is_not() {
    let output = Command::new(env!("CARGO_BIN_EXE_dev-broker"))
        .arg("--help")
        .output()
        .unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for word in ["replication", "TLS", "SASL", "ACL", "compaction", "fsync"] {
        assert!(help.contains(word), "{word}");
    }
}

#[test]
fn a_log_that_cannot_be_written_ends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (nobody, log) = std::io::pipe().unwrap();
    drop(nobody);
    let program = Program::spawn(
        Command::new(env!("CARGO_BIN_EXE_dev-broker"))
            .args(["--listen", "127.0.0.1:0", "--data-dir"])
            .arg(folder.path())
            .env("RUST_LOG", "debug")
            .stderr(log),
    );
    topic(&program.address, "t", 1, &[]);
}

#[test]
fn a_full_disk_refuses_records_and_keeps_those_that_were_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start_on_a_disk_of(400, &folder);
    topic(&program.address, "t", 1, &[]);
    let acknowledged = Acknowledged::default();
    let mut config = client(&program.address);
    config
        .set("enable.idempotence", "true")
        .set("message.timeout.ms", "10000")
        .set("batch.size", "20000");
    let sender: ThreadedProducer<Acknowledged> = config.create_with_context(acknowledged.clone()).unwrap();
    for n in 0..800 {
        let value = format!("{n:01000}");
        sender
            .send(BaseRecord::<str, str>::to("t").partition(0).payload(&value))
            .map_err(|(error, _)| error)
            .unwrap();
    }
    sender.flush(WAIT).unwrap();
    drop(sender);
    let acknowledged = acknowledged.0.lock().unwrap().clone();
    assert!(
        acknowledged.len() < 410,
        "{} records of 1,000 bytes do not fit",
        acknowledged.len()
    );
    let stored = read_from(client(&program.address), "t", 0, 0);
    holds_each_once(&stored, &acknowledged);

    let address = program.kill();
    let program = Program::start(&folder, &address, &[]);
    assert_eq!(
        read_from(client(&program.address), "t", 0, 0),
        stored,
        "what was read while the disk was full is there after a restart"
    );
    let sender = crate::clients::producer(client(&program.address));
    crate::clients::send(&sender, "t", 0, 0..10);
    let end = stored.len() as i64;
    assert_eq!(read_from(client(&program.address), "t", 0, end).len(), 10);
}

/// Every acknowledged record stands at its offset, and no record stands there twice. A record whose answer came after
/// its sender had lost patience may stand there as well.
#[track_caller]
fn holds_each_once(stored: &[(i64, String)], acknowledged: &[(i64, String)]) {
    for record in acknowledged {
        assert_eq!(stored.get(record.0 as usize), Some(record));
    }
    let distinct: HashSet<&String> = stored.iter().map(|(_, value)| value).collect();
    assert_eq!(distinct.len(), stored.len());
}
