//! The generated code is that of the .proto files.

use std::collections::BTreeMap;
use std::path::Path;
use std::{env, fs};

use prost::Message;

const FILES: [&str; 6] = [
    "ecommerce/common/v1/common.proto",
    "ecommerce/user/v1/user.proto",
    "ecommerce/product/v1/product.proto",
    "ecommerce/order/v1/order.proto",
    "ecommerce/payment/v1/payment.proto",
    "ecommerce/analytics/v1/analytics.proto",
];

/// Messages whose `Debug` is written by hand, as they hold passwords, tokens or addresses: see `src/private.rs`.
const PRIVATE: [&str; 5] = [
    ".ecommerce.user.v1.AuthRequest",
    ".ecommerce.user.v1.CreateUserRequest",
    ".ecommerce.user.v1.UserResponse",
    ".ecommerce.user.v1.Session",
    ".ecommerce.user.v1.RefreshRequest",
];

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Generates everything into a folder.
fn generate(into: &Path) {
    let mut descriptors = protox::compile(FILES, [here().parent().unwrap()]).unwrap();
    tonic_prost_build::configure()
        .out_dir(into)
        .skip_debug(PRIVATE)
        .compile_fds(descriptors.clone())
        .unwrap();
    // Comments are no part of the contract.
    for file in &mut descriptors.file {
        file.source_code_info = None;
    }
    fs::write(into.join("descriptors.bin"), descriptors.encode_to_vec()).unwrap();
}

fn files_of(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    files
        .map(|file| {
            (
                file.file_name().into_string().unwrap(),
                fs::read(file.path()).unwrap(),
            )
        })
        .filter(|(name, _)| !name.starts_with("google."))
        .collect()
}

#[test]
fn the_code_in_the_repository_is_what_the_proto_files_generate() {
    let kept = here().join("generated");
    let fresh = tempfile::tempdir().unwrap();
    generate(fresh.path());
    let fresh = files_of(fresh.path());
    if env::var_os("WEIR_REGENERATE").is_some() {
        for (name, content) in &fresh {
            fs::write(kept.join(name), content).unwrap();
        }
    }
    let kept = files_of(&kept);
    assert_eq!(fresh.keys().collect::<Vec<_>>(), kept.keys().collect::<Vec<_>>());
    for (name, content) in &fresh {
        assert!(
            kept[name] == *content,
            "{name} is not what the .proto files say; if they were changed on purpose: \
             WEIR_REGENERATE=1 cargo test -p weir-rpc"
        );
    }
}
