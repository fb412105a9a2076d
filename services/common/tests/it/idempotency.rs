//! Keys are claimed once, and their answers kept.

use std::time::Duration;

use service_common::database::{Database, DatabaseOptions, Statement, Step};
use service_common::failure::{Code, Failure};
use service_common::idempotency::{self, Claim, Fingerprint, Scope, claim, keep};
use service_common::secret::MacKey;
use test_support::databases::on_each_database;
use weir_rpc::common::v1::Money;

const STEPS: &[Step] = &[Step {
    version: 1,
    description: "idempotency keys",
    sql: idempotency::SCHEMA,
}];
const LEASE: Duration = Duration::from_secs(30);

async fn open(url: &str) -> Database {
    let options = DatabaseOptions::of(url.parse().unwrap());
    Database::open(&options, "one", STEPS).await.unwrap()
}

fn fingerprint(amount: i64) -> Fingerprint {
    let secret: MacKey = "a secret of the test".parse().unwrap();
    let message = Money {
        minor_units: amount,
        currency: "USD".to_owned(),
    };
    Fingerprint::of(&secret, &message)
}

fn scope() -> Scope {
    Scope::of("usr_1", "CreateOrder", "key-1").unwrap().unwrap()
}

async fn claimed(database: &Database, amount: i64, subject: &str, lease: Duration) -> Result<Claim, Failure> {
    let (transaction, claim) = claim(database, &scope(), &fingerprint(amount), subject, lease).await?;
    transaction.commit().await.unwrap();
    Ok(claim)
}

#[test]
fn the_first_answer_is_given_to_all_who_ask_again() {
    on_each_database(async |url| {
        let database = open(&url).await;
        let claim = claimed(&database, 1, "ord_1", LEASE).await;
        assert!(matches!(claim, Ok(Claim::First(_))), "{claim:?}");
        let mut transaction = database.begin().await.unwrap();
        keep(&scope(), "the answer")
            .execute(&mut transaction)
            .await
            .unwrap();
        keep(&scope(), "another").execute(&mut transaction).await.unwrap();
        transaction.commit().await.unwrap();
        let again = claimed(&database, 1, "ord_2", LEASE).await;
        assert_eq!(again, Ok(Claim::Answered("the answer".to_owned())));
    });
}

#[test]
fn who_asks_while_it_is_being_done_is_told_how_long_to_wait() {
    on_each_database(async |url| {
        let database = open(&url).await;
        claimed(&database, 1, "ord_1", LEASE).await.unwrap();
        let failure = claimed(&database, 1, "ord_2", LEASE).await.unwrap_err();
        assert_eq!(failure.code, Code::StillRunning);
        let delay = failure.retry_after.unwrap();
        assert!(delay > Duration::ZERO && delay <= LEASE, "{delay:?}");
    });
}

#[test]
fn after_the_lease_another_goes_on_with_the_same_subject() {
    on_each_database(async |url| {
        let database = open(&url).await;
        claimed(&database, 1, "ord_1", Duration::ZERO).await.unwrap();
        let resumed = claimed(&database, 1, "ord_2", LEASE).await;
        assert_eq!(resumed, Ok(Claim::Resumed("ord_1".to_owned())));
        let failure = claimed(&database, 1, "ord_3", LEASE).await.unwrap_err();
        assert_eq!(failure.code, Code::StillRunning);
    });
}

#[test]
fn a_key_with_another_request_is_refused_whether_or_not_the_first_is_done() {
    on_each_database(async |url| {
        let database = open(&url).await;
        claimed(&database, 1, "ord_1", LEASE).await.unwrap();
        let failure = claimed(&database, 2, "ord_2", LEASE).await.unwrap_err();
        assert_eq!(failure.code, Code::KeyReused);
    });
}

#[test]
fn of_many_who_claim_at_once_one_is_first() {
    on_each_database(async |url| {
        let database = open(&url).await;
        let claims: Vec<_> = (0..16)
            .map(|n| {
                let database = database.clone();
                tokio::spawn(async move { claimed(&database, 1, &format!("ord_{n}"), LEASE).await })
            })
            .collect();
        let mut first = 0;
        for claim in claims {
            match claim.await.unwrap() {
                Ok(Claim::First(_)) => first += 1,
                Err(failure) => assert_eq!(failure.code, Code::StillRunning),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(first, 1);
    });
}

#[test]
fn a_key_of_another_user_or_call_is_another_key() {
    let scopes = [
        Scope::of("usr_1", "CreateOrder", "k").unwrap(),
        Scope::of("usr_2", "CreateOrder", "k").unwrap(),
        Scope::of("usr_1", "ProcessPayment", "k").unwrap(),
    ];
    assert!(scopes[0] != scopes[1] && scopes[0] != scopes[2] && scopes[1] != scopes[2]);
    assert_eq!(Scope::of("usr_1", "CreateOrder", ""), Ok(None));
    for key in ["x".repeat(256), "a\nb".to_owned()] {
        assert_eq!(
            Scope::of("usr_1", "CreateOrder", &key).unwrap_err().code,
            Code::Invalid
        );
    }
}

#[test]
fn an_answer_is_forgotten_when_its_time_is_over_and_a_call_that_is_under_way_is_not() {
    on_each_database(async |url| {
        let database = open(&url).await;
        claimed(&database, 1, "ord_1", LEASE).await.unwrap();
        let age = Statement::new("UPDATE idempotency_keys SET kept_until_ms = 1");
        database.write(vec![age]).await.unwrap();
        assert_eq!(idempotency::sweep(&database).await.unwrap(), 0, "under way");
        database.write(vec![keep(&scope(), "the answer")]).await.unwrap();
        assert_eq!(idempotency::sweep(&database).await.unwrap(), 1);

        let again = claimed(&database, 1, "ord_2", LEASE).await;
        assert!(matches!(again, Ok(Claim::First(_))), "{again:?}");
        database.write(vec![keep(&scope(), "another")]).await.unwrap();
        assert_eq!(
            idempotency::sweep(&database).await.unwrap(),
            0,
            "its time is not over"
        );
    });
}
