//! The simulated provider behind payments, and its page.

use std::net::SocketAddr;

use payment_service::payment::Status;
use payment_service::simulated::{Simulated, routes};
use test_support::databases::on_each_database;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use weir_rpc::payment::v1::PaymentStatus;

use crate::instance::{Instance, rules};
use crate::others::OrderState;

const URL: &str = "http://localhost:8004";

async fn with_simulated(url: &str) -> Instance {
    Instance::at(url, rules(), |database, _| {
        Box::new(Simulated::new(database.clone(), URL))
    })
    .await
}

#[test]
fn a_token_decides_what_becomes_of_a_payment() {
    on_each_database(async |url| {
        let it = with_simulated(&url).await;
        for (token, status, state) in [
            ("tok_success", PaymentStatus::Succeeded, OrderState::Paid),
            ("tok_declined", PaymentStatus::Declined, OrderState::Reserved),
            ("tok_of_nobody", PaymentStatus::Declined, OrderState::Reserved),
            ("tok_unknown", PaymentStatus::Succeeded, OrderState::Paid),
            ("tok_action", PaymentStatus::RequiresAction, OrderState::Paying),
        ] {
            let order_id = format!("ord_{token}");
            it.desk.take(&order_id, "usr_1");
            let answer = it.pay(&order_id, token).await.unwrap();
            assert_eq!(answer.status(), status, "{token}");
            assert_eq!(it.desk.order(&order_id).state, state, "{token}");
            assert_eq!(
                answer.transaction_id.is_empty(),
                status != PaymentStatus::Succeeded,
                "{token}"
            );
        }
        let metrics = it.metrics.scrape().unwrap();
        assert!(
            metrics.contains(r#"payments_total{outcome="unknown",service="test"} 1"#),
            "{metrics}"
        );
    });
}

/// Makes a request; gives the whole answer.
pub(crate) async fn http(address: SocketAddr, method: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[test]
fn a_payer_goes_on_at_the_address_and_the_payment_learns_of_it_at_once() {
    on_each_database(async |url| {
        let it = with_simulated(&url).await;
        let provider = Simulated::new(it.database.clone(), URL);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = routes(provider, it.payments.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        for (act, status) in [("complete", Status::Succeeded), ("decline", Status::Declined)] {
            let order_id = format!("ord_{act}");
            it.desk.take(&order_id, "usr_1");
            let answer = it.pay(&order_id, "tok_action").await.unwrap();
            let path = answer.next_action.strip_prefix(URL).unwrap();
            let page = http(address, "GET", path).await;
            assert!(page.contains(&format!("{path}/{act}")), "{page}");
            let acted = http(address, "POST", &format!("{path}/{act}")).await;
            assert!(acted.starts_with("HTTP/1.1 200"), "{acted}");
            it.wait_until(&answer.payment_id, |payment| payment.is_told())
                .await;
            assert_eq!(it.status(&answer.payment_id).await, status);
        }
        for path in [
            "/simulated/intents/pi_0/complete",
            "/simulated/intents/%27%3B--/decline",
        ] {
            let missing = http(address, "POST", path).await;
            assert!(missing.starts_with("HTTP/1.1 404"), "{missing}");
        }
        server.abort();
    });
}
