//! REST to the gateway and to the HTTP ports of the services.

use serde_json::{Value, json};

use super::Outcome;
use super::bench::Bench;

/// A request, and the statuses it may be refused with.
struct Case {
    about: String,
    method: &'static str,
    url: String,
    /// Whether the customer's token goes with it.
    token: bool,
    key: Option<String>,
    body: Option<String>,
    statuses: &'static [u16],
}

/// Ids as they stand in a path, that are no ids.
const NO_IDS: [(&str, &str); 8] = [
    ("a NUL", "ord%00_1"),
    ("SQL", "%27%20OR%20%271%27%3D%271"),
    ("more SQL", "1%3BDROP%20TABLE%20orders%3B--"),
    ("a path", "..%2f..%2fetc%2fpasswd"),
    ("line breaks", "a%0d%0aX-Evil:%201"),
    ("no UTF-8", "%c0%ae%c0%ae"),
    ("other letters", "%e6%97%a5%e6%9c%ac"),
    ("a template", "%7B%7B7*7%7D%7D"),
];

/// Where an id stands in a path of the gateway.
const WITH_IDS: [(&str, &str, &str); 9] = [
    ("GET", "orders/", ""),
    ("PUT", "orders/", "/cancel"),
    ("GET", "orders/", "/document"),
    ("GET", "payments/", ""),
    ("POST", "payments/", "/refund"),
    ("GET", "products/", ""),
    ("GET", "products/", "/image"),
    ("PUT", "cart/items/", ""),
    ("DELETE", "cart/items/", ""),
];

const REFUSED: &[u16] = &[400, 403, 404];

/// Sends all of it.
pub(super) fn all(bench: &Bench) -> Outcome {
    let mut cases = ids(bench);
    cases.extend(bodies(bench));
    cases.extend(queries(bench));
    cases.extend(foreign(bench));
    cases.extend(inner(bench));
    let mut outcome = Outcome::default();
    for case in cases {
        let about = format!("{} {}: {}", case.method, case.url, case.about);
        let (status, said) = bench.runtime.block_on(send(bench, &case));
        let is_right = case.statuses.contains(&status);
        let wrong = (!is_right).then(|| format!("{status} instead of {:?}: {said}", case.statuses));
        outcome.note(&about, wrong);
    }
    outcome
}

/// A server that does not want the rest of a body closes the connection, which may overtake its answer: then the request is
/// sent again.
async fn send(bench: &Bench, case: &Case) -> (u16, String) {
    const ATTEMPTS: usize = 20;
    for _ in 1..ATTEMPTS {
        if let Ok(answer) = try_send(bench, case).await {
            return answer;
        }
    }
    try_send(bench, case).await.unwrap()
}

async fn try_send(bench: &Bench, case: &Case) -> reqwest::Result<(u16, String)> {
    let mut request = bench.http.request(case.method.parse().unwrap(), &case.url);
    if case.token {
        request = request.bearer_auth(&bench.mallory.token);
    }
    if let Some(key) = &case.key {
        request = request.header("Idempotency-Key", key);
    }
    if let Some(body) = &case.body {
        request = request
            .header("Content-Type", "application/json")
            .body(body.clone());
    }
    let response = request.send().await?;
    let status = response.status().as_u16();
    Ok((status, response.text().await?))
}

fn case(about: &str, method: &'static str, url: String, statuses: &'static [u16]) -> Case {
    Case {
        about: about.to_owned(),
        method,
        url,
        token: true,
        key: None,
        body: None,
        statuses,
    }
}

fn ids(bench: &Bench) -> Vec<Case> {
    let mut cases = Vec::new();
    for (about, id) in NO_IDS {
        for (method, before, behind) in WITH_IDS {
            let url = format!("{}/api/v1/{before}{id}{behind}", bench.base);
            let mut case = case(about, method, url, REFUSED);
            case.body =
                (before == "cart/items/" && method == "PUT").then(|| json!({"quantity": 1}).to_string());
            cases.push(case);
        }
    }
    cases
}

fn an_order() -> Value {
    json!({
        "items": [{"product_id": "prd-1", "quantity": 1}],
        "shipping_address": {
            "name": "Mallory", "line1": "1 Main Street", "city": "London", "postal_code": "N1", "country": "GB",
        },
    })
}

