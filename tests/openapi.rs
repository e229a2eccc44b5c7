//! The OpenAPI document: it is committed as generated, and every operation says what it
//! must.

use proptest::prelude::*;
use proptest::string::string_regex;
use satkeep::api::framework::numerals;
use satkeep::domain::time::Moment;
use serde_json::{Value, json};

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
    let tags = [
        "Wallet",
        "Payments",
        "Withdraw Links",
        "Bolt Cards",
        "User Manager",
        "Holds",
        "LNDHub",
        "LNURL",
        "Operators",
        "Auth",
        "Events",
        "System",
    ];
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
        let proves = !keys.is_empty() || name == "POST /api/v1/auth" || name == "POST /lndhub/ext/auth" || socket;
        assert_eq!(responses.contains_key("401"), proves, "{name}: 401");
        // Of what proves the caller, something can always be of the wrong kind; LNDHub says so with 401.
        let is_hub = |key: &&Value| key.as_object().unwrap().contains_key("LndHub");
        assert_eq!(responses.contains_key("403"), socket || !keys.iter().all(is_hub), "{name}: 403");
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
    let codes = satkeep::api::framework::error::ErrorCode::ALL;
    assert_eq!(listed.len(), codes.len());
    for code in codes {
        assert!(listed.contains(&Value::from(code.as_str())), "{code:?}");
        let may_succeed_later = [
            "overloaded",
            "tenant_overloaded",
            "query_too_long",
            "shutting_down",
            "unavailable",
            "rate_unavailable",
            "rate_divergent",
            "node_away",
            "wallets_changed",
            "user_being_deleted",
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

/// The schemas of objects that requests are made of, by name.
fn request_objects(document: &Value) -> Vec<(String, &Value)> {
    let mut open: Vec<&Value> =
        operations(document).into_iter().map(|(_, operation)| &operation["requestBody"]).collect();
    let mut found = std::collections::BTreeMap::new();
    while let Some(value) = open.pop() {
        match value {
            Value::Object(map) => {
                if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
                    let schema = document.pointer(reference.trim_start_matches('#')).unwrap();
                    if found.insert(reference.rsplit('/').next().unwrap().to_owned(), schema).is_none() {
                        open.push(schema);
                    }
                }
                open.extend(map.iter().filter(|(name, _)| !name.starts_with("example")).map(|(_, value)| value));
            }
            Value::Array(all) => open.extend(all),
            _ => {}
        }
    }
    found.into_iter().collect()
}

/// The forms that a schema leaves a choice of.
fn forms(schema: &Value) -> Vec<&Value> {
    schema["anyOf"].as_array().map_or_else(|| vec![schema], |forms| forms.iter().collect())
}

fn is_bounded(form: &Value) -> bool {
    match form["type"].as_str() {
        Some("integer") => form["minimum"].is_number() && form["maximum"].is_number(),
        Some("string") => ["enum", "pattern", "maxLength"].iter().any(|bound| form.get(bound).is_some()),
        _ => true,
    }
}

/// Whether a description lists words that only an enumeration holds a caller to.
fn lists_words(description: &str) -> bool {
    let words: Vec<_> = description.split('`').skip(1).step_by(2).collect();
    let is_choice = description.contains("`, `") || description.contains("` or `");
    is_choice && words.iter().all(|word| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
}

#[test]
fn every_field_of_a_body_says_how_leniently_it_is_read() {
    let document = document();
    let objects = request_objects(&document);
    assert!(objects.len() > 10, "{}", objects.len());
    for (object, schema) in objects {
        let required: Vec<_> = schema["required"].as_array().into_iter().flatten().collect();
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let (what, forms) = (format!("{object}.{name}"), forms(field));
            let has = |kind: &str| forms.iter().any(|form| form["type"] == kind);
            let is_list =
                forms.iter().any(|form| form["type"].as_array().is_some_and(|kinds| kinds.contains(&json!("array"))));
            assert!(forms.iter().all(|form| is_bounded(form)), "{what} has no bounds: {field}");
            assert!(!has("integer") || has("string"), "{what} is read from text as well: {field}");
            assert!(!has("boolean") || has("integer") && has("string"), "{what} is read from text as well: {field}");
            let may_be_empty = forms.iter().any(|form| form["type"] == "string" && form["maxLength"] == 0);
            let may_be_null = has("null") || is_list;
            let is_optional = !required.contains(&&json!(name));
            assert_eq!(may_be_null, is_optional, "{what}: null is absent: {field}");
            assert_eq!(may_be_empty, is_optional && !is_list, "{what}: the empty text is absent: {field}");
            let is_choice = lists_words(field["description"].as_str().unwrap_or_default());
            assert!(
                !is_choice || !has("string") || forms.iter().any(|form| form.get("enum").is_some()),
                "{what}: {field}"
            );
        }
    }
}

#[test]
fn every_parameter_says_what_it_takes() {
    let document = document();
    for (name, operation) in operations(&document) {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let (what, schema) = (format!("{name}: {}", parameter["name"]), &parameter["schema"]);
            let (forms, is_query) = (forms(schema), parameter["in"] == "query");
            let has_text = forms.iter().any(|form| form["type"] == "string");
            assert!(
                forms.iter().all(|form| form["type"] != "integer" || is_query || is_bounded(form)),
                "{what}: {schema}"
            );
            assert!(forms.iter().all(|form| form["type"] != "string" || is_bounded(form)), "{what}: {schema}");
            assert!(!is_query || has_text, "{what}: without a value it is not given: {schema}");
            assert!(forms.iter().all(|form| form["type"].is_string()), "{what}: no null here: {schema}");
            if parameter["in"] == "path" && parameter["name"].as_str().unwrap().ends_with("id") {
                assert_eq!(schema["pattern"], "^[0-9a-fA-F]{32}$", "{what}");
            }
            if is_query && ["limit", "offset"].contains(&parameter["name"].as_str().unwrap()) {
                // More than the most is the most, so that there is none.
                assert!(forms[0]["minimum"] == 0 && forms[0].get("maximum").is_none(), "{what}: {schema}");
            }
            let is_choice = lists_words(parameter["description"].as_str().unwrap_or_default());
            assert!(!is_choice || forms.iter().any(|form| form.get("enum").is_some()), "{what}: {parameter}");
        }
    }
}

