//! gRPC to the inner ports: ids, numbers, texts, what is missing, what is not one's own.

use prost::Message;
use tonic::Code;
use weir_rpc::analytics::v1 as analytics;
use weir_rpc::common::v1::{Address, Empty, Money};
use weir_rpc::order::v1 as order;
use weir_rpc::payment::v1 as payment;
use weir_rpc::product::v1 as product;
use weir_rpc::user::v1 as user;

use super::Outcome;
use super::bench::Bench;
use super::grpc::Port;

/// A call, and the codes it may be refused with.
struct Case<'a> {
    about: String,
    port: &'a Port,
    call: &'static str,
    token: Option<&'a str>,
    message: Vec<u8>,
    codes: &'static [Code],
}

const INVALID: &[Code] = &[Code::InvalidArgument];
const MISSING: &[Code] = &[Code::NotFound];
/// What cannot be an id is told of as that, or as the id of nothing.
const NO_ID: &[Code] = &[Code::InvalidArgument, Code::NotFound];
const FORBIDDEN: &[Code] = &[Code::PermissionDenied];
const NOBODY: &[Code] = &[Code::Unauthenticated];
const UNREADABLE: &[Code] = &[Code::InvalidArgument];

/// Texts that are no ids.
fn no_ids() -> Vec<(&'static str, String)> {
    vec![
        ("nothing", String::new()),
        ("a NUL", "ord\0_1".to_owned()),
        ("SQL", "' OR '1'='1".to_owned()),
        ("more SQL", "ord_1'; DROP TABLE orders; --".to_owned()),
        ("a path", "../../../etc/passwd".to_owned()),
        ("line breaks", "ord_1\r\nX-Evil: 1".to_owned()),
        ("other digits", "ord_１".to_owned()),
        ("text that turns round", "\u{202e}1_dro".to_owned()),
        ("129 characters", "x".repeat(129)),
        ("a megabyte", "x".repeat(1_000_000)),
    ]
}

fn money(minor_units: i64, currency: &str) -> Option<Money> {
    Some(Money {
        minor_units,
        currency: currency.to_owned(),
    })
}

fn address() -> Address {
    Address {
        name: "Mallory".to_owned(),
        line1: "1 Main Street".to_owned(),
        line2: String::new(),
        city: "London".to_owned(),
        postal_code: "N1".to_owned(),
        country: "GB".to_owned(),
    }
}

/// An order that is right but for one change.
fn an_order(change: impl FnOnce(&mut order::CreateOrderRequest)) -> Vec<u8> {
    let mut request = order::CreateOrderRequest {
        items: vec![order::OrderLine {
            product_id: "prd-1".to_owned(),
            quantity: 1,
        }],
        shipping_address: Some(address()),
        payment_method: String::new(),
        idempotency_key: String::new(),
    };
    change(&mut request);
    request.encode_to_vec()
}

/// Sends all of it.
pub(super) fn all(bench: &Bench) -> Outcome {
    let mut cases = ids(bench);
    cases.extend(numbers(bench));
    cases.extend(texts(bench));
    cases.extend(foreign(bench));
    cases.extend(above_ones_station(bench));
    cases.extend(unreadable(bench));
    let mut outcome = Outcome::default();
    for case in cases {
        let sent = case.port.call(case.call, case.token, case.message);
        let (code, said) = bench.runtime.block_on(sent);
        let is_right = case.codes.contains(&code);
        let wrong = (!is_right).then(|| format!("{code:?} instead of {:?}: {said}", case.codes));
        outcome.note(&format!("{}: {}", case.call, case.about), wrong);
    }
    outcome
}

