//! The whole service, called as others call it.

use std::path::Path;
use std::time::Duration;

use service_common::auth::{JwkSet, Role, Verifier, VerifyingKeys};
use service_common::client::{Identity, Link};
use service_common::database::DatabaseOptions;
use service_common::failure::{Code, Failure};
use service_common::kafka::KafkaOptions;
use service_common::metrics::Metrics;
use service_common::options::TelemetryOptions;
use service_common::server::{Ports, listen};
use test_support::databases::{on_each_database, on_each_ground};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use user_service::places::KeptIn;
use user_service::{KeyOptions, Options, Rules, UserService, start};
use weir_kafka::{Connection, TopicSpec, ensure, offsets, read_range};
use weir_rpc::common::v1::Empty;
use weir_rpc::user::v1::user_service_client::UserServiceClient;
use weir_rpc::user::v1::{
    AuthRequest, GetCartRequest, GetUserRequest, LogoutRequest, PutCartItemRequest, RefreshRequest,
    ValidateSessionRequest, ValidateSessionsRequest,
};

use crate::world::{PASSWORD, SECRET, person, registration};

type Client = UserServiceClient<Link>;

async fn serve(url: &str, folder: &Path, kafka: &str, topic: &str) -> UserService {
    let loopback = "127.0.0.1:0".parse().unwrap();
    let options = Options {
        grpc_addr: loopback,
        database: DatabaseOptions::of(url.parse().unwrap()),
        kept_in: KeptIn::default(),
        kafka: KafkaOptions::open(kafka),
        topic: topic.to_owned(),
        key: KeyOptions::file(&folder.join("token.pem")),
        retired_keys: std::fs::read_to_string(folder.join("retired.json"))
            .ok()
            .map(|json| JwkSet::parse(&json).unwrap()),
        refresh_secret: SECRET.parse().unwrap(),
        idempotency_secret: SECRET.parse().unwrap(),
        rules: Rules::default(),
        hashing_patience: Duration::from_secs(60),
        telemetry: TelemetryOptions {
            metrics_addr: loopback,
            log_level: "info".to_owned(),
            otlp_endpoint: None,
        },
    };
    let ports = Ports {
        grpc: Some(listen("grpc", loopback).await.unwrap()),
        http: None,
        metrics: Some(listen("metrics", loopback).await.unwrap()),
    };
    start(options, ports, &Metrics::new("test").unwrap())
        .await
        .unwrap()
}

fn client(service: &UserService, identity: Identity) -> Client {
    let metrics = Metrics::new("test").unwrap();
    let address = service.running.addresses().grpc.unwrap().to_string();
    UserServiceClient::new(Link::to(&address, identity, Duration::from_secs(60), &metrics).unwrap())
}

fn with(service: &UserService, token: &str) -> Client {
    client(service, Identity::Service(token.into()))
}

fn code<T: std::fmt::Debug>(answer: Result<T, tonic::Status>) -> Code {
    Failure::from(answer.unwrap_err()).code
}

async fn log_in(client: &mut Client, email: &str) -> weir_rpc::user::v1::Session {
    let request = AuthRequest {
        email: email.to_owned(),
        password: PASSWORD.to_owned(),
    };
    client
        .authenticate(request)
        .await
        .unwrap()
        .into_inner()
        .session
        .unwrap()
}

