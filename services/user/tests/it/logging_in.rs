//! Logging in and out.

use std::time::Duration;

use service_common::auth::{Caller, Role};
use service_common::failure::{Code, Failure};
use tonic::Request;
use user_service::Rules;
use user_service::hasher::Hasher;
use user_service::sessions::Session;
use weir_rpc::user::v1::user_service_server::UserService;
use weir_rpc::user::v1::{GetUserRequest, LogoutRequest, ValidateSessionRequest, ValidateSessionsRequest};

use crate::places::on_each_place;
use crate::world::{PASSWORD, World, by, registration};

#[test]
fn who_logs_in_is_given_tokens_of_a_session_that_stands() {
    on_each_place(async |url| {
        let world = World::open(&url).await;
        let registered = world.register(registration("ann@example.com")).await.unwrap();
        let user = world.log_in("ANN@example.com ", PASSWORD).await.unwrap();
        let session = user.session.clone().unwrap();
        assert_eq!(user.id, registered.id);
        assert_eq!(session.expires_in_s, 15 * 60);
        let caller = world.caller(&session);
        let Caller::User { id, role, .. } = &caller else {
            panic!("{caller:?}")
        };
        assert_eq!((id, *role), (&user.id, Role::Customer));
        assert!(world.stands(&caller).await);
        let own = world
            .api
            .get_user(by(&caller, GetUserRequest::default()))
            .await
            .unwrap();
        assert!(own.into_inner() == registered);
    });
}

#[test]
fn a_wrong_password_and_an_unknown_address_have_one_answer() {
    on_each_place(async |url| {
        let world = World::open(&url).await;
        world.register(registration("ann@example.com")).await.unwrap();
        let wrong = world
            .log_in("ann@example.com", "another horse")
            .await
            .unwrap_err();
        let unknown = world.log_in("bob@example.com", PASSWORD).await.unwrap_err();
        let short = world.log_in("ann@example.com", "x").await.unwrap_err();
        assert_eq!(wrong.code, Code::WrongCredentials);
        assert_eq!(unknown, wrong);
        assert_eq!(short, wrong);
        assert_eq!(world.count("SELECT COUNT(*) FROM sessions").await, 0);
    });
}

#[test]
fn an_unknown_address_waits_for_its_place_like_any_other() {
    on_each_place(async |url| {
        let busy = Hasher::new(0, Duration::ZERO);
        let world = World::with_hasher(&url, Rules::default(), busy).await;
        let failure = world.log_in("nobody@example.com", PASSWORD).await.unwrap_err();
        assert_eq!(failure.code, Code::Overloaded);
    });
}

#[test]
fn what_nobody_could_log_in_with_is_not_looked_for() {
    on_each_place(async |url| {
        let world = World::open(&url).await;
        let failure = world.log_in("ann\u{0}", &"x".repeat(129)).await.unwrap_err();
        let fields: Vec<_> = failure.fields.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!((failure.code, fields), (Code::Invalid, vec!["email", "password"]));
    });
}

#[test]
fn a_session_ends_at_the_log_out_here_at_once_and_the_others_stand() {
    on_each_place(async |url| {
        let world = World::open(&url).await;
        let first = world.somebody("ann@example.com").await;
        let second = world
            .log_in("ann@example.com", PASSWORD)
            .await
            .unwrap()
            .session
            .unwrap();
        let (first_caller, second_caller) = (world.caller(&first), world.caller(&second));
        let Caller::User { session, .. } = &first_caller else {
            panic!("{first_caller:?}")
        };
        assert_eq!(world.sessions.stands(session).await, Ok(true));
        for _ in 0..2 {
            world
                .api
                .logout(by(&first_caller, LogoutRequest {}))
                .await
                .unwrap();
        }
        assert_eq!(world.sessions.stands(session).await, Ok(false));
        assert!(!world.stands(&first_caller).await && world.stands(&second_caller).await);
        let failure = world.refresh(&first.refresh_token).await.unwrap_err();
        assert_eq!(failure.code, Code::Unauthenticated);
        world.refresh(&second.refresh_token).await.unwrap();
    });
}

#[test]
fn a_service_has_no_session_to_end() {
    on_each_place(async |url| {
        let world = World::open(&url).await;
        let service = Caller::Service {
            name: "order-service".to_owned(),
        };
        let status = world
            .api
            .logout(by(&service, LogoutRequest {}))
            .await
            .unwrap_err();
        assert_eq!(status.code(), tonic::Code::PermissionDenied);
    });
}

