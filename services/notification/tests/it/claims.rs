//! Claims: one suite for all places that they can be kept in.

use std::sync::Arc;
use std::time::Duration;

use notification_service::claims::{Claim, Claims, Terms};
use test_support::databases::on_each_database;

use crate::world::claims;

const DAY: Duration = Duration::from_secs(86_400);
const FRESH: Claim = Claim::Ours { may_repeat: false };
const AGAIN: Claim = Claim::Ours { may_repeat: true };
const LASTING: Terms = Terms {
    lease: DAY,
    kept_for: DAY,
};
/// Whoever claims has no time at all.
const NO_LEASE: Terms = Terms {
    lease: Duration::ZERO,
    kept_for: DAY,
};
/// Nothing is kept.
const NOT_KEPT: Terms = Terms {
    lease: DAY,
    kept_for: Duration::ZERO,
};

/// Runs against new claims of these terms.
async fn suite<C: Claims + 'static>(open: impl AsyncFn(Terms) -> C) {
    let lasting = open(LASTING).await;
    lasting.ping().await.unwrap();
    a_message_is_claimed_once_and_stays_sent(&lasting).await;
    who_gives_a_claim_back_says_whether_the_next_may_repeat(&lasting).await;
    older_versions_are_told_from_newer_ones(&lasting).await;
    of_many_at_once_one_gets_it(Arc::new(lasting)).await;
    a_lease_that_ran_out_is_taken_over(&open(NO_LEASE).await).await;
    what_was_kept_long_enough_is_refused(&open(NOT_KEPT).await).await;
}

async fn a_message_is_claimed_once_and_stays_sent(claims: &impl Claims) {
    assert_eq!(claims.claim("a", "usr_1").await.unwrap(), FRESH);
    assert_eq!(claims.claim("a", "usr_1").await.unwrap(), Claim::Taken);
    assert_eq!(claims.claim("a", "usr_2").await.unwrap(), FRESH);
    claims.mark("a", "usr_1").await.unwrap();
    claims.mark("a", "usr_1").await.unwrap();
    assert_eq!(claims.claim("a", "usr_1").await.unwrap(), Claim::Sent);
    assert_eq!(claims.claim("a", "usr_2").await.unwrap(), Claim::Taken);
    // Who was overtaken takes nothing back.
    for certainly_not in [true, false] {
        claims.release("a", "usr_1", certainly_not).await.unwrap();
    }
    assert_eq!(claims.claim("a", "usr_1").await.unwrap(), Claim::Sent);
    assert_eq!(claims.sweep().await.unwrap(), 0);
}

async fn who_gives_a_claim_back_says_whether_the_next_may_repeat(claims: &impl Claims) {
    assert_eq!(claims.claim("b", "usr_1").await.unwrap(), FRESH);
    claims.release("b", "usr_1", true).await.unwrap();
    assert_eq!(claims.claim("b", "usr_1").await.unwrap(), FRESH);
    claims.release("b", "usr_1", false).await.unwrap();
    assert_eq!(claims.claim("b", "usr_1").await.unwrap(), AGAIN);
    assert_eq!(claims.claim("b", "usr_1").await.unwrap(), Claim::Taken);
    claims.mark("b", "usr_1").await.unwrap();
    assert_eq!(claims.claim("b", "usr_1").await.unwrap(), Claim::Sent);
    // What was never claimed is not made by giving it back.
    claims.release("never", "usr_1", false).await.unwrap();
    assert_eq!(claims.claim("never", "usr_1").await.unwrap(), FRESH);
}

async fn older_versions_are_told_from_newer_ones(claims: &impl Claims) {
    for (subject, version, is_told) in [
        ("ord_1", 2, true),
        ("ord_1", 2, true),
        ("ord_1", 5, true),
        ("ord_1", 2, false),
        ("ord_2", 1, true),
        ("ord_1", 5, true),
    ] {
        let advanced = claims.advance(subject, version).await.unwrap();
        assert_eq!(advanced, is_told, "{subject} {version}");
    }
}

async fn of_many_at_once_one_gets_it(claims: Arc<impl Claims + 'static>) {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let claims = claims.clone();
        tasks.spawn(async move { claims.claim("c", "usr_1").await.unwrap() });
    }
    let claimed = tasks.join_all().await;
    let ours = claimed.iter().filter(|claim| **claim == FRESH).count();
    assert_eq!(ours, 1, "{claimed:?}");
    assert!(claimed.iter().all(|claim| [FRESH, Claim::Taken].contains(claim)));
}

async fn a_lease_that_ran_out_is_taken_over(claims: &impl Claims) {
    assert_eq!(claims.claim("d", "usr_1").await.unwrap(), FRESH);
    assert_eq!(claims.claim("d", "usr_1").await.unwrap(), AGAIN);
    claims.mark("d", "usr_1").await.unwrap();
    assert_eq!(claims.claim("d", "usr_1").await.unwrap(), Claim::Sent);
}

async fn what_was_kept_long_enough_is_refused(claims: &impl Claims) {
    assert_eq!(claims.claim("e", "usr_1").await.unwrap(), FRESH);
    claims.mark("e", "usr_1").await.unwrap();
    // Ends are whole seconds where time to live is.
    let again = tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            match claims.claim("e", "usr_1").await.unwrap() {
                Claim::Sent => tokio::time::sleep(Duration::from_millis(20)).await,
                claim => return claim,
            }
        }
    });
    assert_eq!(again.await.unwrap(), FRESH);
}

#[test]
fn claims_hold_in_each_database() {
    on_each_database(async |url| {
        suite(async |terms| claims(&url, terms).await).await;
    });
}

#[test]
fn what_ran_out_is_swept() {
    on_each_database(async |url| {
        let claims = claims(&url, NOT_KEPT).await;
        claims.claim("a", "usr_1").await.unwrap();
        claims.advance("ord_1", 1).await.unwrap();
        assert_eq!(claims.sweep().await.unwrap(), 2);
        assert_eq!(claims.sweep().await.unwrap(), 0);
    });
}

#[cfg(feature = "dynamodb")]
#[tokio::test(flavor = "multi_thread")]
async fn claims_hold_in_dynamodb() {
    use notification_service::claims::DynamoClaims;
    use service_common::dynamo::DynamoUrl;

    let Some(moto) = test_support::servers::needed("WEIR_TEST_S3", "the URL of a moto server") else {
        return;
    };
    let prefix = uuid::Uuid::new_v4().simple();
    let url: DynamoUrl = format!("dynamodb://eu-central-1?endpoint={moto}&prefix={prefix}-")
        .parse()
        .unwrap();
    let tables = url.open().await;
    DynamoClaims::create_table(&tables).await.unwrap();
    suite(async |terms| DynamoClaims::new(tables.clone(), terms)).await;
}