fn ids(bench: &Bench) -> Vec<Case<'_>> {
    let (mallory, service) = (Some(bench.mallory.token.as_str()), Some(bench.service.as_str()));
    let mut cases = Vec::new();
    for (about, id) in no_ids() {
        let mut add = |port, call, token, message| {
            cases.push(Case {
                about: format!("{about} for an id"),
                port,
                call,
                token,
                message,
                codes: NO_ID,
            });
        };
        let order_id = id.clone();
        add(
            &bench.order,
            "GetOrder",
            mallory,
            order::GetOrderRequest {
                order_id: order_id.clone(),
            }
            .encode_to_vec(),
        );
        add(
            &bench.order,
            "CancelOrder",
            mallory,
            order::CancelOrderRequest {
                order_id: order_id.clone(),
            }
            .encode_to_vec(),
        );
        let begin = order::BeginPaymentRequest {
            order_id: order_id.clone(),
            payment_id: "pay_1".to_owned(),
            amount: money(1, "USD"),
        };
        add(&bench.order, "BeginPayment", service, begin.encode_to_vec());
        let settled = order::PaymentSettledRequest {
            order_id: order_id.clone(),
            payment_id: "pay_1".to_owned(),
            succeeded: true,
        };
        add(&bench.order, "PaymentSettled", service, settled.encode_to_vec());
        let payment_id = id.clone();
        add(
            &bench.payment,
            "GetPaymentStatus",
            mallory,
            payment::PaymentStatusRequest {
                payment_id: payment_id.clone(),
            }
            .encode_to_vec(),
        );
        let refund = payment::RefundRequest {
            payment_id,
            idempotency_key: String::new(),
        };
        add(&bench.payment, "RefundPayment", service, refund.encode_to_vec());
        let pay = payment::PaymentRequest {
            order_id,
            amount: money(1, "USD"),
            method: "tok_success".to_owned(),
            idempotency_key: String::new(),
        };
        add(&bench.payment, "ProcessPayment", mallory, pay.encode_to_vec());
        let product_id = id.clone();
        add(
            &bench.product,
            "GetProduct",
            None,
            product::GetProductRequest {
                product_id: product_id.clone(),
            }
            .encode_to_vec(),
        );
        let change = product::AddStockRequest {
            product_id: product_id.clone(),
            change: 1,
            change_id: String::new(),
        };
        add(&bench.product, "AddStock", service, change.encode_to_vec());
        add(
            &bench.product,
            "ReleaseStock",
            service,
            product::ReleaseStockRequest { order_id: id.clone() }.encode_to_vec(),
        );
        add(
            &bench.product,
            "SellStock",
            service,
            product::SellStockRequest { order_id: id.clone() }.encode_to_vec(),
        );
        let cart = user::PutCartItemRequest {
            product_id,
            quantity: 1,
        };
        add(&bench.user, "PutCartItem", mallory, cart.encode_to_vec());
    }
    cases
}

fn numbers(bench: &Bench) -> Vec<Case<'_>> {
    let (mallory, service) = (Some(bench.mallory.token.as_str()), Some(bench.service.as_str()));
    let mut cases = Vec::new();
    let mut add = |about: &str, port, call, token, message| {
        cases.push(Case {
            about: about.to_owned(),
            port,
            call,
            token,
            message,
            codes: INVALID,
        });
    };
    for quantity in [0, 10_001, 1 << 31, u32::MAX] {
        let about = format!("a quantity of {quantity}");
        add(
            &about,
            &bench.order,
            "CreateOrder",
            mallory,
            an_order(|order| order.items[0].quantity = quantity),
        );
        let line = product::Line {
            product_id: "prd-1".to_owned(),
            quantity,
        };
        let reserve = product::ReserveStockRequest {
            order_id: "ord_hostile".to_owned(),
            lines: vec![line],
        };
        add(
            &about,
            &bench.product,
            "ReserveStock",
            service,
            reserve.encode_to_vec(),
        );
        let cart = user::PutCartItemRequest {
            product_id: "prd-1".to_owned(),
            quantity,
        };
        add(&about, &bench.user, "PutCartItem", mallory, cart.encode_to_vec());
    }
    add(
        "no line",
        &bench.order,
        "CreateOrder",
        mallory,
        an_order(|order| order.items.clear()),
    );
    for lines in [101, 10_000] {
        let many = an_order(|order| order.items = vec![order.items[0].clone(); lines]);
        add(
            &format!("{lines} lines"),
            &bench.order,
            "CreateOrder",
            mallory,
            many,
        );
    }
    for minor_units in [-1, i64::MIN] {
        let pay = payment::PaymentRequest {
            order_id: bench.mallory.order.clone(),
            amount: money(minor_units, "USD"),
            method: "tok_success".to_owned(),
            idempotency_key: String::new(),
        };
        let about = format!("an amount of {minor_units}");
        add(
            &about,
            &bench.payment,
            "ProcessPayment",
            mallory,
            pay.encode_to_vec(),
        );
        let put = product::PutProductRequest {
            product_id: "prd-hostile".to_owned(),
            name: "n".to_owned(),
            description: String::new(),
            category: "c".to_owned(),
            price: money(minor_units, "USD"),
        };
        add(&about, &bench.product, "PutProduct", service, put.encode_to_vec());
    }
    for change in [i64::MIN, i64::MAX, 1_000_000_001] {
        let stock = product::AddStockRequest {
            product_id: "prd-1".to_owned(),
            change,
            change_id: "hostile".to_owned(),
        };
        add(
            &format!("a change of {change}"),
            &bench.product,
            "AddStock",
            service,
            stock.encode_to_vec(),
        );
    }
    for limit in [101, u32::MAX] {
        let about = format!("a limit of {limit}");
        let orders = order::ListOrdersRequest {
            limit,
            ..Default::default()
        };
        add(
            &about,
            &bench.order,
            "ListOrders",
            mallory,
            orders.encode_to_vec(),
        );
        let products = product::ListProductsRequest {
            limit,
            ..Default::default()
        };
        add(
            &about,
            &bench.product,
            "ListProducts",
            None,
            products.encode_to_vec(),
        );
        let search = product::SearchRequest {
            q: "a".to_owned(),
            limit,
            ..Default::default()
        };
        add(
            &about,
            &bench.product,
            "SearchProducts",
            None,
            search.encode_to_vec(),
        );
    }
    for status in [-1, 99, i32::MAX] {
        let orders = order::ListOrdersRequest {
            status,
            ..Default::default()
        };
        add(
            &format!("a status of {status}"),
            &bench.order,
            "ListOrders",
            mallory,
            orders.encode_to_vec(),
        );
    }
    let below = product::SearchRequest {
        q: "a".to_owned(),
        min_price_minor_units: Some(i64::MIN),
        ..Default::default()
    };
    add(
        "a price below zero",
        &bench.product,
        "SearchProducts",
        None,
        below.encode_to_vec(),
    );
    cases
}

