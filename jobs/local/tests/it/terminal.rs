//! The live table on a terminal, which util-linux's `script` plays.

use std::io::{ErrorKind, Read};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use crate::weir::{PATIENCE, free_ports};

const ENTER: &str = "\x1b[?1049h";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

#[test]
fn however_often_it_is_interrupted_the_terminal_is_left_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let pid = folder.path().join("pid");
    let line = format!(
        "echo $$ > {}; exec {} --data-dir {} {} --history 1m",
        pid.display(),
        env!("CARGO_BIN_EXE_weir"),
        folder.path().display(),
        free_ports(&[]).join(" ")
    );
    let started = Command::new("script")
        .args(["--quiet", "--return", "--command", &line, "/dev/null"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn();
    let mut terminal = match started {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            eprintln!("skipped: this machine has no `script`");
            return;
        }
        started => started.unwrap(),
    };
    let mut screen = terminal.stdout.take().unwrap();
    let (pieces, shown) = channel();
    std::thread::spawn(move || {
        let mut piece = [0; 4_096];
        while let Ok(length @ 1..) = screen.read(&mut piece) {
            if pieces.send(piece[..length].to_vec()).is_err() {
                return;
            }
        }
    });

    let deadline = Instant::now() + PATIENCE;
    let mut seen = String::new();
    let status = loop {
        assert!(Instant::now() < deadline, "still there:\n{seen}");
        while let Ok(piece) = shown.recv_timeout(Duration::from_millis(10)) {
            seen.push_str(&String::from_utf8_lossy(&piece));
        }
        if let Some(status) = terminal.try_wait().unwrap() {
            break status;
        }
        if seen.contains(ENTER) {
            // No keys: a terminal throws away what it has not shown yet when Ctrl-C is pressed. It may be gone already.
            let pid = std::fs::read_to_string(&pid).unwrap();
            let _ = Command::new("kill")
                .args(["-INT", pid.trim()])
                .stderr(Stdio::null())
                .status();
        }
    };
    while let Ok(piece) = shown.recv_timeout(PATIENCE) {
        seen.push_str(&String::from_utf8_lossy(&piece));
    }
    assert!(matches!(status.code(), Some(130 | 0)), "{status}\n{seen}");
    let left = seen.rfind(LEAVE).unwrap_or_else(|| panic!("not left:\n{seen}"));
    assert!(Some(left) > seen.rfind(ENTER), "entered again:\n{seen}");
    assert!(!seen[left..].contains("\x1b[H"), "drawn afterwards:\n{seen}");
}
