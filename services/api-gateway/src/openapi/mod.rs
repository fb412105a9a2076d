//! The OpenAPI document, made of the routes.

mod schemas;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use service_common::auth::Access;
use service_common::failure::Code;
use service_common::rest::headers::LONGEST_KEY;

use crate::routes::{Attempts, Body, Content, Keyed, Kind, Need, Parameter, Route, routes};

/// A text without control characters, as a pattern.
const PLAIN: &str = r"^[^\x00-\x1f\x7f-\x9f]*$";
/// What could be an id, as a pattern.
const ID: &str = "^[A-Za-z0-9._:-]{1,128}$";

/// The document: OpenAPI 3.1.
#[must_use]
pub fn document() -> Value {
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for route in routes() {
        let method = route.method.as_str().to_lowercase();
        paths
            .entry(route.path)
            .or_default()
            .insert(method, operation(&route));
    }
    for (path, operation) in probes() {
        paths.entry(path).or_default().insert("get".to_owned(), operation);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "The shop",
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "Orders, payments and what they need. Money is a decimal string with its currency beside it; \
                            a number is read as well, from its digits. Fields that are not named here are left alone. A \
                            failure is problem+json with a stable code: see /docs/errors.",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas::all(),
            "headers": {
                "ETag": {
                    "description": "Names this content; other content has another one",
                    "schema": {"type": "string"},
                },
                "RequestId": {
                    "description": "Names the request in our logs; what the client sent as `X-Request-Id`, if it is plain",
                    "schema": {"type": "string"},
                },
                "RetryAfter": {
                    "description": "Seconds after which another attempt makes sense",
                    "schema": {"type": "integer", "minimum": 1},
                },
            },
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            },
        },
    })
}

fn operation(route: &Route) -> Value {
    let mut operation = json!({
        "operationId": operation_id(route),
        "summary": route.about.summary,
        "tags": [tag(route.path)],
        "security": match route.access {
            Access::Open => json!([]),
            Access::Caller | Access::Trusted | Access::Service => json!([{"token": []}]),
        },
        "responses": responses(route),
    });
    let parameters = parameters(route);
    if !parameters.is_empty() {
        operation["parameters"] = Value::Array(parameters);
    }
    match route.body {
        Body::None => {}
        Body::Json(schema) => {
            operation["requestBody"] = json!({
                "required": true,
                "content": {"application/json": {"schema": reference(schema)}},
            });
        }
        Body::Webhook => {
            operation["requestBody"] = json!({
                "required": true,
                "description": "At most 256 KiB, as it was signed",
                "content": {"application/json": {"schema": {"type": "object"}}},
            });
        }
        // No schema, as its content is no text (OpenAPI 3.1, 4.8.14.2).
        Body::Picture => {
            operation["requestBody"] = json!({
                "required": true,
                "description": "At most 4 MiB, 8,192 pixels a side and 16 million pixels; it is made anew, at most 640 pixels a side",
                "content": {"image/png": {}, "image/jpeg": {}},
            });
        }
    }
    operation
}

/// Such as `put_orders_cancel`.
fn operation_id(route: &Route) -> String {
    let plain = route.path.trim_start_matches("/api/v1");
    let words = plain.split(['/', '.']).filter(|word| !word.is_empty());
    let words = words.map(|word| match path_parameter(word) {
        Some(name) => format!("by_{}", name.trim_end_matches("_id")),
        None => word.replace('-', "_"),
    });
    let method = route.method.as_str().to_lowercase();
    std::iter::once(method).chain(words).collect::<Vec<_>>().join("_")
}

fn tag(path: &str) -> &str {
    let mut words = path.trim_start_matches("/api/v1/").split('/');
    match path.starts_with("/api/v1/") {
        true => words.next().unwrap_or(path),
        false => "about",
    }
}

fn path_parameter(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

fn parameters(route: &Route) -> Vec<Value> {
    let of_path = route.path.split('/').filter_map(path_parameter).map(|name| {
        json!({
            "name": name,
            "in": "path",
            "required": true,
            "schema": {"type": "string", "pattern": ID},
        })
    });
    let known = (route.about.content == Content::Picture).then(|| {
        json!({
            "name": "If-None-Match",
            "in": "header",
            "required": false,
            "description": "`ETag`s of what the client has",
            "schema": {"type": "string"},
        })
    });
    let seen = (route.about.content == Content::Events).then(|| {
        json!({
            "name": "Last-Event-ID",
            "in": "header",
            "required": false,
            "description": "What the client saw last: it goes on behind it, without a gap or a repeat",
            "schema": {"type": "string"},
        })
    });
    let key = (route.keyed == Keyed::Yes).then(|| {
        json!({
            "name": "Idempotency-Key",
            "in": "header",
            "required": false,
            "description": "With it the request is done once, however often it is sent; its answer is kept for 24 hours",
            "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]+( +[!-~]+)*$"},
        })
    });
    let signature = (route.body == Body::Webhook).then(|| {
        json!({
            "name": "Stripe-Signature",
            "in": "header",
            "required": true,
            "description": "Moment and HMAC-SHA256 of the body",
            "schema": {"type": "string"},
        })
    });
    of_path
        .chain(route.about.query.iter().map(query_parameter))
        .chain(known)
        .chain(seen)
        .chain(key)
        .chain(signature)
        .collect()
}