fn texts(bench: &Bench) -> Vec<Case<'_>> {
    let (mallory, service) = (Some(bench.mallory.token.as_str()), Some(bench.service.as_str()));
    let mut cases = Vec::new();
    let mut add = |about: &str, port, call, token, message, codes| {
        cases.push(Case {
            about: about.to_owned(),
            port,
            call,
            token,
            message,
            codes,
        });
    };
    for (about, text) in [
        ("a NUL", "a\0b".to_owned()),
        ("an escape sequence", "\u{1b}[2J".to_owned()),
        ("5,001 characters", "x".repeat(5_001)),
    ] {
        for field in 0..5 {
            let mut address = address();
            *[
                &mut address.name,
                &mut address.line1,
                &mut address.line2,
                &mut address.city,
                &mut address.postal_code,
            ][field] = text.clone();
            let order = an_order(|order| order.shipping_address = Some(address));
            add(about, &bench.order, "CreateOrder", mallory, order, INVALID);
        }
        let put = product::PutProductRequest {
            product_id: "prd-hostile".to_owned(),
            name: text.clone(),
            description: text.clone(),
            category: text.clone(),
            price: money(1, "USD"),
        };
        add(
            about,
            &bench.product,
            "PutProduct",
            service,
            put.encode_to_vec(),
            INVALID,
        );
        let person = user::CreateUserRequest {
            email: "new@example.test".to_owned(),
            password: "a good password".to_owned(),
            first_name: text.clone(),
            last_name: text.clone(),
            idempotency_key: String::new(),
        };
        add(
            about,
            &bench.user,
            "CreateUser",
            None,
            person.encode_to_vec(),
            INVALID,
        );
        let search = product::SearchRequest {
            q: text.clone(),
            ..Default::default()
        };
        add(
            about,
            &bench.product,
            "SearchProducts",
            None,
            search.encode_to_vec(),
            INVALID,
        );
        let cursor = order::ListOrdersRequest {
            cursor: text.clone(),
            ..Default::default()
        };
        add(
            about,
            &bench.order,
            "ListOrders",
            mallory,
            cursor.encode_to_vec(),
            INVALID,
        );
        let cursor = product::ListProductsRequest {
            cursor: text.clone(),
            ..Default::default()
        };
        add(
            about,
            &bench.product,
            "ListProducts",
            None,
            cursor.encode_to_vec(),
            INVALID,
        );
        add(
            about,
            &bench.order,
            "CreateOrder",
            mallory,
            an_order(|order| order.payment_method = text),
            INVALID,
        );
    }
    for cursor in ["a", "1a", "\0", "' OR 1=1 --", "9999999999999999999999"] {
        let list = analytics::ListWindowsRequest {
            cursor: cursor.to_owned(),
            ..Default::default()
        };
        let about = format!("the cursor {cursor:?}");
        add(
            &about,
            &bench.analytics,
            "ListWindows",
            mallory,
            list.encode_to_vec(),
            INVALID,
        );
        let stream = analytics::StreamWindowsRequest {
            last_event_id: cursor.to_owned(),
        };
        let codes: &[Code] = &[Code::InvalidArgument, Code::OutOfRange];
        add(
            &about,
            &bench.analytics,
            "StreamWindows",
            mallory,
            stream.encode_to_vec(),
            codes,
        );
    }
    for currency in ["", "usd", "USDX", "US", "€", "USD\0", "' OR 1=1 --"] {
        let pay = payment::PaymentRequest {
            order_id: bench.mallory.order.clone(),
            amount: money(1, currency),
            method: "tok_success".to_owned(),
            idempotency_key: String::new(),
        };
        let about = format!("the currency {currency:?}");
        add(
            &about,
            &bench.payment,
            "ProcessPayment",
            mallory,
            pay.encode_to_vec(),
            INVALID,
        );
    }
    for country in ["", "gb", "GBR", "G\0", "日本"] {
        let order = an_order(|order| {
            order.shipping_address = Some(Address {
                country: country.to_owned(),
                ..address()
            });
        });
        add(
            &format!("the country {country:?}"),
            &bench.order,
            "CreateOrder",
            mallory,
            order,
            INVALID,
        );
    }
    for email in [
        "",
        "a",
        "@",
        "a@",
        "a@b@c",
        "a\0@b.c",
        "a@b.c\r\nBcc: d@e.f",
        "' OR 1=1 --@b.c d",
    ] {
        let tried = user::AuthRequest {
            email: email.to_owned(),
            password: "a good password".to_owned(),
        };
        let codes: &[Code] = &[Code::InvalidArgument, Code::Unauthenticated];
        let about = format!("the e-mail address {email:?}");
        add(
            &about,
            &bench.user,
            "Authenticate",
            None,
            tried.encode_to_vec(),
            codes,
        );
        let person = user::CreateUserRequest {
            email: email.to_owned(),
            password: "a good password".to_owned(),
            first_name: "A".to_owned(),
            last_name: "B".to_owned(),
            idempotency_key: String::new(),
        };
        add(
            &about,
            &bench.user,
            "CreateUser",
            None,
            person.encode_to_vec(),
            INVALID,
        );
    }
    for refresh_token in ["", "a", "a.b.c", "\0", "ses_1.x"] {
        let refresh = user::RefreshRequest {
            refresh_token: refresh_token.to_owned(),
        };
        let codes: &[Code] = &[Code::InvalidArgument, Code::Unauthenticated];
        add(
            &format!("the refresh token {refresh_token:?}"),
            &bench.user,
            "Refresh",
            None,
            refresh.encode_to_vec(),
            codes,
        );
    }
    let long = "k".repeat(256);
    add(
        "a key of 256 characters",
        &bench.order,
        "CreateOrder",
        mallory,
        an_order(|order| order.idempotency_key = long),
        INVALID,
    );
    add(
        "no address",
        &bench.order,
        "CreateOrder",
        mallory,
        an_order(|order| order.shipping_address = None),
        INVALID,
    );
    for (call, port) in [
        ("CreateOrder", &bench.order),
        ("ProcessPayment", &bench.payment),
        ("PutCartItem", &bench.user),
    ] {
        add("nothing at all", port, call, mallory, Vec::new(), INVALID);
    }
    for (call, port) in [
        ("AcceptPayment", &bench.payment),
        ("RequestRefund", &bench.payment),
        ("PutProduct", &bench.product),
        ("AddStock", &bench.product),
        ("ReserveStock", &bench.product),
        ("BeginPayment", &bench.order),
        ("PaymentSettled", &bench.order),
    ] {
        add("nothing at all", port, call, service, Vec::new(), NO_ID);
    }
    add(
        "nothing at all",
        &bench.user,
        "CreateUser",
        None,
        Vec::new(),
        INVALID,
    );
    cases
}

