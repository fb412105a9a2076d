//! A stand-in of Stripe that has a memory: it honours idempotency keys, takes an amount once, and answers badly on demand.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use clap::Parser;
use payment_service::Options;
use payment_service::stripe::Stripe;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::form_urlencoded;

/// What is wrong with the next answer to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It does what it is asked to, and the connection breaks before the answer is through.
    DropAfter,
    /// It does nothing, and answers this status.
    Instead(u16),
    /// It does what it is asked to, and answers this status.
    After(u16),
    /// It does what it is asked to, and does not answer for longer than anybody waits.
    Hang,
}

/// A payment intent.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    id: String,
    amount: i64,
    currency: String,
    status: &'static str,
    is_declined: bool,
    is_refunded: bool,
    /// How often money was taken by it.
    pub(crate) charges: u32,
    /// How often it was given back.
    pub(crate) refunds: u32,
}

#[derive(Default)]
struct Books {
    intents: BTreeMap<String, Held>,
    /// What a key came with, and what was answered.
    keys: BTreeMap<String, (String, StatusCode, Value)>,
    faults: BTreeMap<&'static str, VecDeque<Fault>>,
    calls: BTreeMap<&'static str, usize>,
    refuses_refunds: bool,
}

/// The stand-in. It serves until the test's runtime ends.
#[derive(Clone)]
pub(crate) struct StandIn {
    books: Arc<Mutex<Books>>,
    address: SocketAddr,
}

/// The secret key that it takes.
const KEY: &str = "sk_test_of_the_stand_in";

/// How long a client waits for it: shorter than it hangs, and longer than a busy machine needs.
const PATIENCE: &str = "3s";

impl StandIn {
    pub(crate) async fn start() -> StandIn {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stand_in = StandIn {
            books: Arc::default(),
            address: listener.local_addr().unwrap(),
        };
        let router = Router::new()
            .route("/v1/payment_intents", post(create))
            .route("/v1/payment_intents/{id}", get(retrieve))
            .route("/v1/payment_intents/{id}/confirm", post(confirm))
            .route("/v1/payment_intents/{id}/cancel", post(cancel))
            .route("/v1/refunds", post(refund))
            .layer(from_fn_with_state(stand_in.clone(), disturb))
            .with_state(stand_in.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        stand_in
    }

    /// A client of it.
    pub(crate) fn client(&self) -> Stripe {
        client(&self.url(), KEY)
    }

    /// Settings of a service by which it takes the money.
    pub(crate) fn settings(&self) -> Vec<String> {
        settings(&self.url(), KEY)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap()
    }

    /// The next call of this name goes wrong; those after it by the faults that are added then.
    pub(crate) fn disturb_next(&self, call: &'static str, fault: Fault) {
        self.books().faults.entry(call).or_default().push_back(fault);
    }

    pub(crate) fn refuse_refunds(&self, refuse: bool) {
        self.books().refuses_refunds = refuse;
    }

    /// How often this was called.
    pub(crate) fn calls(&self, call: &str) -> usize {
        self.books().calls.get(call).copied().unwrap_or(0)
    }

    /// All intents.
    pub(crate) fn intents(&self) -> Vec<Held> {
        self.books().intents.values().cloned().collect()
    }

    /// The payer acts on all intents that wait for it.
    pub(crate) fn payers_act(&self, agrees: bool) {
        for held in self.books().intents.values_mut() {
            if held.status == "requires_action" {
                held.act(agrees);
            }
        }
    }

    /// The payers' banks send back what was given back.
    pub(crate) fn refunds_come_back(&self) {
        for held in self.books().intents.values_mut() {
            held.is_refunded = false;
        }
    }
}

/// A client of what answers at this URL.
pub(crate) fn client(url: &str, key: &str) -> Stripe {
    let needed = [
        ("--database-url", "sqlite://nowhere"),
        ("--kafka", "127.0.0.1:1"),
        ("--service-token", "a token"),
        ("--idempotency-secret", "a secret of the test"),
    ];
    let needed = needed.iter().flat_map(|(name, value)| [*name, *value]);
    let arguments = ["payment-service"].into_iter().chain(needed).map(str::to_owned);
    let options = Options::try_parse_from(arguments.chain(settings(url, key))).unwrap();
    Stripe::new(&options.stripe).unwrap()
}

fn settings(url: &str, key: &str) -> Vec<String> {
    let settings = [
        ("--provider", "stripe"),
        ("--stripe-api-key", key),
        ("--stripe-return-url", "https://shop.test/paid"),
        ("--stripe-url", url),
        ("--stripe-timeout", PATIENCE),
    ];
    settings
        .iter()
        .flat_map(|(name, value)| [(*name).to_owned(), (*value).to_owned()])
        .collect()
}

impl Held {
    fn act(&mut self, agrees: bool) {
        self.is_declined = !agrees;
        self.status = match agrees {
            true => "succeeded",
            false => "requires_payment_method",
        };
        self.charges += u32::from(agrees);
    }

