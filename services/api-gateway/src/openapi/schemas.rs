//! The schemas of bodies.

use serde_json::{Value, json};
use service_common::failure::Code;
use service_common::rest::orders::status_words as order_statuses;
use service_common::rest::payments::status_words as payment_statuses;

/// An amount of money as a text.
pub(super) const AMOUNT: &str = r"^(0|[1-9][0-9]{0,12})(\.[0-9]{1,2})?$";

/// All of them, by their names.
pub(super) fn all() -> Value {
    let mut all = requests();
    for part in [accounts(), catalogue(), orders(), analytics(), about()] {
        let (Value::Object(all), Value::Object(part)) = (&mut all, part) else {
            continue;
        };
        all.extend(part);
    }
    all
}

fn requests() -> Value {
    json!({
        "Registration": object(&["email", "password", "first_name", "last_name"], json!({
            "email": email(),
            "password": password(8),
            "first_name": line(100),
            "last_name": line(100),
        })),
        "Credentials": object(&["email", "password"], json!({
            "email": email(),
            "password": password(1),
        })),
        "RefreshToken": object(&["refresh_token"], json!({"refresh_token": line(256)})),
        "CartQuantity": object(&["quantity"], json!({
            "quantity": {"type": "integer", "minimum": 1, "maximum": 1_000},
            "user_id": own_user_id(),
        })),
        "NewOrder": object(&["items", "shipping_address"], json!({
            "items": {
                "type": "array",
                "minItems": 1,
                "maxItems": 100,
                "items": object(&["product_id", "quantity"], json!({
                    "product_id": id(),
                    "quantity": {"type": "integer", "minimum": 1, "maximum": 10_000},
                })),
            },
            "shipping_address": reference("Address"),
            "payment_method": or_null(&method("; without one the order waits for a payment")),
            "user_id": own_user_id(),
        })),
        "Address": object(&["name", "line1", "city", "postal_code", "country"], json!({
            "name": line(200),
            "line1": line(200),
            "line2": or_null(&line(200)),
            "city": line(200),
            "postal_code": line(200),
            "country": {"type": "string", "pattern": "^[A-Z]{2}$", "description": "ISO 3166-1"},
        })),
        "NewPayment": object(&["order_id", "amount", "method"], json!({
            "order_id": id(),
            "amount": {
                "description": "The order's whole amount",
                "anyOf": [
                    {"type": "string", "pattern": AMOUNT},
                    {"type": "number", "minimum": 0, "maximum": 1e12, "multipleOf": 0.01},
                ],
            },
            "currency": or_null(&json!({"type": "string", "pattern": "^[A-Z]{3}$"})),
            "method": method(""),
            "user_id": own_user_id(),
        })),
    })
}

fn accounts() -> Value {
    json!({
        "User": all_of(json!({
            "id": text(),
            "email": text(),
            "first_name": text(),
            "last_name": text(),
            "role": {"type": "string", "enum": ["customer", "admin"]},
            "created_at": or_null(&moment()),
        })),
        "LogIn": all_of(json!({
            "id": text(),
            "email": text(),
            "token": text(),
            "token_type": {"type": "string", "enum": ["Bearer"]},
            "refresh_token": text(),
            "expires_in": {"type": "integer", "minimum": 0, "description": "Seconds"},
        })),
        "Tokens": all_of(json!({
            "token": text(),
            "token_type": {"type": "string", "enum": ["Bearer"]},
            "refresh_token": text(),
            "expires_in": {"type": "integer", "minimum": 0, "description": "Seconds"},
        })),
        "JwkSet": all_of(json!({
            "keys": {"type": "array", "items": {"type": "object", "description": "RFC 7517, RFC 8037"}},
        })),
        "Cart": all_of(json!({
            "items": {
                "type": "array",
                "items": all_of(json!({"product_id": text(), "quantity": {"type": "integer", "minimum": 1}})),
            },
        })),
    })
}

fn catalogue() -> Value {
    json!({
        "Product": all_of(json!({
            "id": text(),
            "name": text(),
            "description": text(),
            "category": text(),
            "price": money(),
            "currency": text(),
            "stock": {"type": "integer", "minimum": 0, "description": "What can still be ordered"},
            "image_url": or_null(&json!({"type": "string", "description": "Where its picture is, from the root of this API"})),
        })),
        "Products": all_of(json!({
            "products": {"type": "array", "items": reference("Product")},
            "total": {"type": "integer", "minimum": 0},
            "next_cursor": cursor(),
        })),
        "SearchResults": all_of(json!({
            "results": {"type": "array", "items": reference("Product")},
            "next_cursor": cursor(),
        })),
    })
}