fn query_parameter(parameter: &Parameter) -> Value {
    let schema = match &parameter.kind {
        Kind::Text { longest } => match parameter.need {
            Need::Required => {
                json!({"type": "string", "minLength": 1, "maxLength": longest, "pattern": PLAIN})
            }
            Need::Optional => json!({"type": "string", "maxLength": longest, "pattern": PLAIN}),
        },
        // An empty one is none.
        Kind::Id => json!({"type": "string", "pattern": "^[A-Za-z0-9._:-]{0,128}$"}),
        Kind::Moment => json!({"type": "string", "format": "date-time"}),
        Kind::Money => json!({"type": "string", "pattern": schemas::AMOUNT}),
        Kind::Whole { from, to, default } => {
            json!({"type": "integer", "minimum": from, "maximum": to, "default": default})
        }
        Kind::Word(words) => json!({"type": "string", "enum": words()}),
    };
    json!({
        "name": parameter.name,
        "in": "query",
        "required": parameter.need == Need::Required,
        "description": parameter.about,
        "schema": schema,
    })
}

fn responses(route: &Route) -> Value {
    let mut failures: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for code in codes(route) {
        let codes = failures.entry(code.http().as_u16()).or_default();
        if !codes.contains(&code.as_str()) {
            codes.push(code.as_str());
        }
    }
    let failures = failures
        .into_iter()
        .map(|(status, codes)| (status.to_string(), problem_response(&codes.join(", "))));
    let success = (route.about.status.to_string(), success(route));
    let unchanged = (route.about.content == Content::Picture).then(|| ("304".to_owned(), not_modified()));
    let answers = std::iter::once(success).chain(unchanged);
    Value::Object(answers.chain(failures).collect())
}

/// How a route may fail.
fn codes(route: &Route) -> Vec<Code> {
    let mut codes = vec![Code::RateLimited, Code::Overloaded, Code::Internal];
    codes.extend_from_slice(route.about.failures);
    if route.calls_services() {
        codes.extend([Code::Unavailable, Code::Timeout]);
    }
    if route.access != Access::Open {
        // Forbidden: what only users can do, asked by a service.
        codes.extend([Code::Unauthenticated, Code::Forbidden]);
    }
    if route.path.contains('{') {
        codes.push(Code::NotFound);
    }
    let reads_headers = route.keyed == Keyed::Yes || route.about.content == Content::Events;
    if !route.about.query.is_empty() || reads_headers {
        codes.push(Code::Invalid);
    }
    if route.keyed == Keyed::Yes {
        codes.extend([Code::KeyReused, Code::StillRunning]);
    }
    if route.body != Body::None {
        codes.extend([
            Code::Malformed,
            Code::Invalid,
            Code::TooSlow,
            Code::TooLarge,
            Code::UnsupportedMediaType,
        ]);
    }
    codes
}

fn success(route: &Route) -> Value {
    let mut response = json!({
        "description": match route.attempts {
            Attempts::Limited => "Done; an address and an account have few attempts",
            Attempts::Unlimited => "Done",
        },
        "headers": {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}},
    });
    if route.about.status == 201 {
        response["headers"]["Location"] = json!({
            "description": "Where it can be read from now on",
            "schema": {"type": "string"},
        });
    }
    match route.about.content {
        Content::Nothing => {}
        Content::Json(schema) => {
            response["content"] = json!({"application/json": {"schema": reference(schema)}});
        }
        Content::Html | Content::Document => {
            response["content"] = json!({"text/html": {"schema": {"type": "string"}}});
        }
        Content::Events => {
            response["content"] = json!({"text/event-stream": {"schema": {"type": "string"}}});
        }
        Content::Picture => {
            response["headers"]["ETag"] = reference_to_tag();
            response["content"] = json!({"image/png": {}});
        }
    }
    response
}

/// What the client has is what there is.
fn not_modified() -> Value {
    json!({
        "description": "The client has it: its tag is in `If-None-Match`",
        "headers": {
            "X-Request-Id": {"$ref": "#/components/headers/RequestId"},
            "ETag": reference_to_tag(),
        },
    })
}

fn reference_to_tag() -> Value {
    json!({"$ref": "#/components/headers/ETag"})
}

fn problem_response(description: &str) -> Value {
    json!({
        "description": description,
        "headers": {
            "X-Request-Id": {"$ref": "#/components/headers/RequestId"},
            "Retry-After": {"$ref": "#/components/headers/RetryAfter"},
        },
        "content": {"application/problem+json": {"schema": reference("Problem")}},
    })
}

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

/// The routes that every service has.
fn probes() -> [(&'static str, Value); 3] {
    let probe = |id: &str, summary: &str, responses: Value| {
        json!({
            "operationId": id,
            "summary": summary,
            "tags": ["about"],
            "security": [],
            "responses": responses,
        })
    };
    let json = |description: &str, schema: &str| json!({"description": description, "content": {"application/json": {"schema": reference(schema)}}});
    [
        (
            "/health",
            probe(
                "get_health",
                "Whether the process answers",
                json!({"200": json("It does", "Health")}),
            ),
        ),
        (
            "/ready",
            probe(
                "get_ready",
                "Whether all services can be reached",
                json!({"200": json("They can", "Health"), "503": json("Some cannot", "NotReady")}),
            ),
        ),
        (
            "/metrics",
            probe(
                "get_metrics",
                "The metrics of this process, as Prometheus reads them",
                json!({"200": {"description": "Metrics", "content": {"text/plain": {"schema": {"type": "string"}}}}}),
            ),
        ),
    ]
}
