//! Refresh tokens are exchanged, and one that turns up again ends its session.

use std::time::Duration;

use service_common::auth::{Caller, Role};
use service_common::failure::Code;
use user_service::Rules;

use crate::places::on_each_place;
use crate::world::World;

/// So long that no test outlives it.
const LONG: Rules = rules(Duration::from_secs(3_600));
/// So short that it is always over.
const NONE: Rules = rules(Duration::ZERO);

const fn rules(refresh_grace: Duration) -> Rules {
    Rules {
        access_token_for: Duration::from_secs(900),
        refresh_grace,
        session_for: Duration::from_secs(86_400),
        cart_for: Duration::from_secs(86_400),
    }
}

#[test]
fn each_exchange_gives_another_token_of_the_same_session() {
    on_each_place(async |url| {
        let world = World::with(&url, NONE).await;
        let first = world.somebody("ann@example.com").await;
        let second = world.refresh(&first.refresh_token).await.unwrap();
        let third = world.refresh(&second.refresh_token).await.unwrap();
        assert_ne!(first.refresh_token, second.refresh_token);
        assert_ne!(second.refresh_token, third.refresh_token);
        assert_eq!(world.caller(&third), world.caller(&first));
        if url.kept_in.dynamo.is_none() {
            assert_eq!(world.count("SELECT COUNT(*) FROM sessions").await, 1);
        }
    });
}

#[test]
fn a_token_shown_again_at_once_has_the_same_successor() {
    on_each_place(async |url| {
        let world = World::with(&url, LONG).await;
        let first = world.somebody("ann@example.com").await;
        let second = world.refresh(&first.refresh_token).await.unwrap();
        let again = world.refresh(&first.refresh_token).await.unwrap();
        assert_eq!(again.refresh_token, second.refresh_token);
        world.refresh(&second.refresh_token).await.unwrap();
        assert!(world.stands(&world.caller(&first)).await);
    });
}

#[test]
fn of_many_who_exchange_a_token_at_once_all_get_the_same_successor() {
    on_each_place(async |url| {
        let world = World::with(&url, LONG).await;
        let first = world.somebody("ann@example.com").await;
        let exchanges: Vec<_> = (0..8)
            .map(|_| {
                let (users, token) = (world.api.users.clone(), first.refresh_token.clone());
                tokio::spawn(async move { users.refresh(&token).await })
            })
            .collect();
        let mut successors = Vec::new();
        for exchange in exchanges {
            successors.push(exchange.await.unwrap().unwrap().refresh.reveal().to_owned());
        }
        successors.dedup();
        assert_eq!(successors.len(), 1);
    });
}

#[test]
fn a_token_shown_again_later_ends_its_session() {
    on_each_place(async |url| {
        let world = World::with(&url, NONE).await;
        let first = world.somebody("ann@example.com").await;
        let caller = world.caller(&first);
        let Caller::User { session, .. } = &caller else {
            panic!("{caller:?}")
        };
        let second = world.refresh(&first.refresh_token).await.unwrap();
        assert_eq!(world.sessions.stands(session).await, Ok(true));
        let failure = world.refresh(&first.refresh_token).await.unwrap_err();
        assert_eq!(failure.code, Code::Unauthenticated);
        assert_eq!(world.sessions.stands(session).await, Ok(false), "at once, here");
        let failure = world.refresh(&second.refresh_token).await.unwrap_err();
        assert_eq!(failure.code, Code::Unauthenticated);
        world
            .log_in("ann@example.com", crate::world::PASSWORD)
            .await
            .unwrap();
    });
}

#[test]
fn a_token_older_than_the_one_before_ends_its_session_however_soon() {
    on_each_place(async |url| {
        let world = World::with(&url, LONG).await;
        let first = world.somebody("ann@example.com").await;
        let second = world.refresh(&first.refresh_token).await.unwrap();
        world.refresh(&second.refresh_token).await.unwrap();
        world.refresh(&first.refresh_token).await.unwrap_err();
        assert!(!world.stands(&world.caller(&first)).await);
    });
}

#[test]
fn an_invented_token_ends_nobodys_session() {
    on_each_place(async |url| {
        let world = World::with(&url, NONE).await;
        let session = world.somebody("ann@example.com").await;
        let token = &session.refresh_token;
        let (signed, _) = token.rsplit_once('.').unwrap();
        let invented = [
            format!("{signed}.AAAA"),
            token.replacen("ses_", "ses-", 1),
            String::new(),
            session.access_token.clone(),
        ];
        for invented in invented {
            let failure = world.refresh(&invented).await.unwrap_err();
            assert_eq!(failure.code, Code::Unauthenticated);
        }
        world.refresh(token).await.unwrap();
    });
}

#[test]
fn a_new_role_comes_with_the_next_exchange() {
    on_each_place(async |url| {
        let world = World::with(&url, NONE).await;
        let session = world.somebody("ann@example.com").await;
        sqlx::query("UPDATE accounts SET role = 'admin'")
            .execute(world.database.pool())
            .await
            .unwrap();
        let session = world.refresh(&session.refresh_token).await.unwrap();
        let caller = world.caller(&session);
        assert!(
            matches!(
                caller,
                Caller::User {
                    role: Role::Admin,
                    ..
                }
            ),
            "{caller:?}"
        );
    });
}
