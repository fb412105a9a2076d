//! Files in a folder, in memory, in S3 and in Google Cloud Storage: one suite.

use bytes::Bytes;
use service_common::failure::Code;
use service_common::files::{FileName, Files};
use test_support::buckets::Bucket;

async fn a_file_is_there_until_it_is_removed(files: &Files) {
    let name = FileName::of(["kb-1", "a picture.png"]);
    assert_eq!(files.get(&name).await, Ok(None));
    for content in [&b"first"[..], b"second", b"", &[0xff; 700_000]] {
        files.put(&name, Bytes::copy_from_slice(content)).await.unwrap();
        assert_eq!(files.get(&name).await.unwrap().unwrap(), content);
    }
    let other = FileName::of(["kb-1", "another.png"]);
    assert_eq!(files.get(&other).await, Ok(None));
    for _ in 0..2 {
        files.remove(&name).await.unwrap();
        assert_eq!(files.get(&name).await, Ok(None));
    }
}

async fn of_all_who_put_it_once_each_gets_the_first(files: &Files) {
    let name = FileName::of(["ord_1", "invoice.html"]);
    let puts = (0..8_u8).map(|n| {
        let (files, name) = (files.clone(), name.clone());
        tokio::spawn(async move { files.put_once(&name, Bytes::from(vec![n; 100])).await })
    });
    let puts: Vec<_> = puts.collect();
    let stands = {
        let mut got = Vec::new();
        for put in puts {
            got.push(put.await.unwrap().unwrap());
        }
        assert!(got.iter().all(|one| *one == got[0]), "{got:?}");
        got.remove(0)
    };
    let late = files.put_once(&name, Bytes::from_static(b"late")).await.unwrap();
    assert_eq!(late, stands);
    assert_eq!(files.get(&name).await, Ok(Some(stands)));
}

/// Whatever a part holds, its file is one of its own and lies below the root.
async fn no_name_leads_elsewhere(files: &Files) {
    let parts = [
        "..",
        ".",
        "",
        "/",
        "/etc/passwd",
        "../../x",
        "a/b",
        "%2e%2e",
        "a\0b",
        "ü",
        "~",
        "a#1",
    ];
    let names = parts.map(|part| FileName::of([part, "..", part]));
    for (name, part) in names.iter().zip(parts) {
        files
            .put(name, Bytes::copy_from_slice(part.as_bytes()))
            .await
            .unwrap();
    }
    for (name, part) in names.iter().zip(parts) {
        assert_eq!(
            files.get(name).await.unwrap().unwrap(),
            part.as_bytes(),
            "{part:?}"
        );
    }
}

async fn suite(files: Files) {
    a_file_is_there_until_it_is_removed(&files).await;
    of_all_who_put_it_once_each_gets_the_first(&files).await;
    no_name_leads_elsewhere(&files).await;
}

#[tokio::test]
async fn in_memory() {
    suite(Files::open("memory:").unwrap()).await;
}

#[tokio::test]
async fn in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("deep/inside");
    suite(Files::open(root.to_str().unwrap()).unwrap()).await;
    let beside: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(beside.len(), 1, "{beside:?}");
    // What was stored is there for the next process.
    let again = Files::open(&format!("file://{}", root.display())).unwrap();
    let invoice = again.get(&FileName::of(["ord_1", "invoice.html"])).await.unwrap();
    assert_eq!(invoice.unwrap().len(), 100);
}

#[tokio::test]
async fn in_s3() {
    let Some(bucket) = Bucket::s3() else { return };
    suite(Files::open_with(&bucket.url, &bucket.settings).unwrap()).await;
}

#[tokio::test]
async fn in_google_cloud_storage() {
    let Some(bucket) = Bucket::gcs() else { return };
    suite(Files::open_with(&bucket.url, &bucket.settings).unwrap()).await;
}

#[tokio::test]
async fn a_store_that_is_away_is_unavailable_and_a_wrong_url_is_named() {
    // Port 9 of loopback.
    let settings = [
        ("AWS_ENDPOINT", "https://127.0.0.1:9"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let files = Files::open_with("s3://bucket/x", &settings).unwrap();
    let name = FileName::of(["a"]);
    for failure in [
        files.get(&name).await.unwrap_err(),
        files.put(&name, Bytes::new()).await.unwrap_err(),
        files.remove(&name).await.unwrap_err(),
    ] {
        assert_eq!(failure.code, Code::Unavailable, "{failure:?}");
        assert!(!failure.detail.contains("bucket"), "{failure:?}");
    }
    let error = Files::open("ftp://host/x").unwrap_err().to_string();
    assert!(
        error.contains("ftp://host/x") && error.contains("s3://BUCKET"),
        "{error}"
    );
}