#[test]
fn every_call_is_for_whom_it_is_meant() {
    on_each_database(async |url| {
        let folder = tempfile::tempdir().unwrap();
        // Nobody is there: registering does not need Kafka.
        let service = serve(&url, folder.path(), "127.0.0.1:1", "notifications").await;
        let mut anybody = client(&service, Identity::Caller);
        assert_eq!(
            anybody.health_check(Empty {}).await.unwrap().get_ref().status,
            "healthy"
        );

        let ann = anybody
            .create_user(registration("ann@example.com"))
            .await
            .unwrap()
            .into_inner();
        let bob = anybody
            .create_user(registration("bob@example.com"))
            .await
            .unwrap()
            .into_inner();
        let session = log_in(&mut anybody, "ann@example.com").await;
        let mut as_ann = with(&service, &session.access_token);
        let token = service
            .issue_service_token("order-service", Duration::from_secs(60))
            .unwrap();
        let mut as_service = with(&service, token.reveal());
        let get = |user_id: &str| GetUserRequest {
            user_id: user_id.to_owned(),
        };

        assert_eq!(code(anybody.get_user(get("")).await), Code::Unauthenticated);
        assert_eq!(
            code(anybody.get_cart(GetCartRequest {}).await),
            Code::Unauthenticated
        );
        assert_eq!(
            code(anybody.logout(LogoutRequest {}).await),
            Code::Unauthenticated
        );
        assert_eq!(
            code(with(&service, "a.b.c").get_user(get("")).await),
            Code::Unauthenticated
        );
        assert!(as_ann.get_user(get("")).await.unwrap().into_inner() == ann);
        assert_eq!(code(as_ann.get_user(get(&bob.id)).await), Code::NotFound);
        assert!(as_service.get_user(get(&bob.id)).await.unwrap().into_inner() == bob);

        let jwks = anybody.get_jwks(Empty {}).await.unwrap().into_inner().json;
        let keys = VerifyingKeys::of(&JwkSet::parse(&jwks).unwrap()).unwrap();
        let caller = Verifier::new(keys).verify(&session.access_token).unwrap();
        let service_common::auth::Caller::User {
            session: session_id, ..
        } = caller
        else {
            panic!("{caller:?}")
        };
        let ask = || ValidateSessionRequest {
            session_id: session_id.clone(),
        };
        assert_eq!(code(as_ann.validate_session(ask()).await), Code::Forbidden);
        assert_eq!(code(anybody.validate_session(ask()).await), Code::Unauthenticated);
        assert!(as_service.validate_session(ask()).await.unwrap().get_ref().stands);
        let ask_for_many = || ValidateSessionsRequest {
            session_ids: vec![session_id.clone(), "ses_1".to_owned()],
        };
        assert_eq!(
            code(as_ann.validate_sessions(ask_for_many()).await),
            Code::Forbidden
        );
        let standing = as_service.validate_sessions(ask_for_many()).await.unwrap();
        assert_eq!(standing.get_ref().session_ids, std::slice::from_ref(&session_id));

        let item = PutCartItemRequest {
            product_id: "prd_1".to_owned(),
            quantity: 2,
        };
        let cart = as_ann.put_cart_item(item.clone()).await.unwrap().into_inner();
        assert_eq!(cart.items.len(), 1);
        assert_eq!(code(as_service.put_cart_item(item).await), Code::Forbidden);

        let refresh = RefreshRequest {
            refresh_token: session.refresh_token.clone(),
        };
        let session = anybody.refresh(refresh).await.unwrap().into_inner();
        let mut as_ann = with(&service, &session.access_token);
        as_ann.logout(LogoutRequest {}).await.unwrap();
        assert_eq!(code(as_ann.get_user(get("")).await), Code::Unauthenticated);
        assert!(!as_service.validate_session(ask()).await.unwrap().get_ref().stands);
        let standing = as_service.validate_sessions(ask_for_many()).await.unwrap();
        assert_eq!(standing.get_ref().session_ids, [""; 0]);

        let boss = person("boss@example.com", PASSWORD);
        service.users().provision(boss, Role::Admin).await.unwrap();
        let boss = log_in(&mut anybody, "boss@example.com").await;
        let found = with(&service, &boss.access_token)
            .get_user(get(&bob.id))
            .await
            .unwrap();
        assert!(found.into_inner() == bob);
        service.running.stop().await;
    });
}

#[test]
fn tokens_outlive_the_process() {
    on_each_database(async |url| {
        let folder = tempfile::tempdir().unwrap();
        let service = serve(&url, folder.path(), "127.0.0.1:1", "notifications").await;
        let mut anybody = client(&service, Identity::Caller);
        anybody
            .create_user(registration("ann@example.com"))
            .await
            .unwrap();
        let session = log_in(&mut anybody, "ann@example.com").await;
        service.running.stop().await;
        let service = serve(&url, folder.path(), "127.0.0.1:1", "notifications").await;
        let mut as_ann = with(&service, &session.access_token);
        as_ann.get_user(GetUserRequest::default()).await.unwrap();
        let refresh_token = session.refresh_token;
        as_ann.refresh(RefreshRequest { refresh_token }).await.unwrap();
        service.running.stop().await;
    });
}

