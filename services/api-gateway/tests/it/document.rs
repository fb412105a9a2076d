//! The OpenAPI document and the pages beside it.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use service_common::failure::Code;

use crate::bench::Bench;

#[test]
fn every_route_is_in_the_document_and_nothing_else() {
    let document = api_gateway::document();
    let documented: BTreeSet<(String, &str)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            methods
                .as_object()
                .unwrap()
                .keys()
                .map(move |method| (method.to_uppercase(), path.as_str()))
        })
        .collect();
    let routes: BTreeSet<(String, &str)> = api_gateway::listed().into_iter().collect();
    assert_eq!(documented, routes);
}

#[tokio::test]
async fn every_route_of_the_document_is_answered() {
    let bench = Bench::start().await;
    for (method, path) in api_gateway::listed() {
        let path = path.replace(['{', '}'], "");
        let reply = bench.client.call(&method, &path).send().await;
        assert!(
            ![404, 405, 500, 501].contains(&reply.status),
            "{method} {path}: {}",
            reply.status
        );
    }
}

#[test]
fn operations_have_ids_and_summaries_and_what_they_refer_to_is_there() {
    let document = api_gateway::document();
    let mut ids = BTreeSet::new();
    for methods in document["paths"].as_object().unwrap().values() {
        for operation in methods.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{id} stands twice");
            assert!(!operation["summary"].as_str().unwrap().is_empty(), "{id}");
        }
    }
    let mut used = BTreeSet::new();
    references(&document, &mut used);
    for reference in &used {
        assert!(
            document.pointer(reference.trim_start_matches('#')).is_some(),
            "{reference}"
        );
    }
    for schema in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(
            used.contains(&format!("#/components/schemas/{schema}")),
            "nothing uses {schema}"
        );
    }
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member.as_str().filter(|_| name == "$ref") {
                    Some(reference) => {
                        found.insert(reference.to_owned());
                    }
                    None => references(member, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// Clients rely on it: a change is made on purpose, with `WEIR_REGENERATE=1`.
#[test]
fn the_document_is_the_one_that_was_released() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let now = format!(
        "{}\n",
        serde_json::to_string_pretty(&api_gateway::document()).unwrap()
    );
    if std::env::var_os("WEIR_REGENERATE").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    let released = std::fs::read_to_string(&path).unwrap();
    assert!(
        now == released,
        "the document is not that of openapi.json; if it was changed on purpose: WEIR_REGENERATE=1 cargo test -p api-gateway"
    );
}

#[tokio::test]
async fn the_document_is_served_as_it_is() {
    let bench = Bench::start().await;
    let served = bench.client.get("/openapi.json").send().await.expect(200);
    assert_eq!(served, api_gateway::document());
}

#[tokio::test]
async fn the_pages_need_nothing_of_other_places() {
    let bench = Bench::start().await;
    for path in ["/docs", "/docs/errors"] {
        let reply = bench.client.get(path).send().await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("content-type"), Some("text/html; charset=utf-8"));
        let policy = reply.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'"), "{policy}");
        let page = reply.text();
        assert!(
            !page.contains("https://") && !page.contains("http://") && !page.contains("src="),
            "{path}"
        );
    }
}

#[tokio::test]
async fn every_code_is_explained() {
    let bench = Bench::start().await;
    let page = bench.client.get("/docs/errors").send().await.text();
    for code in Code::ALL {
        let row = format!(
            "<tr id=\"{0}\"><td><code>{0}</code></td><td>{1}</td>",
            code.as_str(),
            code.http().as_u16()
        );
        assert!(page.contains(&row), "{row}");
        assert!(!code.explanation().contains(['<', '>', '&']), "{code:?}");
    }
}

#[tokio::test]
async fn the_keys_of_tokens_are_shown() {
    let bench = Bench::start().await;
    let reply = bench.client.get("/.well-known/jwks.json").send().await;
    let keys = reply.expect(200);
    assert_eq!(
        (&keys["keys"][0]["kty"], &keys["keys"][0]["crv"]),
        (&"OKP".into(), &"Ed25519".into())
    );
    assert_eq!(reply.header("cache-control"), Some("public, max-age=60"));
}
