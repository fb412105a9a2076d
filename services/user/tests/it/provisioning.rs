//! Accounts that are given.

use service_common::auth::{Caller, Role};
use service_common::failure::Code;

use crate::places::on_each_place;
use crate::world::{PASSWORD, World, person};

#[test]
fn an_admin_that_was_given_can_log_in() {
    on_each_place(async |url| {
        let world = World::open(&url).await;
        let given = person("boss@example.com", "a boss's horse");
        let account = world.api.users.provision(given, Role::Admin).await.unwrap();
        let user = world.log_in("boss@example.com", "a boss's horse").await.unwrap();
        assert_eq!((user.id, user.role.as_str()), (account.id, "admin"));
        let caller = world.caller(&user.session.unwrap());
        assert!(caller.is_trusted());
        assert_eq!(world.count("SELECT COUNT(*) FROM outbox_events").await, 0);
    });
}

#[test]
fn given_again_nothing_changes() {
    on_each_place(async |url| {
        let world = World::open(&url).await;
        let give = || {
            world
                .api
                .users
                .provision(person("demo@example.com", PASSWORD), Role::Customer)
        };
        let account = give().await.unwrap();
        let user = world.log_in("demo@example.com", PASSWORD).await.unwrap();
        assert_eq!(give().await.unwrap(), account);
        assert!(world.stands(&world.caller(&user.session.unwrap())).await);
    });
}

#[test]
fn who_registered_an_admins_address_first_is_no_admin() {
    on_each_place(async |url| {
        let world = World::open(&url).await;
        let session = world.somebody("boss@example.com").await;
        let squatter = world.caller(&session);
        let Caller::User {
            id,
            session: session_id,
            ..
        } = &squatter
        else {
            panic!("{squatter:?}")
        };
        assert_eq!(world.sessions.stands(session_id).await, Ok(true));
        let given = person("Boss@example.com", "a boss's horse");
        let account = world.api.users.provision(given, Role::Admin).await.unwrap();
        assert_eq!((&account.id, account.role), (id, Role::Admin));
        assert_eq!(world.sessions.stands(session_id).await, Ok(false));
        let failure = world.refresh(&session.refresh_token).await.unwrap_err();
        assert_eq!(failure.code, Code::Unauthenticated);
        let failure = world.log_in("boss@example.com", PASSWORD).await.unwrap_err();
        assert_eq!(failure.code, Code::WrongCredentials);
        world.log_in("boss@example.com", "a boss's horse").await.unwrap();
    });
}
