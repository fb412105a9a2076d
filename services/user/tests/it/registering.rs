//! Registering.

use std::time::Duration;

use service_common::failure::Code;
use sqlx::Row as _;
use test_support::databases::on_each_database;
use user_service::Rules;
use user_service::hasher::Hasher;
use weir_rpc::user::v1::CreateUserRequest;

use crate::world::{PASSWORD, World, keyed, registration};

const ACCOUNTS: &str = "SELECT COUNT(*) FROM accounts";
const EVENTS: &str = "SELECT COUNT(*) FROM outbox_events";

#[test]
fn who_registers_has_an_account_and_is_welcomed_without_the_address_leaving_the_service() {
    on_each_database(async |url| {
        let world = World::open(&url).await;
        let user = world.register(registration(" Ann@Example.com ")).await.unwrap();
        assert!(user.id.starts_with("usr_"));
        assert_eq!(
            (user.email.as_str(), user.role.as_str()),
            ("Ann@Example.com", "customer")
        );
        assert!(user.session.is_none(), "nobody has logged in");
        let row = sqlx::query("SELECT topic, record_key, payload, headers FROM outbox_events")
            .fetch_one(world.database.pool())
            .await
            .unwrap();
        let text = |column: &str| row.get::<String, _>(column);
        assert_eq!(
            (text("topic"), text("record_key")),
            ("notifications".to_owned(), user.id.clone())
        );
        let payload: serde_json::Value = serde_json::from_str(&text("payload")).unwrap();
        assert_eq!(payload["user_id"], user.id);
        assert_eq!(payload["template"], "welcome");
        assert_eq!(payload["data"]["first_name"], "Ann");
        assert_eq!(payload["notification_id"], format!("welcome_{}", user.id));
        assert!(payload["created_at"].as_str().unwrap().ends_with('Z'));
        assert!(text("headers").contains("notification.welcome"));
        assert!(!text("payload").to_lowercase().contains("example.com"));
    });
}

#[test]
fn an_address_is_taken_whatever_its_case() {
    on_each_database(async |url| {
        let world = World::open(&url).await;
        world.register(registration("ann@example.com")).await.unwrap();
        let failure = world.register(registration("ANN@Example.COM")).await.unwrap_err();
        assert_eq!(failure.code, Code::EmailTaken);
        assert_eq!((world.count(ACCOUNTS).await, world.count(EVENTS).await), (1, 1));
    });
}

#[test]
fn of_many_who_register_an_address_at_once_one_gets_it() {
    on_each_database(async |url| {
        let world = World::open(&url).await;
        let attempts: Vec<_> = (0..6)
            .map(|_| {
                let users = world.api.users.clone();
                tokio::spawn(async move {
                    users
                        .register(crate::world::person("ann@example.com", PASSWORD), None)
                        .await
                })
            })
            .collect();
        let mut made = 0;
        for attempt in attempts {
            match attempt.await.unwrap() {
                Ok(_) => made += 1,
                Err(failure) => assert_eq!(failure.code, Code::EmailTaken),
            }
        }
        assert_eq!(
            (made, world.count(ACCOUNTS).await, world.count(EVENTS).await),
            (1, 1, 1)
        );
    });
}

#[test]
fn a_registration_repeated_with_its_key_makes_one_account() {
    on_each_database(async |url| {
        let world = World::open(&url).await;
        let first = world.register(keyed("ann@example.com", "key-1")).await.unwrap();
        let again = world.register(keyed("ann@example.com", "key-1")).await.unwrap();
        assert!(again == first);
        let bob = || world.register(keyed("bob@example.com", "key-2"));
        let (a, b, c) = tokio::join!(bob(), bob(), bob());
        let a = a.unwrap();
        assert!(a == b.unwrap() && a == c.unwrap());
        assert_eq!((world.count(ACCOUNTS).await, world.count(EVENTS).await), (2, 2));
    });
}

#[test]
fn a_key_that_came_with_another_registration_is_refused() {
    on_each_database(async |url| {
        let world = World::open(&url).await;
        world.register(keyed("ann@example.com", "key-1")).await.unwrap();
        let other_password = CreateUserRequest {
            password: "another horse".to_owned(),
            ..keyed("ann@example.com", "key-1")
        };
        for request in [other_password, keyed("bob@example.com", "key-1")] {
            let failure = world.register(request).await.unwrap_err();
            assert_eq!(failure.code, Code::KeyReused);
        }
        assert_eq!(world.count(ACCOUNTS).await, 1);
    });
}

#[test]
fn that_an_address_was_taken_is_kept_under_the_key() {
    on_each_database(async |url| {
        let world = World::open(&url).await;
        world.register(registration("ann@example.com")).await.unwrap();
        let taken = world
            .register(keyed("ann@example.com", "key-1"))
            .await
            .unwrap_err();
        sqlx::query("DELETE FROM accounts")
            .execute(world.database.pool())
            .await
            .unwrap();
        let again = world
            .register(keyed("ann@example.com", "key-1"))
            .await
            .unwrap_err();
        assert_eq!(taken.code, Code::EmailTaken);
        assert_eq!(again, taken);
    });
}

#[test]
fn that_there_was_too_much_to_do_or_a_field_was_wrong_is_not_kept_under_the_key() {
    on_each_database(async |url| {
        let busy = World::with_hasher(&url, Rules::default(), Hasher::new(0, Duration::ZERO)).await;
        let failure = busy
            .register(keyed("ann@example.com", "key-1"))
            .await
            .unwrap_err();
        assert_eq!(failure.code, Code::Overloaded);
        let world = World::open(&url).await;
        let wrong = CreateUserRequest {
            password: "short".to_owned(),
            ..keyed("ann@example.com", "key-1")
        };
        let failure = world.register(wrong).await.unwrap_err();
        assert_eq!(
            (failure.code, failure.fields[0].field.as_str()),
            (Code::Invalid, "password")
        );
        world.register(keyed("ann@example.com", "key-1")).await.unwrap();
    });
}