    /// As the API shows it.
    fn shown(&self) -> Value {
        let error = self.is_declined.then(declined);
        let next_action = (self.status == "requires_action").then(|| {
            json!({
                "type": "redirect_to_url",
                "redirect_to_url": {"url": format!("https://hooks.stripe.test/{}", self.id), "return_url": null},
            })
        });
        let charge = (self.status == "succeeded").then(|| {
            json!({
                "id": self.charge_id(), "object": "charge", "amount": self.amount, "amount_captured": self.amount,
                "amount_refunded": if self.is_refunded { self.amount } else { 0 }, "billing_details": {},
                "captured": true, "created": 1_700_000_000, "currency": self.currency, "disputed": false,
                "livemode": false, "metadata": {}, "paid": true, "refunded": self.is_refunded, "status": "succeeded",
            })
        });
        json!({
            "id": self.id, "object": "payment_intent", "amount": self.amount, "amount_capturable": 0,
            "amount_received": 0, "capture_method": "automatic", "confirmation_method": "automatic",
            "created": 1_700_000_000, "currency": self.currency, "last_payment_error": error, "latest_charge": charge,
            "livemode": false, "metadata": {}, "next_action": next_action, "payment_method_types": ["card"],
            "status": self.status,
        })
    }

    fn charge_id(&self) -> String {
        self.id.replacen("pi_", "ch_", 1)
    }
}

fn declined() -> Value {
    json!({"type": "card_error", "code": "card_declined", "decline_code": "generic_decline", "message": "No."})
}

type Answer = (StatusCode, Value);

fn error(status: u16, code: &str) -> Answer {
    let error =
        json!({"type": "invalid_request_error", "code": code, "message": "what was sent may stand here"});
    (StatusCode::from_u16(status).unwrap(), json!({"error": error}))
}

/// Counts a call, does it, and answers it; or not so well.
async fn disturb(State(it): State<StandIn>, request: Request, next: Next) -> Response {
    let bearer = format!("Bearer {KEY}");
    if request
        .headers()
        .get("authorization")
        .is_none_or(|given| given != &*bearer)
    {
        return response(error(401, "api_key_invalid"));
    }
    let path = request.uri().path();
    let call = match path.rsplit('/').next() {
        Some("payment_intents") => "create",
        Some("confirm") => "confirm",
        Some("cancel") => "cancel",
        Some("refunds") => "refund",
        _ => "get",
    };
    let fault = {
        let mut books = it.books();
        *books.calls.entry(call).or_default() += 1;
        books.faults.get_mut(call).and_then(VecDeque::pop_front)
    };
    if let Some(Fault::Instead(status)) = fault {
        return response(error(status, "not_now"));
    }
    let answer = next.run(request).await;
    match fault {
        None | Some(Fault::Instead(_)) => answer,
        Some(Fault::After(status)) => response(error(status, "after_all")),
        Some(Fault::DropAfter) => {
            let broken =
                futures::stream::iter([Err::<Vec<u8>, _>(std::io::Error::other("the line is dead"))]);
            Body::from_stream(broken).into_response()
        }
        Some(Fault::Hang) => {
            tokio::time::sleep(Duration::from_secs(600)).await;
            answer
        }
    }
}

fn response((status, body): Answer) -> Response {
    (status, axum::Json(body)).into_response()
}

async fn create(State(it): State<StandIn>, headers: HeaderMap, body: String) -> Response {
    let key = headers["idempotency-key"].to_str().unwrap().to_owned();
    let fields: BTreeMap<_, _> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let mut books = it.books();
    if let Some((first, status, answer)) = books.keys.get(&key) {
        return match *first == body {
            true => response((*status, answer.clone())),
            false => {
                let error = json!({"type": "idempotency_error", "message": "another request came with it"});
                response((StatusCode::BAD_REQUEST, json!({"error": error})))
            }
        };
    }
    assert_eq!(fields["allowed_payment_method_types[0]"], "card");
    let held = Held {
        id: format!("pi_{}", books.intents.len() + 1),
        amount: fields["amount"].parse().unwrap(),
        currency: fields["currency"].clone(),
        status: "requires_payment_method",
        is_declined: false,
        is_refunded: false,
        charges: 0,
        refunds: 0,
    };
    let answer = (StatusCode::OK, held.shown());
    books.intents.insert(held.id.clone(), held);
    books.keys.insert(key, (body, answer.0, answer.1.clone()));
    response(answer)
}

async fn retrieve(State(it): State<StandIn>, Path(id): Path<String>) -> Response {
    it.change(&id, |_| Ok(()))
}

async fn confirm(State(it): State<StandIn>, Path(id): Path<String>, body: String) -> Response {
    let fields: BTreeMap<_, _> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    assert_eq!(fields["return_url"], "https://shop.test/paid");
    it.change(&id, |held| {
        if held.status != "requires_payment_method" {
            return Err(error(400, "payment_intent_unexpected_state"));
        }
        match &*fields["payment_method"] {
            "pm_card_visa" => held.act(true),
            "pm_card_chargeDeclined" => {
                held.act(false);
                return Err((StatusCode::PAYMENT_REQUIRED, json!({"error": declined()})));
            }
            "pm_card_threeDSecure2Required" => held.status = "requires_action",
            "pm_card_slow" => held.status = "processing",
            _ => return Err(error(400, "resource_missing")),
        }
        Ok(())
    })
}

async fn cancel(State(it): State<StandIn>, Path(id): Path<String>) -> Response {
    it.change(&id, |held| match held.status {
        "requires_payment_method" | "requires_action" => {
            held.status = "canceled";
            Ok(())
        }
        _ => Err(error(400, "payment_intent_unexpected_state")),
    })
}

async fn refund(State(it): State<StandIn>, body: String) -> Response {
    let fields: BTreeMap<_, _> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let mut books = it.books();
    let refuses = books.refuses_refunds;
    let Some(held) = books.intents.get_mut(&fields["payment_intent"]) else {
        return response(error(404, "resource_missing"));
    };
    if refuses || held.status != "succeeded" || held.is_refunded {
        return response(error(400, "charge_already_refunded"));
    }
    held.is_refunded = true;
    held.refunds += 1;
    let made = json!({
        "id": "re_1", "object": "refund", "amount": held.amount, "created": 1_700_000_000, "currency": held.currency,
        "status": "succeeded",
    });
    response((StatusCode::OK, made))
}

impl StandIn {
    fn change(&self, id: &str, change: impl FnOnce(&mut Held) -> Result<(), Answer>) -> Response {
        let mut books = self.books();
        let Some(held) = books.intents.get_mut(id) else {
            return response(error(404, "resource_missing"));
        };
        response(match change(held) {
            Ok(()) => (StatusCode::OK, held.shown()),
            Err(refused) => refused,
        })
    }
}
