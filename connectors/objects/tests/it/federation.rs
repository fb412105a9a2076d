//! Google Cloud Storage by a token that somebody else signed. A stand-in speaks the three protocols that are involved: the exchange of
//! tokens (RFC 8693), the impersonation of a service account, and objects.

use std::collections::HashMap;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path as FilePath;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{post, put};
use axum::{Json, Router};
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use url::form_urlencoded;
use weir_objects::{Bucket, PlaceError, reason};

const AUDIENCE: &str =
    "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/ecommerce-aws/providers/eks";
const SUBJECT_TYPE: &str = "urn:ietf:params:oauth:token-type:jwt";
/// What the stand-in gives for the token of the pod, and for that one.
const FEDERATED: &str = "federated";
const GOOGLES: &str = "of the job's account";

#[derive(Clone, Default)]
struct Google {
    /// The bodies of objects that were put.
    objects: Arc<Mutex<Vec<String>>>,
    exchanges: Arc<Mutex<u32>>,
}

fn bearer(headers: &HeaderMap) -> &str {
    let value = headers.get("authorization").and_then(|value| value.to_str().ok());
    value
        .and_then(|value| value.strip_prefix("Bearer "))
        .unwrap_or_default()
}

async fn exchange(State(google): State<Google>, body: String) -> Response {
    *google.exchanges.lock().unwrap() += 1;
    let asked: HashMap<_, _> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    assert_eq!(
        asked["grant_type"],
        "urn:ietf:params:oauth:grant-type:token-exchange"
    );
    assert_eq!(asked["audience"], AUDIENCE);
    assert_eq!(asked["subject_token_type"], SUBJECT_TYPE);
    if asked["subject_token"] != "of the pod" {
        let refusal =
            json!({"error": "invalid_grant", "error_description": "the token is not of this cluster"});
        return (StatusCode::BAD_REQUEST, Json(refusal)).into_response();
    }
    Json(json!({
        "access_token": FEDERATED, "token_type": "Bearer", "expires_in": 3600,
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
    }))
    .into_response()
}

async fn impersonate(headers: HeaderMap, Json(asked): Json<Value>) -> Response {
    if bearer(&headers) != FEDERATED {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    assert_eq!(
        asked["scope"],
        json!(["https://www.googleapis.com/auth/devstorage.read_write"])
    );
    Json(json!({"accessToken": GOOGLES, "expireTime": "2099-01-01T00:00:00Z"})).into_response()
}

async fn store(State(google): State<Google>, headers: HeaderMap, body: String) -> Response {
    if bearer(&headers) != GOOGLES {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    google.objects.lock().unwrap().push(body);
    [("etag", "\"1\""), ("x-goog-generation", "1")].into_response()
}

/// A stand-in for Google, and a pod's files: its token, and which exchange is to be made.
struct World {
    google: Google,
    folder: TempDir,
    address: String,
}

impl World {
    async fn new(token: &str) -> Self {
        let google = Google::default();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let routes = Router::new()
            .route("/v1/token", post(exchange))
            .route("/job:generateAccessToken", post(impersonate))
            .route("/bucket/{*key}", put(store))
            .with_state(google.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("token"), token).unwrap();
        Self {
            google,
            folder,
            address,
        }
    }

    /// The file as `gcloud` writes it, with changes.
    fn bucket(&self, change: impl FnOnce(&mut Value)) -> Result<Bucket, PlaceError> {
        let mut content = json!({
            "type": "external_account",
            "audience": AUDIENCE,
            "subject_token_type": SUBJECT_TYPE,
            "token_url": format!("{}/v1/token", self.address),
            "service_account_impersonation_url": format!("{}/job:generateAccessToken", self.address),
            "credential_source": {"file": self.folder.path().join("token")},
        });
        change(&mut content);
        let file = self.folder.path().join("credentials.json");
        fs::write(&file, content.to_string()).unwrap();
        open(&file, &self.address)
    }
}

fn open(file: &FilePath, address: &str) -> Result<Bucket, PlaceError> {
    let settings = [
        ("GOOGLE_APPLICATION_CREDENTIALS", file.to_str().unwrap()),
        ("GOOGLE_BASE_URL", address),
        ("GOOGLE_ALLOW_HTTP", "true"),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Bucket::gcs("bucket", Key::default(), &settings)
}

async fn put_object(bucket: &Bucket, body: &'static str) -> object_store::Result<()> {
    let store: &dyn ObjectStore = bucket.store();
    store.put(&bucket.key("results/x"), body.into()).await.map(|_| ())
}

#[tokio::test]
async fn the_token_of_a_pod_is_exchanged_once_for_that_of_the_job_s_account() {
    let world = World::new("of the pod").await;
    let bucket = world.bucket(|_| ()).unwrap();
    put_object(&bucket, "one").await.unwrap();
    put_object(&bucket, "two").await.unwrap();
    assert_eq!(*world.google.objects.lock().unwrap(), ["one", "two"]);
    assert_eq!(*world.google.exchanges.lock().unwrap(), 1);
}

#[tokio::test]
async fn a_refused_token_is_complained_of_and_the_next_one_is_taken_without_a_restart() {
    let world = World::new("of somebody else").await;
    let bucket = world.bucket(|_| ()).unwrap();
    let error = put_object(&bucket, "one").await.unwrap_err();
    assert!(
        reason(&error).contains("the token is not of this cluster"),
        "{}: {error:?}",
        reason(&error)
    );
    assert!(!format!("{error:?}{bucket:?}").contains("of somebody else"));

    fs::write(world.folder.path().join("token"), "of the pod").unwrap();
    put_object(&bucket, "two").await.unwrap();
    assert_eq!(*world.google.objects.lock().unwrap(), ["two"]);
}

#[tokio::test]
async fn a_token_that_is_not_there_yet_is_complained_of() {
    let world = World::new("").await;
    fs::remove_file(world.folder.path().join("token")).unwrap();
    let bucket = world.bucket(|_| ()).unwrap();
    let error = put_object(&bucket, "one").await.unwrap_err();
    assert!(
        reason(&error).contains("No such file"),
        "{}: {error:?}",
        reason(&error)
    );
}

#[tokio::test]
async fn a_file_that_describes_no_exchange_is_refused_and_the_field_named() {
    let world = World::new("of the pod").await;
    for (field, pointer) in [
        ("audience", "/audience"),
        ("token_url", "/token_url"),
        ("credential_source.file", "/credential_source/file"),
    ] {
        let error = world
            .bucket(|file| *file.pointer_mut(pointer).unwrap() = Value::Null)
            .unwrap_err();
        let text = error.to_string();
        assert!(text.contains(&format!("`{field}` is missing")), "{text}");
        assert!(
            text.contains("GOOGLE_APPLICATION_CREDENTIALS") && text.contains("credentials.json"),
            "{text}"
        );
    }
    let missing = open(&world.folder.path().join("nowhere"), &world.address).unwrap_err();
    assert!(missing.to_string().contains("nowhere: No such file"), "{missing}");
}

#[tokio::test]
async fn a_file_of_another_type_is_left_to_the_library() {
    let world = World::new("").await;
    let error = world
        .bucket(|file| file["type"] = "authorized_user".into())
        .unwrap_err();
    assert!(error.to_string().contains("client_id"), "{error}");
}
