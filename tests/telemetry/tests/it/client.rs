//! A client of the gateway.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Client {
    base: String,
    client: reqwest::Client,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

impl Client {
    pub(crate) fn to(address: SocketAddr) -> Client {
        // The process may have one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().timeout(Duration::from_secs(60));
        Client {
            base: format!("http://{address}"),
            client: client.build().unwrap(),
        }
    }

    /// A request with these headers; without a body where it is null.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Reply {
        let url = format!("{}{path}", self.base);
        let mut request = self.client.request(method.parse().unwrap(), url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !body.is_null() {
            request = request
                .header("Content-Type", "application/json")
                .body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        Reply {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            text: answer.text().await.unwrap(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.call("GET", path, &[], &Value::Null).await
    }

    /// Registers and logs in; gives the answer of the log-in.
    pub(crate) async fn user(&self, email: &str, password: &str) -> Value {
        let mut person =
            json!({"email": email, "password": password, "first_name": "Ada", "last_name": "Lovelace"});
        self.call("POST", "/api/v1/auth/register", &[], &person)
            .await
            .expect(201);
        person
            .as_object_mut()
            .unwrap()
            .retain(|name, _| name == "email" || name == "password");
        self.call("POST", "/api/v1/auth/login", &[], &person)
            .await
            .expect(200)
    }
}

/// An order of one lamp.
pub(crate) fn order(method: Option<&str>) -> Value {
    let address = json!({"name": "Ada", "line1": "12 St James's Square", "city": "London", "postal_code": "SW1Y",
                         "country": "GB"});
    let mut order =
        json!({"items": [{"product_id": "prd_lamp", "quantity": 1}], "shipping_address": address});
    if let Some(method) = method {
        order["payment_method"] = method.into();
    }
    order
}
