//! Requests that nobody sends by mistake. Each is refused as what it is, none is a fault of ours, none changes anything.

use serde_json::{Value, json};

use crate::bench::Bench;
use crate::client::{Call, Reply};
use crate::orders::new_order;

const JSON: &str = "application/json";
const LOGIN: &str = "/api/v1/auth/login";
const REGISTER: &str = "/api/v1/auth/register";
const ORDERS: &str = "/api/v1/orders";
const PAYMENTS: &str = "/api/v1/payments";

/// A request, and the status it is refused with.
struct Hostile {
    about: &'static str,
    call: Call,
    status: u16,
}

/// An order that is right but for one change.
fn order(change: impl FnOnce(&mut Value)) -> Value {
    let mut order = new_order();
    change(&mut order);
    order
}

fn payment(amount: &str) -> String {
    format!(r#"{{"order_id": "ord_1", "amount": {amount}, "method": "tok_success"}}"#)
}

fn table(bench: &Bench) -> Vec<Hostile> {
    let token = bench.token("usr_1");
    let client = &bench.client;
    let post = |path: &str| client.post(path).token(&token);
    let get = |path: &str| client.get(path).token(&token);
    let login = |body: &str| client.post(LOGIN).text(JSON, body);
    let deep =
        |open: &str, close: &str| format!(r#"{{"email": {}{}}}"#, open.repeat(8_000), close.repeat(8_000));
    let long = "x".repeat(5_000);
    let mut table = Vec::new();
    let mut add = |about: &'static str, status: u16, call: Call| table.push(Hostile { about, call, status });

    // What is no JSON.
    add("nothing at all", 400, login(""));
    add("half an object", 400, login(r#"{"email": "a@b.c""#));
    add("two objects", 400, login("{}{}"));
    add("a list", 400, login("[]"));
    add("a text", 400, login(r#""{}""#));
    add("a number", 400, login("1e9999"));
    add("null", 400, login("null"));
    add("a comment", 400, login("{/* */}"));
    add("a comma too many", 400, login(r#"{"email": "a@b.c",}"#));
    add("single quotes", 400, login("{'email': 'a'}"));
    add("NaN", 400, login(r#"{"email": NaN, "password": "p"}"#));
    add(
        "a byte order mark",
        400,
        client.post(LOGIN).bytes(JSON, b"\xef\xbb\xbf{}"),
    );
    add(
        "no UTF-8",
        400,
        client
            .post(LOGIN)
            .bytes(JSON, b"{\"email\": \"\xff\xfe\", \"password\": \"p\"}"),
    );
    add("UTF-16", 400, client.post(LOGIN).bytes(JSON, b"{\0}\0"));
    add(
        "a NUL byte",
        400,
        client
            .post(LOGIN)
            .bytes(JSON, b"{\"email\": \"a\0b\", \"password\": \"p\"}"),
    );
    add(
        "a name twice",
        400,
        login(r#"{"email": "a", "email": "b", "password": "p"}"#),
    );
    add("a deep list", 400, login(&deep("[", "]")));
    add("a deep list without an end", 400, login(&deep("[", "")));
    add(
        "deep objects",
        400,
        login(&deep(r#"{"a":"#, "}").replace(":}", ":1}")),
    );
    add("__proto__", 400, login(r#"{"__proto__": {"email": "a"}}"#));

    // Texts and kinds.
    add(
        "e-mail as a number",
        400,
        login(r#"{"email": 1, "password": "p"}"#),
    );
    add(
        "e-mail as a list",
        400,
        login(r#"{"email": ["a@b.c"], "password": "p"}"#),
    );
    add(
        "e-mail as a query operator",
        400,
        login(r#"{"email": {"$ne": ""}, "password": {"$ne": ""}}"#),
    );
    add(
        "password as true",
        400,
        login(r#"{"email": "a@b.c", "password": true}"#),
    );
    add(
        "an escaped NUL",
        400,
        login(r#"{"email": "a\u0000@b.c", "password": "p"}"#),
    );
    add(
        "half a surrogate pair",
        400,
        login(r#"{"email": "\ud800", "password": "p"}"#),
    );
    add(
        "fields missing",
        400,
        client.post(REGISTER).json(&json!({"email": "a@b.c"})),
    );
    add(
        "names as objects",
        400,
        client.post(REGISTER).json(&json!({
            "email": "a@b.c", "password": "p", "first_name": {}, "last_name": [],
        })),
    );

    // Orders.
    add(
        "no items",
        400,
        post(ORDERS).json(&json!({"shipping_address": new_order()["shipping_address"]})),
    );
    add(
        "items as an object",
        400,
        post(ORDERS).json(&order(|order| order["items"] = json!({"0": {}}))),
    );
    add(
        "items as a text",
        400,
        post(ORDERS).json(&order(|order| order["items"] = json!("prd_1"))),
    );
    add(
        "an item that is null",
        400,
        post(ORDERS).json(&order(|order| order["items"][0] = json!(null))),
    );
    for quantity in [
        json!(-1),
        json!(1.5),
        json!("2"),
        json!(4_294_967_296_u64),
        json!(1e300),
        json!(true),
        json!([1]),
    ] {
        let about = "a quantity that is none";
        add(
            about,
            400,
            post(ORDERS).json(&order(|order| order["items"][0]["quantity"] = quantity)),
        );
    }
    let huge = new_order()
        .to_string()
        .replace(":2}", &format!(":{}}}", "9".repeat(400)));
    add("a quantity of 400 digits", 400, post(ORDERS).text(JSON, &huge));
    add(
        "an address as a text",
        400,
        post(ORDERS).json(&order(|order| order["shipping_address"] = json!("London"))),
    );
    add(
        "another's user_id",
        403,
        post(ORDERS).json(&order(|order| order["user_id"] = json!("usr_2"))),
    );
    add(
        "an empty user_id",
        403,
        post(ORDERS).json(&order(|order| order["user_id"] = json!(""))),
    );
    add(
        "user_id as a list",
        400,
        post(ORDERS).json(&order(|order| order["user_id"] = json!(["usr_1"]))),
    );
    let respelled = new_order()
        .to_string()
        .replacen('{', r#"{"user_\u0069d": "usr_2","#, 1);
    add(
        "another's user_id, its name escaped",
        403,
        post(ORDERS).text(JSON, &respelled),
    );

    // Payments.
    for amount in [
        "-1",
        "-0",
        "0.001",
        "1e400",
        "99999999999999999999",
        r#""""#,
        r#"" 1""#,
        r#""0x10""#,
        r#""１""#,
        "[1]",
    ] {
        add(
            "an amount that is none",
            400,
            post(PAYMENTS).text(JSON, &payment(amount)),
        );
    }
    add(
        "a currency that is none",
        400,
        post(PAYMENTS).json(&json!({
            "order_id": "ord_1", "amount": 1, "method": "m", "currency": "USD'; --",
        })),
    );

    // Ids and queries.
    for id in [
        "%27%20OR%20%271%27=%271",
        "1;DROP%20TABLE%20orders",
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "a%0d%0aX-Evil:%201",
    ] {
        add("an id that is none", 404, get(&format!("/api/v1/orders/{id}")));
    }
    add("path traversal", 404, get("/api/v1/orders/../../etc/passwd"));
    add("a NUL in an id", 404, get("/api/v1/payments/pay_1%00"));
    add("no UTF-8 in an id", 404, get("/api/v1/orders/%c0%ae"));
    add("a very long id", 404, get(&format!("/api/v1/orders/{long}")));
    add("a limit below", 400, get("/api/v1/orders?limit=0"));
    add(
        "a limit above",
        400,
        get("/api/v1/orders?limit=99999999999999999999"),
    );
    add("a limit in words", 400, get("/api/v1/orders?limit=ten"));
    add("two limits", 400, get("/api/v1/orders?limit=1&limit=100"));
    add(
        "SQL in a status",
        400,
        get("/api/v1/orders?status=paid'%20OR%201=1"),
    );
    add("a NUL in a cursor", 400, get("/api/v1/orders?cursor=%00"));
    add("a negative skip", 400, client.get("/api/v1/products?skip=-1"));
    add("a NUL in words", 400, client.get("/api/v1/products/search?q=%00"));
    add("no words", 400, client.get("/api/v1/products/search?q="));
    add(
        "a price that is none",
        400,
        client.get("/api/v1/products/search?q=a&min_price=1e-9"),
    );

    // Headers.
    add("no token", 401, client.get(ORDERS));
    add("a token of nobody", 401, client.get(ORDERS).token("a.b.c"));
    add("a token of spaces", 401, client.get(ORDERS).token("   "));
    add("a very long token", 401, client.get(ORDERS).token(&long));
    add(
        "basic authorisation",
        401,
        client.get(ORDERS).header("Authorization", "Basic YTpi"),
    );
    add(
        "another content type",
        415,
        post(ORDERS).text("text/plain", &new_order().to_string()),
    );
    add("no content type", 415, post(ORDERS));
    add(
        "a form",
        415,
        client
            .post(LOGIN)
            .text("application/x-www-form-urlencoded", "email=a&password=b"),
    );
    add(
        "a packed body",
        415,
        client
            .post(LOGIN)
            .header("Content-Encoding", "gzip")
            .text(JSON, "{}"),
    );
    add(
        "a key that is too long",
        400,
        post(ORDERS)
            .header("Idempotency-Key", &"k".repeat(256))
            .json(&new_order()),
    );
    add(
        "a key of other letters",
        400,
        post(ORDERS).header("Idempotency-Key", "ключ").json(&new_order()),
    );
    add(
        "a body that is too large",
        413,
        post(ORDERS).text(JSON, &" ".repeat(70_000)),
    );

    // Paths and methods.
    add("another method", 405, client.call("PATCH", ORDERS));
    add("TRACE", 405, client.call("TRACE", ORDERS));
    add("a method that is none", 405, client.call("PROPFIND", ORDERS));
    add("another path", 404, client.get("/.env"));
    add(
        "an inner call",
        404,
        client
            .post("/ecommerce.order.v1.OrderService/PaymentSettled")
            .bytes("application/grpc", b""),
    );
    table
}

#[tokio::test]
async fn each_is_refused_as_what_it_is() {
    let bench = Bench::start().await;
    let table = table(&bench);
    assert!(table.len() >= 60, "{}", table.len());
    let mut wrong = Vec::new();
    for Hostile { about, call, status } in table {
        let reply = call.send().await;
        if reply.status != status {
            wrong.push(format!(
                "{about}: {} instead of {status}: {}",
                reply.status,
                reply.text()
            ));
        } else {
            is_well_formed(&reply);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(
        bench.shop.all_heard(),
        [""; 0],
        "something of it reached a service"
    );
}

/// A refusal says its code, and nothing of the request becomes a header of it.
#[track_caller]
fn is_well_formed(reply: &Reply) {
    assert!(!reply.code().is_empty());
    assert_eq!(reply.header("x-evil"), None);
}
