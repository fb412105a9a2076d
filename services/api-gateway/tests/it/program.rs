//! The binary: its settings, its ports, its end.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_api-gateway"));
    command
        .env_clear()
        .args(["--service-token", "t", "--metrics-addr", "127.0.0.1:0"])
        .args(args);
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_setting_that_is_wrong_is_named() {
    for (args, named) in [
        (["--limit-user", "0"], "--limit-user"),
        (["--currency", "dollars"], "--currency"),
        (["--request-timeout", "soon"], "--request-timeout"),
    ] {
        let output = program(&args).output().unwrap();
        assert_eq!(output.status.code(), Some(64));
        assert!(said(&output).contains(named), "{}", said(&output));
    }
    let address = program(&["--http-addr", "127.0.0.1:0", "--order-service", "not an address"])
        .output()
        .unwrap();
    assert_eq!(address.status.code(), Some(1));
    assert!(said(&address).contains("not an address"), "{}", said(&address));
}

#[test]
fn a_port_that_is_taken_ends_the_start_with_its_number() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = program(&["--http-addr", &address]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains(&address), "{}", said(&output));
}

#[test]
fn sigterm_ends_it_well() {
    let mut command = program(&["--http-addr", "127.0.0.1:0"]);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("\"ready\"") {
        line.clear();
        assert!(log.read_line(&mut line).unwrap() > 0, "it ended");
    }
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGTERM).unwrap();
    assert!(child.wait().unwrap().success());
}
