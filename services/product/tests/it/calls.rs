//! The service as others call it: over gRPC with tokens, and its probes over HTTP.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use clap::Parser;
use product_service::{NAME, Options, ProductService, start};
use service_common::auth::{Caller, Role, SigningKey};
use service_common::failure::{Code, Failure};
use service_common::metrics::Metrics;
use service_common::server::{Ports, listen};
use test_support::databases::on_each_database;
use test_support::users::Users;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status};
use weir_rpc::common::v1::{Empty, Money};
use weir_rpc::product::v1::product_service_client::ProductServiceClient;
use weir_rpc::product::v1::reserve_stock_response::Outcome;
use weir_rpc::product::v1::{
    AddStockRequest, GetProductRequest, Line, ListProductsRequest, ProductResponse, PutProductRequest,
    ReleaseStockRequest, ReserveStockRequest, SearchRequest, SellStockRequest,
};

/// Far beyond what a busy machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running service, and the key that it believes.
pub(crate) struct Served {
    pub(crate) service: ProductService,
    client: ProductServiceClient<Channel>,
    pub(crate) key: SigningKey,
    _folder: tempfile::TempDir,
}

impl Served {
    pub(crate) async fn start(database: &str) -> Served {
        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::in_file(&folder.path().join("token.pem")).unwrap();
        let token = token(&key, &service());
        let users = Users::serve(&key.public().to_json()).await;
        users.end_session("ended");
        let options = [
            "product-service",
            "--database-url",
            database,
            "--user-service",
            users.address(),
        ];
        let more = ["--service-token", &token, "--images", "memory:"];
        let options = options.into_iter().chain(more);
        let options = Options::try_parse_from(options).unwrap();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let ports = Ports {
            grpc: Some(listen("--grpc-addr", any).await.unwrap()),
            http: Some(listen("--http-addr", any).await.unwrap()),
            metrics: Some(listen("--metrics-addr", any).await.unwrap()),
        };
        let service = start(options, ports, &Metrics::new(NAME).unwrap()).await.unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = get(service.running.addresses().http.unwrap(), "/ready").await;
            if answer.starts_with("HTTP/1.1 200") {
                break;
            }
            assert!(Instant::now() < deadline, "not ready: {answer}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let address = format!("http://{}", service.running.addresses().grpc.unwrap());
        let client = ProductServiceClient::new(Endpoint::from_shared(address).unwrap().connect_lazy());
        Served {
            service,
            client,
            key,
            _folder: folder,
        }
    }

    /// A request with a token of this caller.
    fn from<T>(&self, caller: &Caller, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let value = format!("Bearer {}", token(&self.key, caller)).parse().unwrap();
        request.metadata_mut().insert("authorization", value);
        request
    }

    pub(crate) async fn put(&self, message: PutProductRequest) -> Result<ProductResponse, Failure> {
        let request = self.from(&user(Role::Admin, "ses_1"), message);
        answer(self.client.clone().put_product(request).await)
    }

    async fn reserve(&self, message: ReserveStockRequest) -> (Outcome, usize, Vec<String>) {
        let request = self.from(&service(), message);
        let answer = answer(self.client.clone().reserve_stock(request).await).unwrap();
        (answer.outcome(), answer.lines.len(), answer.product_ids)
    }
}

fn service() -> Caller {
    Caller::Service {
        name: "order-service".to_owned(),
    }
}

pub(crate) fn user(role: Role, session: &str) -> Caller {
    Caller::User {
        id: "usr_1".to_owned(),
        role,
        session: session.to_owned(),
    }
}

pub(crate) fn token(key: &SigningKey, caller: &Caller) -> String {
    key.issue(caller, Duration::from_secs(600)).unwrap()
}

fn answer<T>(answer: Result<Response<T>, Status>) -> Result<T, Failure> {
    answer.map(Response::into_inner).map_err(Failure::from)
}

/// The whole answer of an HTTP port.
async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

pub(crate) fn keyboard() -> PutProductRequest {
    PutProductRequest {
        product_id: "kb-1".to_owned(),
        name: "Compact keyboard".to_owned(),
        description: "Quiet".to_owned(),
        category: "keyboards".to_owned(),
        price: Some(Money {
            minor_units: 6_495,
            currency: "EUR".to_owned(),
        }),
    }
}

fn wanted(order_id: &str, product_id: &str) -> ReserveStockRequest {
    ReserveStockRequest {
        order_id: order_id.to_owned(),
        lines: vec![Line {
            product_id: product_id.to_owned(),
            quantity: 2,
        }],
    }
}

fn code<T: std::fmt::Debug>(answer: Result<Response<T>, Status>) -> Code {
    Failure::from(answer.unwrap_err()).code
}

#[test]
fn every_call_does_what_it_says() {
    on_each_database(async |url| {
        let served = Served::start(&url).await;
        let mut client = served.client.clone();
        let put = served.put(keyboard()).await.unwrap();
        assert_eq!((put.stock, put.price.clone()), (0, keyboard().price));

        let more = AddStockRequest {
            product_id: "kb-1".to_owned(),
            change: 5,
            change_id: String::new(),
        };
        for stock in [5, 10] {
            let request = served.from(&user(Role::Admin, "ses_1"), more.clone());
            assert_eq!(client.add_stock(request).await.unwrap().into_inner().stock, stock);
        }

        let id = GetProductRequest {
            product_id: "kb-1".to_owned(),
        };
        let expected = ProductResponse { stock: 10, ..put };
        assert_eq!(client.get_product(id).await.unwrap().into_inner(), expected);
        let list = client
            .list_products(ListProductsRequest::default())
            .await
            .unwrap()
            .into_inner();
        assert_eq!(
            (list.products, list.total, list.next_cursor),
            (vec![expected.clone()], 1, String::new())
        );
        let search = SearchRequest {
            q: "QUIET keyboard".to_owned(),
            ..SearchRequest::default()
        };
        let found = client.search_products(search).await.unwrap().into_inner();
        assert_eq!(
            (found.results, found.next_cursor),
            (vec![expected], String::new())
        );

        for _ in 0..2 {
            assert_eq!(
                served.reserve(wanted("ord_1", "kb-1")).await,
                (Outcome::Reserved, 1, vec![])
            );
        }
        client
            .sell_stock(served.from(&service(), sold("ord_1")))
            .await
            .unwrap();
        assert_eq!(
            served.reserve(wanted("ord_1", "kb-1")).await,
            (Outcome::Sold, 1, vec![])
        );
        client
            .release_stock(served.from(&service(), released("ord_1")))
            .await
            .unwrap();
        assert_eq!(
            served.reserve(wanted("ord_1", "kb-1")).await,
            (Outcome::Released, 0, vec![])
        );
        let unknown = (Outcome::UnknownProduct, 0, vec!["kb-2".to_owned()]);
        assert_eq!(served.reserve(wanted("ord_2", "kb-2")).await, unknown);
        let mut all = wanted("ord_3", "kb-1");
        all.lines[0].quantity = 11;
        let out = (Outcome::OutOfStock, 0, vec!["kb-1".to_owned()]);
        assert_eq!(served.reserve(all).await, out);

        let health = client.health_check(Empty {}).await.unwrap().into_inner();
        assert_eq!(health.status, "healthy");
        served.service.running.stop().await;
    });
}

fn sold(order_id: &str) -> SellStockRequest {
    SellStockRequest {
        order_id: order_id.to_owned(),
    }
}

fn released(order_id: &str) -> ReleaseStockRequest {
    ReleaseStockRequest {
        order_id: order_id.to_owned(),
    }
}

#[test]
fn each_call_is_for_those_whom_it_is_for() {
    on_each_database(async |url| {
        let served = Served::start(&url).await;
        let mut client = served.client.clone();
        assert_eq!(code(client.put_product(keyboard()).await), Code::Unauthenticated);
        assert_eq!(
            code(client.reserve_stock(wanted("ord_1", "kb-1")).await),
            Code::Unauthenticated
        );
        let customer = user(Role::Customer, "ses_1");
        assert_eq!(
            code(client.put_product(served.from(&customer, keyboard())).await),
            Code::Forbidden
        );
        let ended = user(Role::Admin, "ended");
        assert_eq!(
            code(client.put_product(served.from(&ended, keyboard())).await),
            Code::Unauthenticated
        );
        let more = AddStockRequest::default();
        assert_eq!(
            code(client.add_stock(served.from(&customer, more)).await),
            Code::Forbidden
        );
        for caller in [&customer, &user(Role::Admin, "ses_1")] {
            let reserve = served.from(caller, wanted("ord_1", "kb-1"));
            assert_eq!(code(client.reserve_stock(reserve).await), Code::Forbidden);
            let release = served.from(caller, released("ord_1"));
            assert_eq!(code(client.release_stock(release).await), Code::Forbidden);
            let sell = served.from(caller, sold("ord_1"));
            assert_eq!(code(client.sell_stock(sell).await), Code::Forbidden);
        }
        client
            .put_product(served.from(&service(), keyboard()))
            .await
            .unwrap();
        served.service.running.stop().await;
    });
}

#[test]
fn faults_of_a_request_come_back_by_field_and_never_as_ours() {
    on_each_database(async |url| {
        let served = Served::start(&url).await;
        let mut client = served.client.clone();
        let failure = served.put(PutProductRequest::default()).await.unwrap_err();
        let fields: Vec<_> = failure.fields.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["product_id", "name", "category", "price"]);
        for id in ["", "kb-1", "\0", "a b", "'; --", &"x".repeat(10_000), "日本"] {
            let request = GetProductRequest {
                product_id: id.to_owned(),
            };
            assert_eq!(code(client.get_product(request).await), Code::NotFound, "{id}");
        }
        for q in ["\0", "\u{1b}[31m", &"%".repeat(201)] {
            let search = SearchRequest {
                q: q.to_owned(),
                ..SearchRequest::default()
            };
            assert_eq!(code(client.search_products(search).await), Code::Invalid, "{q}");
        }
        let page = ListProductsRequest {
            cursor: "9223372036854775807".to_owned(),
            ..ListProductsRequest::default()
        };
        assert!(
            client
                .list_products(page)
                .await
                .unwrap()
                .into_inner()
                .products
                .is_empty()
        );
        served.service.running.stop().await;
    });
}

#[test]
fn a_request_that_is_wrong_throughout_is_told_so() {
    on_each_database(async |url| {
        let served = Served::start(&url).await;
        let line = Line {
            product_id: "é".repeat(100),
            quantity: 0,
        };
        let wrong = ReserveStockRequest {
            order_id: String::new(),
            lines: vec![line; 100],
        };
        let request = served.from(&service(), wrong);
        let failure = answer(served.client.clone().reserve_stock(request).await).unwrap_err();
        assert_eq!(failure.code, Code::Invalid, "{failure:?}");
        assert_eq!(failure.fields[0].field, "order_id");
        served.service.running.stop().await;
    });
}

#[test]
fn probes_and_metrics_are_open() {
    on_each_database(async |url| {
        let served = Served::start(&url).await;
        let address = served.service.running.addresses().http.unwrap();
        assert!(get(address, "/health").await.contains("healthy"));
        served.client.clone().health_check(Empty {}).await.unwrap();
        let metrics = get(address, "/metrics").await;
        assert!(
            metrics.contains(r#"database_connections{service="product-service""#),
            "{metrics}"
        );
        assert!(metrics.contains("HealthCheck"), "{metrics}");
        served.service.running.stop().await;
    });
}
