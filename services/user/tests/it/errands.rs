//! The binary's errands.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use service_common::auth::{Caller, SigningKey, Verifier, VerifyingKeys};
use test_support::databases::on_each_database;

use crate::world::World;

fn run(args: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_user-service"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that refuses its arguments does not read.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn printed(output: &Output) -> String {
    let (out, error) = (&output.stdout, &output.stderr);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(error));
    String::from_utf8(out.clone()).unwrap().trim().to_owned()
}

#[test]
fn the_first_admin_is_made_by_a_command() {
    on_each_database(async |url| {
        let args = [
            "create-admin",
            "--database-url",
            &url,
            "--email",
            "boss@example.com",
        ];
        let id = printed(&run(&args, "a boss's horse\n"));
        let world = World::open(&url).await;
        let user = world.log_in("boss@example.com", "a boss's horse").await.unwrap();
        assert_eq!((user.id, user.role.as_str()), (id, "admin"));
        let refused = run(&args, "short\n");
        let error = String::from_utf8(refused.stderr).unwrap();
        assert!(
            !refused.status.success() && error.contains("shorter than 8"),
            "{error}"
        );
    });
}

#[test]
fn a_services_token_is_made_by_a_command() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token.pem");
    let file = path.to_str().unwrap();
    let args = [
        "issue-service-token",
        "--signing-key-file",
        file,
        "--name",
        "order-service",
    ];
    let token = printed(&run(&args, ""));
    let key = SigningKey::in_file(&path).unwrap();
    let verifier = Verifier::new(VerifyingKeys::of(&key.public()).unwrap());
    let name = "order-service".to_owned();
    assert_eq!(verifier.verify(&token), Ok(Caller::Service { name }));
}

#[test]
fn what_is_wrong_with_the_arguments_ends_the_start_with_64() {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}", folder.path().join("users.db").display());
    for args in [
        ["create-admin", "--database-url", &database, "--email", "nobody"].as_slice(),
        &["issue-service-token", "--name", "order-service"],
        &["issue-service-token", "--name", "", "--signing-key", "AAAA"],
        &["serve"],
    ] {
        assert_eq!(run(args, "").status.code(), Some(64), "{args:?}");
    }
}