fn foreign(bench: &Bench) -> Vec<Case<'_>> {
    let mallory = Some(bench.mallory.token.as_str());
    let alice = &bench.alice;
    let mut cases = Vec::new();
    let mut add = |about: &str, port, call, message, codes| {
        cases.push(Case {
            about: about.to_owned(),
            port,
            call,
            token: mallory,
            message,
            codes,
        });
    };
    let order_id = alice.order.clone();
    add(
        "another's order",
        &bench.order,
        "GetOrder",
        order::GetOrderRequest {
            order_id: order_id.clone(),
        }
        .encode_to_vec(),
        MISSING,
    );
    add(
        "another's order",
        &bench.order,
        "CancelOrder",
        order::CancelOrderRequest {
            order_id: order_id.clone(),
        }
        .encode_to_vec(),
        MISSING,
    );
    let pay = payment::PaymentRequest {
        order_id,
        amount: money(666, "USD"),
        method: "tok_success".to_owned(),
        idempotency_key: String::new(),
    };
    add(
        "another's order",
        &bench.payment,
        "ProcessPayment",
        pay.encode_to_vec(),
        MISSING,
    );
    let of_alice = payment::PaymentStatusRequest {
        payment_id: alice.payment.clone(),
    };
    add(
        "another's payment",
        &bench.payment,
        "GetPaymentStatus",
        of_alice.encode_to_vec(),
        MISSING,
    );
    let list = order::ListOrdersRequest {
        user_id: alice.id.clone(),
        ..Default::default()
    };
    add(
        "another's orders",
        &bench.order,
        "ListOrders",
        list.encode_to_vec(),
        FORBIDDEN,
    );
    let get = user::GetUserRequest {
        user_id: alice.id.clone(),
    };
    add(
        "another's account",
        &bench.user,
        "GetUser",
        get.encode_to_vec(),
        &[Code::PermissionDenied, Code::NotFound],
    );
    cases
}

