//! What must not be seen is neither shown nor stored.

use sqlx::Row as _;
use test_support::databases::on_each_database;
use weir_rpc::user::v1::{AuthRequest, RefreshRequest};

use crate::world::{PASSWORD, World, keyed, person};

const EMAIL: &str = "ann.secret@example.com";

#[test]
fn neither_address_nor_password_nor_token_is_shown() {
    on_each_database(async |url| {
        let world = World::open(&url).await;
        let person = person(EMAIL, PASSWORD);
        world.register(keyed(EMAIL, "key-1")).await.unwrap();
        let (account, tokens) = world
            .api
            .users
            .authenticate(&person.email, person.password.clone())
            .await
            .unwrap();
        let stored = user_service::store::by_email(&world.database, &person.email)
            .await
            .unwrap();
        let messages = (
            keyed(EMAIL, "key-1"),
            world.log_in(EMAIL, PASSWORD).await.unwrap(),
            weir_rpc::user::v1::Session::from(tokens.clone()),
            RefreshRequest {
                refresh_token: tokens.refresh.reveal().to_owned(),
            },
            AuthRequest {
                email: EMAIL.to_owned(),
                password: PASSWORD.to_owned(),
            },
        );
        let shown = format!("{person:?} {account:?} {tokens:?} {stored:?} {messages:?}");
        let hidden = [
            EMAIL,
            PASSWORD,
            "Ann",
            "argon2",
            tokens.access.reveal(),
            tokens.refresh.reveal(),
        ];
        for hidden in hidden {
            assert!(!shown.contains(hidden), "{shown}");
        }
    });
}

#[test]
fn neither_password_nor_token_is_stored() {
    on_each_database(async |url| {
        let world = World::open(&url).await;
        world.register(keyed(EMAIL, "key-1")).await.unwrap();
        let first = world.log_in(EMAIL, PASSWORD).await.unwrap().session.unwrap();
        let second = world.refresh(&first.refresh_token).await.unwrap();
        let mut stored = String::new();
        for statement in [
            "SELECT id, email, email_key, password_hash, first_name, last_name FROM accounts",
            "SELECT id, user_id, current_digest, previous_digest FROM sessions",
            "SELECT scope, fingerprint, subject, answer FROM idempotency_keys",
            "SELECT payload, headers FROM outbox_events",
        ] {
            for row in sqlx::query(statement)
                .fetch_all(world.database.pool())
                .await
                .unwrap()
            {
                for column in 0..row.len() {
                    stored.push_str(&row.get::<Option<String>, _>(column).unwrap_or_default());
                    stored.push('\n');
                }
            }
        }
        assert!(stored.contains("$argon2id$v=19$"), "{stored}");
        let tokens = [&first.refresh_token, &second.refresh_token, &first.access_token];
        for hidden in tokens.into_iter().map(String::as_str).chain([PASSWORD]) {
            assert!(!stored.contains(hidden), "{stored}");
        }
    });
}