fn orders() -> Value {
    json!({
        "Order": all_of(json!({
            "id": text(),
            "order_id": {"type": "string", "description": "The same as `id`"},
            "user_id": text(),
            "status": {"type": "string", "enum": order_statuses()},
            "items": {
                "type": "array",
                "items": all_of(json!({
                    "product_id": text(),
                    "quantity": {"type": "integer", "minimum": 1},
                    "unit_price": or_null(&money()),
                })),
            },
            "total_amount": or_null(&money()),
            "currency": or_null(&text()),
            "shipping_address": {"anyOf": [
                all_of(json!({
                    "name": text(),
                    "line1": text(),
                    "line2": or_null(&text()),
                    "city": text(),
                    "postal_code": text(),
                    "country": text(),
                })),
                {"type": "null"},
            ]},
            "created_at": or_null(&moment()),
            "cancelled_at": or_null(&moment()),
            "cancel_reason": or_null(&text()),
            "cancel_requested": {"type": "boolean", "description": "A cancel waits for the payment to be settled"},
            "payment_id": or_null(&text()),
            "version": {"type": "integer", "description": "Raised with every event"},
        })),
        "Orders": all_of(json!({
            "orders": {"type": "array", "items": reference("Order")},
            "next_cursor": cursor(),
        })),
        "Payment": all_of(json!({
            "id": text(),
            "payment_id": {"type": "string", "description": "The same as `id`"},
            "order_id": text(),
            "amount": money(),
            "currency": text(),
            "status": {"type": "string", "enum": payment_statuses()},
            "transaction_id": or_null(&json!({"type": "string", "description": "The provider's id of the charge"})),
            "next_action": or_null(&json!({"type": "string", "description": "Where the payer goes on"})),
        })),
    })
}

fn analytics() -> Value {
    let count = || json!({"type": "integer", "minimum": 0});
    json!({
        "Window": all_of(json!({
            "window_start": moment(),
            "window_end": moment(),
            "order_count": count(),
            "total_revenue": money(),
            "total_items": count(),
            "unique_users": count(),
            "average_order_value": money(),
            "revision": {"type": "integer", "minimum": 0, "description": "Raised when late orders are counted"},
        })),
        "WindowPage": all_of(json!({
            "windows": {"type": "array", "items": reference("Window")},
            "next_cursor": cursor(),
        })),
        "Summary": all_of(json!({
            "windows": count(),
            "order_count": count(),
            "total_revenue": money(),
            "total_items": count(),
            "average_order_value": money(),
            "complete_from": or_null(&json!({
                "type": "string",
                "format": "date-time",
                "description": "Older windows are not held any more; null where all are",
            })),
        })),
    })
}

fn about() -> Value {
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    json!({
        "Health": all_of(json!({"status": {"type": "string", "enum": ["healthy", "ready"]}})),
        "NotReady": all_of(json!({"status": {"type": "string", "enum": ["not ready"]}, "missing": text()})),
        "OpenApi": {"type": "object"},
        "Received": all_of(json!({"received": {"type": "boolean", "enum": [true]}})),
        "Problem": object(&["type", "title", "status", "code", "detail", "request_id"], json!({
            "type": {"type": "string", "description": "Where the code is explained"},
            "title": text(),
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "code": {"type": "string", "enum": codes},
            "detail": {"type": "string", "description": "For people"},
            "request_id": text(),
            "errors": {
                "type": "array",
                "description": "Every field that is wrong",
                "items": all_of(json!({
                    "field": {"type": "string", "description": "As a path: `items[2].quantity`"},
                    "fault": text(),
                })),
            },
        })),
    })
}

fn object(required: &[&str], properties: Value) -> Value {
    json!({"type": "object", "required": required, "properties": properties})
}

/// An object that always has all of its fields, and no others.
fn all_of(properties: Value) -> Value {
    let names: Vec<String> = properties
        .as_object()
        .map(|all| all.keys().cloned().collect())
        .unwrap_or_default();
    json!({"type": "object", "required": names, "properties": properties, "additionalProperties": false})
}

fn reference(schema: &str) -> Value {
    super::reference(schema)
}

fn text() -> Value {
    json!({"type": "string"})
}

/// The same schema, or null.
fn or_null(schema: &Value) -> Value {
    let mut schema = schema.clone();
    schema["type"] = json!([schema["type"], "null"]);
    schema
}

fn money() -> Value {
    json!({"type": "string", "pattern": r"^[0-9]+\.[0-9]{2}$"})
}

fn moment() -> Value {
    json!({"type": "string", "format": "date-time"})
}

fn cursor() -> Value {
    or_null(&json!({"type": "string", "description": "Of the next page; null on the last one"}))
}

/// What could be an id.
fn id() -> Value {
    json!({"type": "string", "pattern": super::ID})
}

fn method(more: &str) -> Value {
    json!({
        "type": "string",
        "pattern": super::ID,
        "description": format!("A token of the payment provider{more}"),
    })
}

fn password(shortest: u32) -> Value {
    json!({
        "type": "string",
        "format": "password",
        "minLength": shortest,
        "maxLength": 128,
        "pattern": r"^[^\x00]*$",
    })
}

fn email() -> Value {
    json!({
        "type": "string",
        "maxLength": 254,
        "pattern": r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$",
    })
}

/// A text of one line that holds more than blanks.
fn line(longest: u32) -> Value {
    json!({
        "type": "string",
        "minLength": 1,
        "maxLength": longest,
        "pattern": r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$",
    })
}

fn own_user_id() -> Value {
    or_null(&json!({"type": "string", "description": "The token decides; another one is refused"}))
}