#[test]
fn no_two_paths_differ_only_in_the_names_of_their_parameters() {
    let document = document();
    let paths = document["paths"].as_object().unwrap().keys();
    let shape = |path: &String| {
        path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part }).collect::<Vec<_>>().join("/")
    };
    let mut seen = std::collections::BTreeSet::new();
    for path in paths {
        assert!(seen.insert(shape(path)), "{path}");
    }
}

#[test]
fn a_body_is_required_where_one_of_its_fields_is() {
    let document = document();
    for (name, operation) in operations(&document) {
        let Some(body) = operation.get("requestBody") else { continue };
        let schema = &body["content"]["application/json"]["schema"];
        let mut open = vec![schema];
        let mut needs_one = false;
        while let Some(schema) = open.pop() {
            if let Some(reference) = schema["$ref"].as_str() {
                open.push(document.pointer(reference.trim_start_matches('#')).unwrap());
            }
            needs_one |= schema.get("required").is_some();
            open.extend(["oneOf", "allOf", "anyOf"].iter().filter_map(|of| schema[*of].as_array()).flatten());
        }
        assert_eq!(body["required"].as_bool().unwrap_or_default(), needs_one, "{name}");
    }
}

/// Texts that a pattern of the document admits.
fn admitted(pattern: &str) -> impl Strategy<Value = String> + use<> {
    string_regex(pattern.trim_start_matches('^').trim_end_matches('$')).unwrap()
}

/// Reads a number of at most 2^53 independently of the server.
fn number(text: &str) -> f64 {
    text.trim().parse().unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

proptest! {
    #[test]
    fn texts_of_numbers_are_numbers_within_their_bounds(
        (max, text) in (1_i64..2_100_000_000_000_000)
            .prop_flat_map(|max| admitted(&numerals::integers(1, max)).prop_map(move |text| (max, text)))
    ) {
        let number = number(&text);
        prop_assert!(number.fract() == 0.0 && number >= 1.0 && number <= number_of(max), "{text:?} of {max}");
    }

    #[test]
    fn texts_of_times_are_times(text in admitted(&numerals::moment()), since in admitted(&numerals::moment_since_1970())) {
        for text in [text, since] {
            // In most years that day is none.
            prop_assert!(Moment::parse(&text).is_some() || text.contains("-02-29"), "{text:?}");
        }
    }
}

fn number_of(integer: i64) -> f64 {
    number(&integer.to_string())
}

#[test]
fn patterns_of_numbers_are_as_one_would_write_them() {
    assert_eq!(numerals::integers(1, 9), "^\\s*(\\+?0*(([1-8]|9)(\\.0+)?))\\s*$");
    let pattern = numerals::integers(-10, 10);
    assert!(pattern.contains("[+-]?0+") && pattern.contains("|-0*"), "{pattern}");
}
