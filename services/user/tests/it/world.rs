//! The service without its ports, and people who use it.

use std::sync::Arc;
use std::time::Duration;

use service_common::auth::{Caller, Sessions, SigningKey, Verifier, VerifyingKeys};
use service_common::database::{Database, DatabaseOptions};
use service_common::failure::Failure;
use service_common::metrics::Metrics;
use service_common::outbox::Outbox;
use tonic::Request;
use user_service::account::{Email, Name, Password, Person};
use user_service::hasher::Hasher;
use user_service::places::{Kept, KeptIn};
use user_service::sessions::LocalSessions;
use user_service::{Api, NAME, Needs, Rules, Users, store};
use weir_rpc::user::v1::user_service_server::UserService;
use weir_rpc::user::v1::{AuthRequest, CreateUserRequest, RefreshRequest, Session, UserResponse};

pub(crate) const SECRET: &str = "a secret of the test";
pub(crate) const PASSWORD: &str = "correct horse";

pub(crate) struct World {
    pub(crate) api: Api,
    pub(crate) database: Database,
    /// Where sessions and carts are.
    pub(crate) kept: Kept,
    /// As this service's own guard sees them.
    pub(crate) sessions: Sessions,
    verifier: Verifier,
    _folder: tempfile::TempDir,
}

impl World {
    pub(crate) async fn open(place: impl Into<Place>) -> World {
        World::with(place, Rules::default()).await
    }

    pub(crate) async fn with(place: impl Into<Place>, rules: Rules) -> World {
        World::with_hasher(place, rules, Hasher::of_all_cores(Duration::from_secs(60))).await
    }

    pub(crate) async fn with_hasher(place: impl Into<Place>, rules: Rules, hasher: Hasher) -> World {
        let place = place.into();
        let database = open(&place.url).await;
        let kept = user_service::places::open(&place.kept_in, &database, rules)
            .await
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::in_file(&folder.path().join("token.pem")).unwrap();
        let sessions = Sessions::new(Arc::new(LocalSessions(kept.sessions.clone())));
        let verifier = Verifier::new(VerifyingKeys::of(&key.public()).unwrap());
        let users = Users::new(Needs {
            database: database.clone(),
            outbox: Outbox::new(),
            hasher,
            public_keys: key.public(),
            key: Arc::new(key),
            refresh_secret: SECRET.parse().unwrap(),
            idempotency_secret: SECRET.parse().unwrap(),
            kept: kept.sessions.clone(),
            sessions: sessions.clone(),
            rules,
            topic: "notifications".to_owned(),
            metrics: Metrics::new(NAME).unwrap(),
        });
        let carts = kept.carts.clone();
        World {
            api: Api { users, carts },
            kept,
            database,
            sessions,
            verifier,
            _folder: folder,
        }
    }

    pub(crate) async fn register(&self, request: CreateUserRequest) -> Result<UserResponse, Failure> {
        let answer = self.api.create_user(Request::new(request)).await;
        Ok(answer?.into_inner())
    }

    pub(crate) async fn log_in(&self, email: &str, password: &str) -> Result<UserResponse, Failure> {
        let request = AuthRequest {
            email: email.to_owned(),
            password: password.to_owned(),
        };
        Ok(self.api.authenticate(Request::new(request)).await?.into_inner())
    }

    /// Somebody new, logged in.
    pub(crate) async fn somebody(&self, email: &str) -> Session {
        self.register(registration(email)).await.unwrap();
        self.log_in(email, PASSWORD).await.unwrap().session.unwrap()
    }

    pub(crate) async fn refresh(&self, token: &str) -> Result<Session, Failure> {
        let request = RefreshRequest {
            refresh_token: token.to_owned(),
        };
        Ok(self.api.refresh(Request::new(request)).await?.into_inner())
    }

    /// Who shows the access token of this session.
    pub(crate) fn caller(&self, session: &Session) -> Caller {
        self.verifier.verify(&session.access_token).unwrap()
    }

    /// Whether the session stands, asked of its store.
    pub(crate) async fn stands(&self, caller: &Caller) -> bool {
        let Caller::User { session, .. } = caller else {
            panic!("{caller:?} has no session")
        };
        !self.kept.sessions.standing(&[session]).await.unwrap().is_empty()
    }

    pub(crate) async fn count(&self, statement: &'static str) -> i64 {
        sqlx::query_scalar(statement)
            .fetch_one(self.database.pool())
            .await
            .unwrap()
    }
}

/// Where a world keeps what it keeps.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) url: String,
    pub(crate) kept_in: KeptIn,
}

impl From<&String> for Place {
    fn from(url: &String) -> Place {
        Place {
            url: url.clone(),
            kept_in: KeptIn::default(),
        }
    }
}

impl From<&Place> for Place {
    fn from(place: &Place) -> Place {
        place.clone()
    }
}

pub(crate) async fn open(url: &str) -> Database {
    let options = DatabaseOptions::of(url.parse().unwrap());
    Database::open(&options, store::OWNER, store::STEPS)
        .await
        .unwrap()
}

/// A request made by this caller, as the guard hands it on.
pub(crate) fn by<T>(caller: &Caller, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(caller.clone());
    request
}

pub(crate) fn registration(email: &str) -> CreateUserRequest {
    CreateUserRequest {
        email: email.to_owned(),
        password: PASSWORD.to_owned(),
        first_name: "Ann".to_owned(),
        last_name: "Lee".to_owned(),
        idempotency_key: String::new(),
    }
}

pub(crate) fn keyed(email: &str, key: &str) -> CreateUserRequest {
    CreateUserRequest {
        idempotency_key: key.to_owned(),
        ..registration(email)
    }
}

pub(crate) fn person(email: &str, password: &str) -> Person {
    Person {
        email: Email::parse(email).unwrap(),
        password: Password::chosen(password).unwrap(),
        first_name: Name::parse("Ann").unwrap(),
        last_name: Name::parse("Lee").unwrap(),
    }
}
