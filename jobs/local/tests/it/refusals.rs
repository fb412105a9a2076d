//! What it does not start with, and how it says so.

use std::net::TcpListener;

use crate::weir::run;

#[test]
fn a_wrong_value_ends_with_64_and_names_the_flag() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        ["--history", "soon"],
        ["--late", "2"],
        ["--rate", "-5"],
        ["--nonsense", "1"],
    ] {
        let said = run(folder.path(), &arguments);
        assert_eq!(said.code, Some(64), "{arguments:?}: {}", said.err);
        assert!(said.err.contains(arguments[0]), "{}", said.err);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_nothing_can_be_written_into_ends_with_64() {
    let said = run(std::path::Path::new("/proc/self"), &[]);
    assert_eq!(said.code, Some(64), "{}", said.err);
    assert!(said.err.contains("--data-dir"), "{}", said.err);
}

#[test]
fn a_taken_port_ends_with_69_and_its_number() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for flag in ["--listen", "--http-addr", "--shop-addr", "--payment-grpc-addr"] {
        let folder = tempfile::tempdir().unwrap();
        let said = run(folder.path(), &[flag, &address]);
        assert_eq!(said.code, Some(69), "{}", said.err);
        let port = taken.local_addr().unwrap().port().to_string();
        assert!(
            said.err.contains(flag) && said.err.contains(&port),
            "{}",
            said.err
        );
    }
}

#[test]
fn a_file_that_is_missing_or_holds_no_orders_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = run(folder.path(), &["--input", "/nowhere/orders.jsonl"]);
    assert_eq!(missing.code, Some(64), "{}", missing.err);
    assert!(
        missing.err.contains("--input") && missing.err.contains("/nowhere/orders.jsonl"),
        "{}",
        missing.err
    );

    let wrong = folder.path().join("wrong.parquet");
    std::fs::write(&wrong, "PAR1 it is not").unwrap();
    let said = run(folder.path(), &["--input", wrong.to_str().unwrap()]);
    assert_eq!(said.code, Some(64), "{}", said.err);
    assert!(said.err.contains("wrong.parquet"), "{}", said.err);
}