fn bodies(bench: &Bench) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |about: &str, path: &str, body: String, statuses| {
        let mut case = case(about, "POST", format!("{}/api/v1/{path}", bench.base), statuses);
        case.body = Some(body);
        cases.push(case);
    };
    let wrong: &[u16] = &[400];
    for path in [
        "orders",
        "payments",
        "auth/login",
        "auth/register",
        "auth/refresh",
    ] {
        for (about, body) in [
            ("nothing", String::new()),
            ("half an object", r#"{"a":"#.to_owned()),
            ("a list", "[]".to_owned()),
            ("trailing garbage", "{} {}".to_owned()),
            ("a deep list", "[".repeat(20_000)),
        ] {
            add(about, path, body, wrong);
        }
    }
    for (about, quantity) in [
        ("zero", json!(0)),
        ("below zero", json!(-1)),
        ("beyond 32 bits", json!(4_294_967_297_u64)),
        ("half a thing", json!(0.5)),
        ("a text", json!("1; DROP TABLE orders")),
        ("10,001 things", json!(10_001)),
    ] {
        let mut order = an_order();
        order["items"][0]["quantity"] = quantity;
        add(about, "orders", order.to_string(), wrong);
    }
    for (about, amount) in [
        ("a third of a cent", json!("0.001")),
        ("below zero", json!("-1.00")),
        ("beyond 64 bits", json!("92233720368547758.08")),
        ("an exponent beyond counting", json!("1e99")),
        ("NaN", json!("NaN")),
    ] {
        let payment = json!({"order_id": bench.mallory.order, "amount": amount, "method": "tok_success"});
        add(about, "payments", payment.to_string(), wrong);
    }
    let dear = json!({"order_id": bench.mallory.order, "amount": "0.01", "method": "tok_success"});
    add(
        "another amount than the order's",
        "payments",
        dear.to_string(),
        &[422],
    );
    let mut of_alice = an_order();
    of_alice["user_id"] = json!(bench.alice.id);
    add("another's user_id", "orders", of_alice.to_string(), &[403]);
    let mut long = an_order();
    long["items"] = json!(vec![json!({"product_id": "prd-1", "quantity": 1}); 101]);
    add("101 lines", "orders", long.to_string(), wrong);
    add(
        "a megabyte",
        "orders",
        format!("{}{}", " ".repeat(1_000_000), an_order()),
        &[413],
    );
    let key = |key: &str| {
        let mut case = case(
            "a key that is none",
            "POST",
            format!("{}/api/v1/orders", bench.base),
            wrong,
        );
        case.key = Some(key.to_owned());
        case.body = Some(an_order().to_string());
        case
    };
    cases.extend([key(&"k".repeat(256)), key("k\tk")]);
    cases
}

fn queries(bench: &Bench) -> Vec<Case> {
    let mut cases = Vec::new();
    for (about, path) in [
        ("limit 0", "orders?limit=0"),
        ("limit 101", "orders?limit=101"),
        ("limit in words", "orders?limit=ten"),
        ("a limit beyond 64 bits", "orders?limit=18446744073709551617"),
        ("SQL in a status", "orders?status=paid'--"),
        ("a NUL in a cursor", "orders?cursor=%00"),
        ("SQL in a cursor", "orders?cursor=%27%20OR%201%3D1"),
        ("two cursors", "products?cursor=a&cursor=b"),
        ("a skip below zero", "products?skip=-1"),
        ("a cursor and a skip", "products?skip=1&cursor=a"),
        ("a NUL in words", "products/search?q=%00"),
        ("no words", "products/search?q="),
        ("201 letters", &format!("products/search?q={}", "a".repeat(201))),
        ("a price below zero", "products/search?q=a&min_price=-1"),
        (
            "prices the other way round",
            "products/search?q=a&min_price=2&max_price=1",
        ),
        ("a moment in words", "analytics/windows?from=yesterday"),
        (
            "a moment that there is not",
            "analytics/windows?to=2026-02-30T00:00:00Z",
        ),
        (
            "a span that ends before it begins",
            "analytics/summary?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
        ),
        ("limit 1441", "analytics/windows?limit=1441"),
        ("SQL in a cursor", "analytics/windows?cursor=%27%20OR%201%3D1"),
    ] {
        cases.push(case(
            about,
            "GET",
            format!("{}/api/v1/{path}", bench.base),
            &[400],
        ));
    }
    cases
}

fn foreign(bench: &Bench) -> Vec<Case> {
    let alice = &bench.alice;
    let url = |path: String| format!("{}/api/v1/{path}", bench.base);
    vec![
        case(
            "another's order",
            "GET",
            url(format!("orders/{}", alice.order)),
            &[404],
        ),
        case(
            "another's order",
            "PUT",
            url(format!("orders/{}/cancel", alice.order)),
            &[404],
        ),
        case(
            "another's invoice",
            "GET",
            url(format!("orders/{}/document", alice.order)),
            &[404],
        ),
        case(
            "another's payment",
            "GET",
            url(format!("payments/{}", alice.payment)),
            &[404],
        ),
        case(
            "a refund by a customer",
            "POST",
            url(format!("payments/{}/refund", alice.payment)),
            &[403],
        ),
        case(
            "another's orders",
            "GET",
            url(format!("orders?user_id={}", alice.id)),
            &[403],
        ),
        case(
            "a picture by a customer",
            "PUT",
            url("products/prd-1/image".to_owned()),
            &[403, 415],
        ),
    ]
}

/// The HTTP ports of the services.
fn inner(bench: &Bench) -> Vec<Case> {
    let mut cases = Vec::new();
    for service in ["product", "order-a", "payment", "analytics"] {
        let base = format!("http://{}", bench.shop.http(service));
        for (about, method, path) in [
            ("a path that there is not", "GET", "/.env"),
            ("path traversal", "GET", "/..%2f..%2fetc%2fpasswd"),
            ("no UTF-8", "GET", "/%ff%fe"),
            ("another method", "POST", "/health"),
            ("another method", "DELETE", "/metrics"),
            ("a method that there is not", "PROPFIND", "/ready"),
        ] {
            cases.push(case(
                about,
                method,
                format!("{base}{path}"),
                &[400, 401, 403, 404, 405],
            ));
        }
    }
    cases
}
