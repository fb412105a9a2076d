//! A running service, and those who call it.

use std::net::SocketAddr;
use std::time::Duration;

use analytics_service::{AnalyticsService, NAME, Options, start};
use clap::Parser;
use service_common::auth::{Caller, Role, SigningKey};
use service_common::failure::Failure;
use service_common::metrics::Metrics;
use service_common::server::{Ports, listen};
use test_support::users::Users;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status, Streaming};
use weir_rpc::analytics::v1::analytics_service_client::AnalyticsServiceClient;
use weir_rpc::analytics::v1::{StreamWindowsRequest, StreamedWindow, SummarizeRequest, Summary};

use crate::topic::Topic;

/// Far beyond what a busy machine needs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Asks until it is so.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let asking = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking)
        .await
        .unwrap_or_else(|_| panic!("not within a minute: {what}"));
}

pub(crate) struct Served {
    pub(crate) service: AnalyticsService,
    pub(crate) client: AnalyticsServiceClient<Channel>,
    pub(crate) http: SocketAddr,
    pub(crate) users: Users,
    key: SigningKey,
    _folder: tempfile::TempDir,
}

impl Served {
    /// Waits until it is ready.
    pub(crate) async fn of(broker: &str, topic: &Topic, more: &[&str]) -> Served {
        let served = Served::unready(broker, topic, more).await;
        served.until_ready().await;
        served
    }

    pub(crate) async fn unready(broker: &str, topic: &Topic, more: &[&str]) -> Served {
        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::in_file(&folder.path().join("token.pem")).unwrap();
        let users = Users::serve(&key.public().to_json()).await;
        let own = Caller::Service {
            name: NAME.to_owned(),
        };
        let token = token(&key, &own);
        let options = [
            NAME,
            "--kafka",
            broker,
            "--topic",
            &topic.name,
            "--user-service",
            users.address(),
            "--service-token",
            &token,
        ];
        let options = Options::try_parse_from(options.iter().chain(more)).unwrap();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let ports = Ports {
            grpc: Some(listen("--grpc-addr", any).await.unwrap()),
            http: Some(listen("--http-addr", any).await.unwrap()),
            metrics: None,
        };
        let service = start(options, ports, &Metrics::new(NAME).unwrap()).await.unwrap();
        let addresses = service.running.addresses();
        let address = format!("http://{}", addresses.grpc.unwrap());
        Served {
            client: AnalyticsServiceClient::new(Endpoint::from_shared(address).unwrap().connect_lazy()),
            http: addresses.http.unwrap(),
            service,
            users,
            key,
            _folder: folder,
        }
    }

    pub(crate) async fn until_ready(&self) {
        eventually("it is ready", async || self.get("/ready", "").await.0 == 200).await;
    }

    pub(crate) fn token(&self, role: Role, session: &str) -> String {
        let caller = Caller::User {
            id: "usr_1".to_owned(),
            role,
            session: session.to_owned(),
        };
        token(&self.key, &caller)
    }

    /// A token of some customer.
    pub(crate) fn customer(&self) -> String {
        self.token(Role::Customer, "ses_1")
    }

    /// A token that is good for this long.
    pub(crate) fn short(&self, good_for: Duration) -> String {
        let caller = Caller::User {
            id: "usr_1".to_owned(),
            role: Role::Customer,
            session: "ses_1".to_owned(),
        };
        self.key.issue(&caller, good_for).unwrap()
    }

    /// A message of a caller with this token.
    pub(crate) fn by<T>(&self, token: &str, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let value = format!("Bearer {token}").parse().unwrap();
        request.metadata_mut().insert("authorization", value);
        request
    }

    pub(crate) async fn summary(&self) -> Summary {
        let request = self.by(&self.customer(), SummarizeRequest::default());
        answer(self.client.clone().summarize(request).await).unwrap()
    }

    /// Waits until this many orders are counted.
    pub(crate) async fn until_counted(&self, orders: i64) {
        eventually(&format!("{orders} orders are counted"), async || {
            self.summary().await.order_count == orders
        })
        .await;
    }

    /// Opens a stream; gives also where it begins.
    pub(crate) async fn stream(
        &self,
        last_event_id: &str,
    ) -> Result<(String, Streaming<StreamedWindow>), Failure> {
        self.stream_by(&self.customer(), last_event_id).await
    }

    pub(crate) async fn stream_by(
        &self,
        token: &str,
        last_event_id: &str,
    ) -> Result<(String, Streaming<StreamedWindow>), Failure> {
        let message = StreamWindowsRequest {
            last_event_id: last_event_id.to_owned(),
        };
        let answer = self
            .client
            .clone()
            .stream_windows(self.by(token, message))
            .await?;
        let begins = answer
            .metadata()
            .get("event-id")
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        Ok((begins, answer.into_inner()))
    }

    /// Status and body; without a token where that is empty.
    pub(crate) async fn get(&self, path: &str, token: &str) -> (u16, String) {
        let mut stream = self.open(path, token, "").await;
        let mut answer = String::new();
        tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer))
            .await
            .expect("no answer within a minute")
            .unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// Sends a request, and leaves the answer to the caller.
    pub(crate) async fn open(&self, path: &str, token: &str, headers: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.http).await.unwrap();
        let token = match token {
            "" => String::new(),
            token => format!("Authorization: Bearer {token}\r\n"),
        };
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{token}{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }
}

fn token(key: &SigningKey, caller: &Caller) -> String {
    key.issue(caller, Duration::from_secs(600)).unwrap()
}

pub(crate) fn answer<T>(answer: Result<Response<T>, Status>) -> Result<T, Failure> {
    answer.map(Response::into_inner).map_err(Failure::from)
}

/// The next window of a stream, with its id.
pub(crate) async fn next(stream: &mut Streaming<StreamedWindow>) -> Result<StreamedWindow, Failure> {
    let next = tokio::time::timeout(PATIENCE, stream.message()).await;
    let next = next.expect("nothing within a minute")?;
    Ok(next.expect("a stream ends with a reason"))
}
