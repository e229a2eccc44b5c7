//! The OpenAPI document: it is committed as generated, and every operation says what it
//! must.

use serde_json::Value;

fn document() -> Value {
    serde_json::from_str(&satkeep::api::openapi_text()).unwrap()
}

fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let mut all = Vec::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            all.push((format!("{} {path}", method.to_uppercase()), operation));
        }
    }
    all
}

#[test]
fn the_committed_document_is_the_generated_one() {
    let committed = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/openapi.json")).unwrap();
    assert!(
        committed == satkeep::api::openapi_text(),
        "openapi/openapi.json is not what the handlers say; run: cargo run -- openapi > openapi/openapi.json"
    );
}

#[test]
fn every_operation_says_what_it_must() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let tags = ["Wallet", "Payments", "User Manager", "Operators", "Auth", "Events", "System"];
    for (name, operation) in operations(&document) {
        assert!(!operation["summary"].as_str().unwrap_or_default().is_empty(), "{name}: no summary");
        assert!(!operation["operationId"].as_str().unwrap_or_default().is_empty(), "{name}: no id");
        assert!(tags.contains(&operation["tags"][0].as_str().unwrap()), "{name}: {}", operation["tags"]);
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2') || status == "101"), "{name}: no success");
        for status in ["414", "429", "431", "500", "503"] {
            assert!(responses.contains_key(status), "{name}: no {status}");
        }
        let keys: Vec<_> = operation["security"].as_array().into_iter().flatten().collect();
        // Here the key, or what proves the caller, is in the path or the body.
        let socket = name == "GET /api/v1/ws/{item}";
        let proves = !keys.is_empty() || name == "POST /api/v1/auth" || socket;
        assert_eq!(responses.contains_key("401"), proves, "{name}: 401");
        let kinds: Vec<_> = keys.iter().flat_map(|key| key.as_object().unwrap().keys()).collect();
        let needs_more = kinds.iter().any(|kind| *kind != "Session") || socket;
        assert_eq!(responses.contains_key("403"), needs_more, "{name}: 403");
        assert!(has_example(&document, operation), "{name}: no example");
    }
}

/// Whether a request or its successful answer shows an example, of its own or in its schema.
fn has_example(document: &Value, operation: &Value) -> bool {
    let of_content = |content: &Value| {
        content.as_object().into_iter().flatten().any(|(kind, media)| {
            // A picture or a document is its own example.
            !kind.ends_with("json")
                || media.get("example").is_some()
                || media.get("examples").is_some()
                || schema_has_example(document, &media["schema"])
        })
    };
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    of_content(&operation["requestBody"]["content"])
        || operation["responses"]
            .as_object()
            .unwrap()
            .iter()
            .any(|(status, r)| status.starts_with('2') && of_content(&r["content"]))
        || parameters.into_iter().any(|parameter| parameter.get("example").is_some())
}

fn schema_has_example(document: &Value, schema: &Value) -> bool {
    if schema.get("example").is_some()
        || schema.get("examples").is_some()
        || schema["type"] == "object" && schema.get("properties").is_none()
    {
        return true;
    }
    let parts = ["items", "properties", "oneOf", "allOf", "anyOf"];
    let inside = |part: &Value| match part {
        Value::Array(all) => all.iter().any(|schema| schema_has_example(document, schema)),
        Value::Object(map) if map.contains_key("$ref") || map.contains_key("type") => {
            schema_has_example(document, part)
        }
        Value::Object(map) => map.values().any(|schema| schema_has_example(document, schema)),
        _ => false,
    };
    match schema["$ref"].as_str() {
        Some(reference) => {
            let name = reference.rsplit('/').next().unwrap();
            schema_has_example(document, &document["components"]["schemas"][name])
        }
        None => parts.iter().any(|part| schema.get(*part).is_some_and(inside)),
    }
}

#[test]
fn every_code_of_an_error_is_listed() {
    let document = document();
    let listed: Vec<_> =
        document["components"]["schemas"]["Error"]["properties"]["code"]["enum"].as_array().unwrap().clone();
    let codes = satkeep::api::error::ErrorCode::ALL;
    assert_eq!(listed.len(), codes.len());
    for code in codes {
        assert!(listed.contains(&Value::from(code.as_str())), "{code:?}");
        let may_succeed_later = [
            "overloaded",
            "tenant_overloaded",
            "query_too_long",
            "shutting_down",
            "unavailable",
            "wallets_changed",
            "body_too_slow",
            "head_too_slow",
            "too_many_guesses",
            "rate_limited",
            "too_many_streams",
            "too_many_tenant_streams",
        ];
        assert_eq!(code.is_retryable(), may_succeed_later.contains(&code.as_str()), "{code:?}");
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut open = vec![&document];
    let mut references = 0;
    while let Some(value) = open.pop() {
        match value {
            Value::Object(map) => {
                if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
                    assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
                    references += 1;
                }
                open.extend(map.values());
            }
            Value::Array(all) => open.extend(all),
            _ => {}
        }
    }
    assert!(references > 100, "{references}");
}
