//! The binary as a process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use test_support::patience::eventually;

const PROGRAM: &str = env!("CARGO_BIN_EXE_order-analytics");

/// A running `order-analytics`; killed when dropped.
pub(crate) struct Job {
    child: Child,
    stdout: Arc<Mutex<String>>,
    stderr: Arc<Mutex<String>>,
}

impl Job {
    pub(crate) fn start(arguments: &[String]) -> Self {
        Self::start_with(arguments, &[])
    }

    pub(crate) fn start_with(arguments: &[String], environment: &[(&str, &str)]) -> Self {
        let mut child = spawn(Command::new(PROGRAM), arguments, environment);
        let stdout = gather(child.stdout.take().unwrap());
        Self::watch(child, stdout)
    }

    /// One whose standard output is a pipe that nobody reads any more.
    pub(crate) fn start_unread(arguments: &[String]) -> Self {
        let mut child = spawn(Command::new(PROGRAM), arguments, &[]);
        drop(child.stdout.take());
        Self::watch(child, Arc::default())
    }

    /// One whose log is a pipe that nobody reads any more, so that no line of it can be written.
    pub(crate) fn start_unheard(arguments: &[String]) -> Self {
        let mut child = spawn(Command::new(PROGRAM), arguments, &[]);
        drop(child.stderr.take());
        let stdout = gather(child.stdout.take().unwrap());
        Self {
            child,
            stdout,
            stderr: Arc::default(),
        }
    }

    /// One to which permissions of files apply as to anybody, even where the tests are run by root.
    pub(crate) fn start_bound_by_permissions(arguments: &[String]) -> Self {
        if !rustix::process::geteuid().is_root() {
            return Self::start(arguments);
        }
        let mut command = Command::new("setpriv");
        command
            .arg("--bounding-set=-dac_override,-dac_read_search")
            .arg(PROGRAM);
        let mut child = spawn(command, arguments, &[]);
        let stdout = gather(child.stdout.take().unwrap());
        Self::watch(child, stdout)
    }

    fn watch(mut child: Child, stdout: Arc<Mutex<String>>) -> Self {
        let stderr = gather(child.stderr.take().unwrap());
        Self {
            child,
            stdout,
            stderr,
        }
    }

    pub(crate) fn stdout(&self) -> String {
        self.stdout.lock().unwrap().clone()
    }

    pub(crate) fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    /// Waits for its end; the output is complete then.
    pub(crate) fn ended(&mut self, within: Duration) -> ExitStatus {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                eventually("the end of its output", || {
                    if Arc::strong_count(&self.stderr) + Arc::strong_count(&self.stdout) > 2 {
                        return Err("still open".to_owned());
                    }
                    Ok(())
                });
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "the job has not ended within {within:?}:\n{}",
                self.stderr()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for its end, which must be one with this exit code.
    pub(crate) fn ends_with(&mut self, code: i32, within: Duration) {
        let status = self.ended(within);
        assert_eq!(status.code(), Some(code), "{}", self.stderr());
    }

    /// Waits until the log has a text.
    pub(crate) fn says(&mut self, text: &str) {
        eventually(text, || {
            let log = self.stderr();
            if log.contains(text) { Ok(()) } else { Err(log) }
        });
    }

    /// Status and body of a page of its HTTP port.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        let address = eventually("the HTTP address", || {
            let log = self.stderr();
            let line = log.lines().find(|line| line.contains("serving /metrics"));
            let line: serde_json::Value = serde_json::from_str(line.ok_or_else(|| log.clone())?).unwrap();
            Ok(line["address"].as_str().unwrap().to_owned())
        });
        let mut stream = TcpStream::connect(address).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer[9..12].parse().unwrap();
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        (status, body.to_owned())
    }

    /// The value of a metric without labels.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        metric_in(&self.get("/metrics").1, name)
    }

    /// The most memory it ever had, in MiB.
    pub(crate) fn peak_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kib / 1024
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(mut command: Command, arguments: &[String], environment: &[(&str, &str)]) -> Child {
    command
        .args(arguments)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Reads a stream to its end on a thread, which lets go of the text then.
fn gather(stream: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let text = Arc::new(Mutex::new(String::new()));
    let shared = Arc::clone(&text);
    std::thread::spawn(move || {
        let mut lines = BufReader::new(stream);
        let mut line = String::new();
        while lines.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
            shared.lock().unwrap().push_str(&line);
            line.clear();
        }
    });
    text
}

/// The value of a metric without labels in what was scraped.
pub(crate) fn metric_in(body: &str, name: &str) -> u64 {
    let line = body
        .lines()
        .find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
    let line = line.unwrap_or_else(|| panic!("no metric {name} in:\n{body}"));
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}
