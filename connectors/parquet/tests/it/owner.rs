//! Whose place it is.

use std::fs;

use weir_parquet::{Store, StoreError};

use crate::support::JOB;

#[tokio::test]
async fn a_place_belongs_to_the_job_that_came_first() {
    let folder = tempfile::tempdir().unwrap();
    let url = folder.path().to_str().unwrap();
    Store::open(url, JOB).await.unwrap();
    assert_eq!(
        fs::read_to_string(folder.path().join("_job")).unwrap(),
        r#"{"job_id":"order-analytics"}"#
    );

    Store::open(url, JOB).await.unwrap();
    let error = Store::open(url, "another").await.unwrap_err();
    assert!(
        matches!(&error, StoreError::OwnedBy { owner, job_id, .. } if owner == JOB && job_id == "another")
    );
    assert!(error.is_configuration());
    assert_eq!(
        error.to_string(),
        format!(
            "{url} belongs to the job `order-analytics`, not to `another`: give each job its own place, or use its job id"
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_jobs_that_come_at_once_one_wins() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let url = folder.path().to_str().unwrap().to_owned();
        let claims: Vec<_> = (0..4)
            .map(|n| {
                let url = url.clone();
                tokio::spawn(async move { Store::open(&url, &format!("job-{n}")).await })
            })
            .collect();
        let mut won = 0;
        for claim in claims {
            match claim.await.unwrap() {
                Ok(_) => won += 1,
                Err(StoreError::OwnedBy { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(won, 1);
    }
}

#[tokio::test]
async fn an_owner_that_cannot_be_read_is_not_taken_for_nobody() {
    let folder = tempfile::tempdir().unwrap();
    for content in ["", "{}", "\0\0\0"] {
        fs::write(folder.path().join("_job"), content).unwrap();
        let error = Store::open(folder.path().to_str().unwrap(), JOB)
            .await
            .unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
        assert_eq!(fs::read_to_string(folder.path().join("_job")).unwrap(), content);
    }
}

#[tokio::test]
async fn an_empty_job_id_is_refused() {
    assert!(Store::open("memory:", "").await.unwrap_err().is_configuration());
}

#[tokio::test]
async fn a_wrong_url_is_a_matter_of_configuration() {
    let error = Store::open("ftp://host/x", JOB).await.unwrap_err();
    assert!(error.is_configuration());
    assert!(
        error
            .to_string()
            .starts_with("storage URL `ftp://host/x` cannot be used: `ftp:` is not"),
        "{error}"
    );
}