#[test]
fn a_session_that_ran_out_or_never_was_does_not_stand() {
    on_each_place(async |url| {
        let rules = Rules {
            session_for: Duration::ZERO,
            ..Rules::default()
        };
        let world = World::with(&url, rules).await;
        let session = world.somebody("ann@example.com").await;
        assert!(!world.stands(&world.caller(&session)).await);
        assert_eq!(
            world.refresh(&session.refresh_token).await.unwrap_err().code,
            Code::Unauthenticated
        );
        for id in ["ses_1", "", "a\u{0}b", &"x".repeat(100_000)] {
            let request = ValidateSessionRequest {
                session_id: id.to_owned(),
            };
            let answer = world.api.validate_session(Request::new(request)).await.unwrap();
            assert!(!answer.get_ref().stands, "{id}");
        }
        let many = |session_ids| async {
            let request = Request::new(ValidateSessionsRequest { session_ids });
            let answer = world.api.validate_sessions(request).await;
            answer.map(|answer| answer.into_inner().session_ids)
        };
        let strange = ["ses_1", "", "a\u{0}b"].map(str::to_owned);
        assert_eq!(many(strange.to_vec()).await.unwrap(), [""; 0]);
        let too_many = many(vec!["ses_1".to_owned(); 1_001]).await.unwrap_err();
        assert_eq!(Failure::from(too_many).code, Code::Invalid);
        // DynamoDB forgets by itself.
        if url.kept_in.dynamo.is_none() {
            assert_eq!(world.kept.sessions.sweep().await.unwrap(), 1);
        }
    });
}

#[test]
fn of_many_sessions_those_that_stand_are_told() {
    on_each_place(async |url| {
        let world = World::open(&url).await;
        let ann = world.caller(&world.somebody("ann@example.com").await);
        let user_id = ann.user_id().unwrap();
        let mut ids = Vec::new();
        for n in 0..20 {
            let session = Session {
                id: format!("ses_{n}"),
                user_id: user_id.to_owned(),
                current: "digest".to_owned(),
                previous: None,
                rotated_at_ms: 0,
                expires_at_ms: i64::MAX / 2,
            };
            let mut account = world.database.begin().await.unwrap();
            world.kept.sessions.begin(&mut account, &session).await.unwrap();
            account.commit().await.unwrap();
            ids.push(session.id);
        }
        world.kept.sessions.end(&ids[7]).await.unwrap();
        let asked: Vec<&str> = ids.iter().map(String::as_str).collect();
        let mut standing = world.kept.sessions.standing(&asked).await.unwrap();
        standing.sort_unstable();
        ids.remove(7);
        ids.sort_unstable();
        assert_eq!(standing, ids);
    });
}

#[test]
fn anothers_account_is_not_there_but_for_admins_and_services() {
    on_each_place(async |url| {
        let world = World::open(&url).await;
        let ann = world.somebody("ann@example.com").await;
        let bob = world.register(registration("bob@example.com")).await.unwrap();
        let ann = world.caller(&ann);
        let admin = Caller::User {
            id: "usr_admin".to_owned(),
            role: Role::Admin,
            session: "ses_1".to_owned(),
        };
        let service = Caller::Service {
            name: "notification".to_owned(),
        };
        let get = async |caller: &Caller, id: &str| {
            let user_id = id.to_owned();
            let answer = world.api.get_user(by(caller, GetUserRequest { user_id })).await;
            answer.map(tonic::Response::into_inner)
        };
        let anothers = get(&ann, &bob.id).await.unwrap_err();
        let nobodys = get(&ann, "usr_1").await.unwrap_err();
        assert_eq!(anothers.code(), tonic::Code::NotFound);
        assert_eq!(anothers.message(), nobodys.message());
        assert_eq!(
            get(&admin, "a\u{0}b").await.unwrap_err().code(),
            tonic::Code::NotFound
        );
        assert!(get(&admin, &bob.id).await.unwrap() == bob);
        assert!(get(&service, &bob.id).await.unwrap() == bob);
        assert_eq!(
            get(&service, "").await.unwrap_err().code(),
            tonic::Code::PermissionDenied
        );
    });
}