/// Calls that only admins or services may make, by a customer and by nobody.
fn above_ones_station(bench: &Bench) -> Vec<Case<'_>> {
    let mut cases = Vec::new();
    for (port, call) in [
        (&bench.order, "BeginPayment"),
        (&bench.order, "PaymentSettled"),
        (&bench.payment, "RefundPayment"),
        (&bench.payment, "AcceptPayment"),
        (&bench.payment, "RequestRefund"),
        (&bench.product, "PutProduct"),
        (&bench.product, "AddStock"),
        (&bench.product, "ReserveStock"),
        (&bench.product, "ReleaseStock"),
        (&bench.product, "SellStock"),
        (&bench.user, "ValidateSession"),
    ] {
        let by = |about: &str, token, codes| Case {
            about: about.to_owned(),
            port,
            call,
            token,
            message: Empty {}.encode_to_vec(),
            codes,
        };
        cases.push(by("by a customer", Some(bench.mallory.token.as_str()), FORBIDDEN));
        cases.push(by("by nobody", None, NOBODY));
    }
    cases
}

/// Bytes that are no message, and calls that there are not.
fn unreadable(bench: &Bench) -> Vec<Case<'_>> {
    let mallory = Some(bench.mallory.token.as_str());
    let mut cases = Vec::new();
    for (port, call) in [
        (&bench.order, "CreateOrder"),
        (&bench.payment, "ProcessPayment"),
        (&bench.product, "GetProduct"),
        (&bench.user, "Authenticate"),
        (&bench.analytics, "ListWindows"),
    ] {
        for (about, message) in [
            ("ones", vec![0xff; 64]),
            ("half a field", vec![0x0a, 0x7f, b'a']),
            (
                "a length without an end",
                vec![0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            ),
            ("another kind of field", vec![0x09, 1, 2, 3, 4, 5, 6, 7, 8]),
            ("no UTF-8", vec![0x0a, 0x02, 0xc0, 0xaf]),
            ("groups in groups", vec![0x0b; 10_000]),
        ] {
            cases.push(Case {
                about: about.to_owned(),
                port,
                call,
                token: mallory,
                message,
                codes: UNREADABLE,
            });
        }
        let unknown: &[Code] = &[Code::Unimplemented, Code::Unauthenticated, Code::PermissionDenied];
        for call in ["DropTables", "createOrder", "__proto__"] {
            cases.push(Case {
                about: "no call of this name".to_owned(),
                port,
                call,
                token: mallory,
                message: Vec::new(),
                codes: unknown,
            });
        }
    }
    cases
}
