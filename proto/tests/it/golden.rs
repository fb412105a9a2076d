//! Values as they lie in topics: what was written once is read for ever, and written the same.

use std::collections::BTreeMap;
use std::path::Path;

use weir_proto::{AnalyticsResult, Order};
use xxhash_rust::xxh3::xxh3_128;

/// The fixtures of a folder by file name, without the line feed at the end of each file.
fn fixtures(folder: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/v1")
        .join(folder);
    let fixtures: BTreeMap<_, _> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let text = std::fs::read(&path).unwrap();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, text.strip_suffix(b"\n").unwrap_or(&text).to_vec())
        })
        .collect();
    assert!(!fixtures.is_empty(), "{} is empty", folder.display());
    fixtures
}

/// The files under `folder` by their path from `root`, with the hash of each as `xxh128sum` prints it.
fn sums(root: &Path, folder: &Path, found: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sums(root, &path, found);
        } else {
            let hash = xxh3_128(&std::fs::read(&path).unwrap());
            let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
            found.insert(name, format!("{hash:032x}"));
        }
    }
}

#[test]
fn no_fixture_was_changed_and_each_is_listed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/v1");
    let mut found = BTreeMap::new();
    sums(&root, &root, &mut found);
    found.remove("XXH128SUMS");
    let listed = std::fs::read_to_string(root.join("XXH128SUMS")).unwrap();
    let found: String = found
        .iter()
        .map(|(name, hash)| format!("{hash}  {name}\n"))
        .collect();
    assert_eq!(
        found, listed,
        "a fixture is never edited; a new one is one more line"
    );
}

#[test]
fn orders_are_written_as_they_were_read() {
    for (name, value) in fixtures("orders") {
        let order = Order::from_json(&value).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(
            String::from_utf8(order.to_json()).unwrap(),
            String::from_utf8(value).unwrap(),
            "{name}"
        );
    }
}

#[test]
fn other_spellings_of_an_order_mean_the_same_order() {
    let orders = fixtures("orders");
    for (name, value) in fixtures("other-spellings") {
        let order = Order::from_json(&value).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(order, Order::from_json(&orders[&name]).unwrap(), "{name}");
    }
}

#[test]
fn results_are_written_as_they_were_read() {
    for (name, value) in fixtures("results") {
        let result = AnalyticsResult::from_json(&value).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(
            String::from_utf8(result.to_json()).unwrap(),
            String::from_utf8(value).unwrap(),
            "{name}"
        );
    }
}
