//! Runs the binary on free ports and takes what it says.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A run that takes longer than this has hung.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// What a run said and how it ended.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// The line that begins or goes on like this.
    pub(crate) fn line(&self, part: &str) -> &str {
        let found = self.out.lines().find(|line| line.contains(part));
        found.unwrap_or_else(|| panic!("no line with `{part}` in\n{}\n{}", self.out, self.err))
    }

    /// The check must hold and the process have ended well.
    pub(crate) fn assert_holds(&self) {
        assert_eq!(self.code, Some(0), "{}\n{}", self.out, self.err);
        assert!(self.out.contains("check: holds"), "{}\n{}", self.out, self.err);
        assert!(self.line("orders produced =").contains("accepted +"));
        assert!(self.line("equal SQL over the same orders").contains(" windows ("));
    }

    /// The first number of the line with this part.
    pub(crate) fn number(&self, part: &str) -> u64 {
        let digits: String = self
            .line(part)
            .trim_start()
            .chars()
            .take_while(|letter| letter.is_ascii_digit() || *letter == ',')
            .filter(char::is_ascii_digit)
            .collect();
        digits.parse().unwrap()
    }
}

/// The flags that say where something listens.
const PORTS: [&str; 13] = [
    "--listen",
    "--http-addr",
    "--shop-addr",
    "--metrics-addr",
    "--user-grpc-addr",
    "--product-grpc-addr",
    "--product-http-addr",
    "--order-grpc-addr",
    "--order-http-addr",
    "--payment-grpc-addr",
    "--payment-http-addr",
    "--analytics-grpc-addr",
    "--analytics-http-addr",
];

/// What makes it listen on free ports, save where a test says another one: the ports that users rely upon may be taken,
/// also by the near end of some connection.
pub(crate) fn free_ports(but: &[&str]) -> Vec<String> {
    let free = PORTS.iter().filter(|flag| !but.contains(flag));
    free.map(|flag| format!("{flag}=127.0.0.1:0")).collect()
}

/// Starts the binary with these arguments.
pub(crate) fn start(data_dir: &Path, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_weir"))
        .arg("--data-dir")
        .arg(data_dir)
        .arg("--plain")
        .args(free_ports(arguments))
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Runs the binary to its end.
pub(crate) fn run(data_dir: &Path, arguments: &[&str]) -> Said {
    finish(start(data_dir, arguments))
}

/// Waits for the end of a started binary.
pub(crate) fn finish(mut child: Child) -> Said {
    let mut stdout = child.stdout.take().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let errors = std::thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).map(|_| text)
    });
    let outputs = std::thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).map(|_| text)
    });
    let deadline = Instant::now() + PATIENCE;
    let code = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status.code();
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            break None;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let (out, err) = (outputs.join().unwrap().unwrap(), errors.join().unwrap().unwrap());
    assert!(
        code.is_some() || Instant::now() < deadline,
        "did not end within {PATIENCE:?}:\n{out}\n{err}"
    );
    Said { code, out, err }
}
