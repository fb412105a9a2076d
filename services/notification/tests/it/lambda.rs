//! The real `bootstrap` on a stand-in of the Lambda Runtime API.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path as Part, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use notification_service::record::Record;
use serde_json::{Value, json};
use test_support::child::Child;
use test_support::patience::eventually;
use test_support::servers::{needed, shared_dev_broker};
use tokio::sync::mpsc;
use uuid::Uuid;
use weir_kafka::{Connection, offsets, read_range};

use crate::service::subjects;
use crate::users::{TOKEN, users};
use crate::world::{client, notification, order, payment};

const PATIENCE: Duration = Duration::from_secs(60);
const REGION: &str = "eu-central-1";

/// Invocations to come, and what was answered: `response` or `error`, and the body.
#[derive(Clone)]
struct RuntimeApi {
    next: Arc<Mutex<VecDeque<Value>>>,
    answers: mpsc::UnboundedSender<(String, Value)>,
}

async fn next(State(api): State<RuntimeApi>) -> Response {
    loop {
        let invocation = api.next.lock().unwrap().pop_front();
        if let Some(invocation) = invocation {
            let deadline = SystemTime::now() + PATIENCE;
            let deadline_ms = deadline.duration_since(UNIX_EPOCH).unwrap().as_millis();
            let headers = [
                ("lambda-runtime-aws-request-id", Uuid::new_v4().to_string()),
                ("lambda-runtime-deadline-ms", deadline_ms.to_string()),
                (
                    "lambda-runtime-invoked-function-arn",
                    "arn:aws:lambda:eu-central-1:123456789012:function:notification".to_owned(),
                ),
            ];
            return (headers, invocation.to_string()).into_response();
        }
        // As the real one: whoever asks waits.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn answer(
    State(api): State<RuntimeApi>,
    Part((_, kind)): Part<(String, String)>,
    body: Bytes,
) -> StatusCode {
    let body = serde_json::from_slice(&body).unwrap();
    // Nobody listens once the test is over.
    let _ = api.answers.send((kind, body));
    StatusCode::ACCEPTED
}

/// A function that runs.
struct Function {
    api: RuntimeApi,
    answers: mpsc::UnboundedReceiver<(String, Value)>,
    child: Child,
}

impl Function {
    /// `token` is what it is told of its token.
    async fn start(
        folder: &Path,
        users: &str,
        kafka: &str,
        dead_letters: &str,
        token: &[(&str, &str)],
    ) -> Function {
        let (sender, answers) = mpsc::unbounded_channel();
        let api = RuntimeApi {
            next: Arc::default(),
            answers: sender,
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/{kind}", post(answer))
            .with_state(api.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let claims = format!("sqlite:{}", folder.join("claims.db").display());
        let outbox = folder.join("outbox").display().to_string();
        let child = Child::spawn(
            &PathBuf::from(env!("CARGO_BIN_EXE_bootstrap")),
            "bootstrap",
            [] as [&str; 0],
            &[
                &[
                    ("AWS_LAMBDA_RUNTIME_API", address.as_str()),
                    ("AWS_LAMBDA_FUNCTION_NAME", "notification"),
                    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
                    ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
                    ("KAFKA_BOOTSTRAP_SERVERS", kafka),
                    ("KAFKA_NOTIFICATIONS_DLQ_TOPIC", dead_letters),
                    ("CLAIMS_URL", &claims),
                    ("SEND_TO", &outbox),
                    ("USER_SERVICE_HOST", users),
                ][..],
                token,
            ]
            .concat(),
            &folder.join("log"),
        );
        Function {
            api,
            answers,
            child: child.unwrap(),
        }
    }

    async fn invoke(&mut self, event: Value) -> (String, Value) {
        self.api.next.lock().unwrap().push_back(event);
        let answered = tokio::time::timeout(PATIENCE, self.answers.recv()).await;
        answered
            .unwrap_or_else(|_| panic!("no answer: {}", self.child.tail()))
            .unwrap()
    }
}

/// An invocation as MSK's mapping makes it.
fn invocation(records: &[Record]) -> Value {
    let mut by_partition = serde_json::Map::new();
    for record in records {
        let headers = record.headers.iter().map(|(name, value)| {
            // Java's bytes are signed.
            let numbers: Vec<i8> = value.iter().map(|byte| byte.cast_signed()).collect();
            json!({ name: numbers })
        });
        let encoded = |bytes: &Option<Vec<u8>>| bytes.as_ref().map(|bytes| STANDARD.encode(bytes));
        let of_partition = by_partition
            .entry(format!("{}-{}", record.topic, record.partition))
            .or_insert_with(|| json!([]));
        of_partition.as_array_mut().unwrap().push(json!({
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "timestamp": record.timestamp,
            "timestampType": "CREATE_TIME",
            "key": encoded(&record.key),
            "value": encoded(&record.value),
            "headers": headers.collect::<Vec<_>>(),
        }));
    }
    json!({
        "eventSource": "aws:kafka",
        "eventSourceArn": "arn:aws:kafka:eu-central-1:123456789012:cluster/ecommerce/f2b4b6e0-4f0e-4a6b-9a57-3c5e6a1d2b3c-2",
        "bootstrapServers": "b-1.ecommerce.kafka.eu-central-1.amazonaws.com:9098,b-2.ecommerce.kafka.eu-central-1.amazonaws.com:9098",
        "records": by_partition,
    })
}

fn at(mut record: Record, partition: i32, offset: i64) -> Record {
    (record.partition, record.offset) = (partition, offset);
    record
}

#[test]
fn a_function_tells_what_it_is_given_and_hands_back_what_has_to_wait() {
    let kafka = shared_dev_broker();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(told_and_handed_back(kafka));
}

async fn told_and_handed_back(kafka: String) {
    let folder = tempfile::tempdir().unwrap();
    let (users, away) = users().await;
    let dead_letters = format!("notifications-dlq-{}", Uuid::new_v4().simple());
    let mut function = Function::start(
        folder.path(),
        &users.to_string(),
        &kafka,
        &dead_letters,
        &[("SERVICE_TOKEN", TOKEN)],
    )
    .await;

    let mut poison = at(notification("welcome", "usr_1", &json!({})), 0, 7);
    poison.value = Some(b"garbage".to_vec());
    let first = invocation(&[
        at(order("e1", "order.created", 1, "usr_1"), 3, 100),
        poison,
        at(notification("receipt", "usr_1", &payment()), 0, 8),
    ]);
    let done = ("response".to_owned(), json!({"batchItemFailures": []}));
    assert_eq!(function.invoke(first.clone()).await, done);
    let told = ["Receipt for your order ord_1", "We have your order ord_1"];
    assert_eq!(subjects(folder.path()), told.map(str::to_owned).into());
    let connection = Connection::new(kafka);
    let letters = tokio::task::spawn_blocking(move || {
        let mut letters = Vec::new();
        for (partition, (start, _)) in offsets(&connection, &dead_letters).unwrap() {
            read_range(&connection, &dead_letters, partition, start, |letter| {
                letters.push(letter)
            })
            .unwrap();
        }
        letters
    });
    let letters = letters.await.unwrap();
    assert_eq!(letters[0].value.as_deref(), Some(&b"garbage"[..]));

    // Behind the one that waits all others of its partition wait too; those that were told before do not.
    away.store(u32::MAX, Ordering::Relaxed);
    let second = invocation(&[
        at(order("e1", "order.created", 1, "usr_1"), 3, 100),
        at(order("e2", "order.paid", 2, "usr_1"), 3, 101),
        at(order("e3", "order.cancelled", 3, "usr_1"), 3, 102),
    ]);
    let left = |offset: i64| json!({"itemIdentifier": {"topic-partition": "orders-3", "partition": "orders-3", "offset": offset}});
    let (kind, answer) = function.invoke(second.clone()).await;
    assert_eq!(kind, "response");
    assert_eq!(answer, json!({"batchItemFailures": [left(101), left(102)]}));
    away.store(0, Ordering::Relaxed);
    assert_eq!(function.invoke(second).await, done);
    assert_eq!(subjects(folder.path()).len(), 4);

    // An invocation that is none is an error, and the function lives on.
    let (kind, error) = function.invoke(json!({"Records": []})).await;
    assert_eq!(kind, "error");
    assert!(
        error["errorMessage"].as_str().unwrap().contains("records"),
        "{error}"
    );
    let mut foreign = order("e4", "order.created", 1, "usr_1");
    foreign.topic = "payments".to_owned();
    let (kind, error) = function.invoke(invocation(&[foreign])).await;
    assert_eq!(kind, "error");
    assert!(
        error["errorMessage"].as_str().unwrap().contains("`payments`"),
        "{error}"
    );
    assert_eq!(function.invoke(first).await, done);
    assert!(!function.child.log().contains('@'), "{}", function.child.log());
}

#[test]
fn the_token_of_a_function_is_in_secrets_manager() {
    let Some(moto) = needed("WEIR_TEST_S3", "the URL of a moto server") else {
        return;
    };
    let kafka = shared_dev_broker();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(told_by_a_token_of(&moto, &kafka));
}

async fn told_by_a_token_of(moto: &str, kafka: &str) {
    let (users, _) = users().await;
    let (users, dead_letters) = (users.to_string(), "notifications-dlq");
    let at_moto = |secret: &str| {
        [
            ("SERVICE_TOKEN_SECRET", secret.to_owned()),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", moto.to_owned()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", "stand-in".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "stand-in".to_owned()),
        ]
    };
    let start = async |folder: &Path, secret: &str| {
        let token = at_moto(secret);
        let token = token.each_ref().map(|(name, value)| (*name, value.as_str()));
        Function::start(folder, &users, kafka, dead_letters, &token).await
    };

    let held = json!({"notification-service": TOKEN, "order-service": "another"}).to_string();
    let secret = keep(moto, &held).await;
    let folder = tempfile::tempdir().unwrap();
    let mut function = start(folder.path(), &secret).await;
    let event = invocation(&[at(order("e1", "order.created", 1, "usr_1"), 0, 0)]);
    let done = ("response".to_owned(), json!({"batchItemFailures": []}));
    assert_eq!(function.invoke(event).await, done, "{}", function.child.tail());
    assert!(!function.child.log().contains(TOKEN), "{}", function.child.log());

    let wrong = keep(moto, "a-secret").await;
    let lacking = keep(moto, r#"{"order-service": "a-secret"}"#).await;
    for (secret, said) in [
        (wrong, "no object of JSON with a text `notification-service`"),
        (lacking, "no object of JSON with a text `notification-service`"),
        ("none".to_owned(), "cannot read the secret `none`"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let function = start(folder.path(), &secret).await;
        eventually(said, || {
            let log = function.child.log();
            match log.contains(said) && log.contains("SERVICE_TOKEN_SECRET") {
                true => Ok(()),
                false => Err(log),
            }
        });
        assert!(!function.child.log().contains("a-secret"));
    }
}

/// A new secret; its name.
async fn keep(moto: &str, held: &str) -> String {
    let name = format!("service-tokens-{}", Uuid::new_v4().simple());
    let scope = format!("Credential=stand-in/20260101/{REGION}/secretsmanager/aws4_request");
    let request = client()
        .post(moto)
        .header("x-amz-target", "secretsmanager.CreateSecret")
        .header("content-type", "application/x-amz-json-1.1")
        .header(
            "authorization",
            format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"),
        )
        .body(
            json!({"Name": name, "SecretString": held, "ClientRequestToken": Uuid::new_v4().to_string()})
                .to_string(),
        );
    let answer = request.send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    name
}
