//! Schemathesis holds a whole shop to its OpenAPI document.

use std::path::Path;
use std::process::{Command, Stdio};

use test_support::servers::needed;

use crate::demo::signal;
use crate::shop::{Shop, wait};
use crate::weir::start;

#[test]
fn no_request_that_can_be_made_up_breaks_the_contract() {
    let Some(python) = needed("WEIR_TEST_PYTHON", "Python with Schemathesis") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut child = start(&folder.path().join("data"), &["--history", "1m", "--rate", "1"]);
    let (shop, _) = Shop::of(&mut child);
    let token = shop.log_in("ada@example.test");
    let output = Command::new(Path::new(&python).with_file_name("schemathesis"))
        .arg("--config-file")
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../services/api-gateway/tests/schemathesis.toml"
        ))
        .arg("run")
        .arg(format!("{}/openapi.json", shop.base))
        .args(["--url", &shop.base])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .args(["--max-examples", "20", "--no-color"])
        // It keeps what it has learnt in the folder it runs in.
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{errors}");

    signal(&child, "-INT");
    assert_eq!(wait(&mut child), Some(0));
}