#[test]
fn with_a_new_key_the_tokens_of_the_one_before_are_believed_while_it_is_named() {
    on_each_database(async |url| {
        let folder = tempfile::tempdir().unwrap();
        let service = serve(&url, folder.path(), "127.0.0.1:1", "notifications").await;
        let mut anybody = client(&service, Identity::Caller);
        anybody
            .create_user(registration("ann@example.com"))
            .await
            .unwrap();
        let session = log_in(&mut anybody, "ann@example.com").await;
        let jwks = anybody.get_jwks(Empty {}).await.unwrap().into_inner().json;
        service.running.stop().await;
        std::fs::remove_file(folder.path().join("token.pem")).unwrap();

        let service = serve(&url, folder.path(), "127.0.0.1:1", "notifications").await;
        let mut as_ann = with(&service, &session.access_token);
        assert_eq!(
            code(as_ann.get_user(GetUserRequest::default()).await),
            Code::Unauthenticated
        );
        service.running.stop().await;

        std::fs::write(folder.path().join("retired.json"), &jwks).unwrap();
        let service = serve(&url, folder.path(), "127.0.0.1:1", "notifications").await;
        let mut as_ann = with(&service, &session.access_token);
        as_ann.get_user(GetUserRequest::default()).await.unwrap();
        let keys = as_ann.get_jwks(Empty {}).await.unwrap().into_inner().json;
        assert_eq!(keys.matches("\"kid\"").count(), 2, "{keys}");
        service.running.stop().await;
    });
}

#[test]
fn a_welcome_reaches_the_topic() {
    on_each_ground(async |url, kafka| {
        let connection = Connection::new(kafka.as_str());
        let topic = format!("notifications-{}", uuid::Uuid::new_v4().simple());
        let spec = TopicSpec {
            name: topic.clone(),
            partitions: 1,
            configs: Vec::new(),
        };
        blocking(connection.clone(), move |connection| {
            ensure(connection, &[spec]).unwrap()
        })
        .await;
        let folder = tempfile::tempdir().unwrap();
        let service = serve(&url, folder.path(), &kafka, &topic).await;
        let mut anybody = client(&service, Identity::Caller);
        let ann = anybody
            .create_user(registration("ann@example.com"))
            .await
            .unwrap()
            .into_inner();
        let record = tokio::time::timeout(Duration::from_secs(60), async {
            loop {
                let topic = topic.clone();
                let mut records = blocking(connection.clone(), move |connection| {
                    let mut records = Vec::new();
                    for (partition, (start, _)) in offsets(connection, &topic).unwrap() {
                        read_range(connection, &topic, partition, start, |record| {
                            records.push(record)
                        })
                        .unwrap();
                    }
                    records
                })
                .await;
                if let Some(record) = records.pop() {
                    return record;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        let record = record.await.expect("the welcome is published");
        assert_eq!(record.key.as_deref(), Some(ann.id.as_bytes()));
        let value: serde_json::Value = serde_json::from_slice(&record.value.unwrap()).unwrap();
        assert_eq!(value["template"], "welcome");
        service.running.stop().await;
    });
}

async fn blocking<T: Send + 'static>(
    connection: Connection,
    work: impl FnOnce(&Connection) -> T + Send + 'static,
) -> T {
    tokio::task::spawn_blocking(move || work(&connection))
        .await
        .unwrap()
}

#[test]
fn health_readiness_and_metrics_are_open() {
    on_each_database(async |url| {
        let folder = tempfile::tempdir().unwrap();
        let service = serve(&url, folder.path(), "127.0.0.1:1", "notifications").await;
        for (path, expected) in [
            ("/health", "healthy"),
            ("/ready", "ready"),
            ("/metrics", "database_connections"),
        ] {
            let mut stream = TcpStream::connect(service.running.addresses().metrics.unwrap())
                .await
                .unwrap();
            let request = format!("GET {path} HTTP/1.1\r\nHost: users\r\nConnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            assert!(
                answer.starts_with("HTTP/1.1 200") && answer.contains(expected),
                "{answer}"
            );
        }
        service.running.stop().await;
    });
}
