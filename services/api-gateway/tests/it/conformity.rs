//! Holds answers against the OpenAPI document: the status is one of the route's, the body is of its schema.

use std::sync::LazyLock;

use serde_json::Value;

use crate::client::Reply;

static DOCUMENT: LazyLock<Value> = LazyLock::new(api_gateway::document);

/// Panics where an answer is none that the document promises. Paths and methods that are no routes are left alone.
#[track_caller]
pub(crate) fn check(method: &str, path: &str, reply: &Reply) {
    let Some(operation) = operation(method, path) else {
        return;
    };
    let promised = &operation["responses"][reply.status.to_string()];
    assert!(
        promised.is_object(),
        "{method} {path}: {} is not in the document",
        reply.status
    );
    let Some(content) = promised.get("content").and_then(Value::as_object) else {
        assert_eq!(
            reply.text(),
            "",
            "{method} {path}: a body that is not in the document"
        );
        return;
    };
    let kind = reply.header("content-type").unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default();
    let media = content
        .get(kind)
        .unwrap_or_else(|| panic!("{method} {path}: `{kind}` is not in the document"));
    if kind.ends_with("json") && method != "HEAD" {
        let mut faults = Vec::new();
        judge(&media["schema"], &reply.json(), "body", &mut faults);
        assert!(
            faults.is_empty(),
            "{method} {path}: {faults:?} in {}",
            reply.text()
        );
    }
    if let Some(headers) = promised["headers"]
        .as_object()
        .filter(|headers| headers.contains_key("Location"))
    {
        assert!(reply.header("location").is_some(), "{headers:?}");
    }
}

fn operation(method: &str, path: &str) -> Option<&'static Value> {
    let path = path.split('?').next()?;
    let paths = DOCUMENT["paths"].as_object()?;
    let literal = paths.get(path);
    let found = literal.or_else(|| {
        paths
            .iter()
            .find(|(known, _)| is_of(known, path))
            .map(|(_, found)| found)
    });
    found?.get(method.to_lowercase())
}

/// Whether a path follows a template.
fn is_of(template: &str, path: &str) -> bool {
    let (template, path): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template
            .iter()
            .zip(&path)
            .all(|(known, given)| known.starts_with('{') || known == given)
}

/// What of JSON Schema the document uses, but for patterns and formats.
fn judge(schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    if let Some(name) = schema["$ref"].as_str() {
        return judge(
            DOCUMENT.pointer(name.trim_start_matches('#')).unwrap(),
            value,
            at,
            faults,
        );
    }
    if let Some(any) = schema["anyOf"].as_array() {
        let fits = any.iter().any(|one| {
            let mut found = Vec::new();
            judge(one, value, at, &mut found);
            found.is_empty()
        });
        if !fits {
            faults.push(format!("{at} is none of several"));
        }
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !kinds.is_empty() && !kinds.iter().any(|kind| is_a(kind, value)) {
        faults.push(format!("{at} is no {kinds:?}"));
        return;
    }
    if let Some(words) = schema["enum"].as_array()
        && !words.contains(value)
    {
        faults.push(format!("{at} is none of {words:?}"));
    }
    if let (Some(least), Some(number)) = (schema["minimum"].as_f64(), value.as_f64())
        && number < least
    {
        faults.push(format!("{at} is less than {least}"));
    }
    if let Some(items) = value.as_array() {
        for (n, item) in items.iter().enumerate() {
            judge(&schema["items"], item, &format!("{at}[{n}]"), faults);
        }
    }
    if let Some(members) = value.as_object() {
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        for name in required.iter().filter_map(Value::as_str) {
            if !members.contains_key(name) {
                faults.push(format!("{at}.{name} is missing"));
            }
        }
        for (name, member) in members {
            match schema["properties"].get(name) {
                Some(known) => judge(known, member, &format!("{at}.{name}"), faults),
                None if schema["additionalProperties"] == false => {
                    faults.push(format!("{at}.{name} is not known"))
                }
                None => {}
            }
        }
    }
}

fn is_a(kind: &str, value: &Value) -> bool {
    match kind {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        other => panic!("the document uses the type `{other}`"),
    }
}
