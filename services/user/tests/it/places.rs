//! All places that sessions and carts are kept in.

use std::future::Future;

use test_support::databases::on_each_database;

use crate::world::Place;

/// Runs a test with sessions and carts in each database, then in DynamoDB unless that is to be skipped.
#[track_caller]
pub(crate) fn on_each_place<F>(test: impl Fn(Place) -> F)
where
    F: Future<Output = ()>,
{
    on_each_database(|url| test(Place::from(&url)));
    #[cfg(feature = "dynamodb")]
    in_dynamodb(&test);
}

#[cfg(feature = "dynamodb")]
#[track_caller]
fn in_dynamodb<F>(test: &impl Fn(Place) -> F)
where
    F: Future<Output = ()>,
{
    use service_common::dynamo::DynamoUrl;
    use user_service::carts::DynamoCarts;
    use user_service::places::KeptIn;
    use user_service::sessions::DynamoSessions;

    let Some(moto) = test_support::servers::needed("WEIR_TEST_S3", "the URL of a moto server") else {
        return;
    };
    eprintln!("on DynamoDB");
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let prefix = uuid::Uuid::new_v4().simple();
        let url: DynamoUrl = format!("dynamodb://eu-central-1?endpoint={moto}&prefix={prefix}-")
            .parse()
            .unwrap();
        let tables = url.open().await;
        DynamoSessions::create_table(&tables).await.unwrap();
        DynamoCarts::create_table(&tables).await.unwrap();
        test(Place {
            url: format!("sqlite:{}", folder.path().join("test.db").display()),
            kept_in: KeptIn { dynamo: Some(url) },
        })
        .await;
    });
}
