//! `/openapi.json` is written by hand; here every answer is checked against it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::http::{DATA, Response, Server, png, until};

/// Checks `value` against a schema, supporting what the description uses.
fn check(value: &Value, schema: &Value, api: &Value, at: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        return check(value, follow(reference, api), api, at);
    }
    if let Some(constant) = schema.get("const") {
        return assert_eq!(value, constant, "{at}");
    }
    if let Some(schemas) = schema["anyOf"].as_array() {
        // An entry with an error is a problem, and nothing else is.
        let schema = &schemas[usize::from(value.get("error").is_some())];
        return check(value, schema, api, at);
    }
    if let Some(values) = schema["enum"].as_array() {
        return assert!(values.contains(value), "{at}: {value}");
    }
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.clone(),
        kind => vec![kind.clone()],
    };
    let is = |kind: &Value| match kind.as_str().unwrap_or_else(|| panic!("{at}: no type")) {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        kind => panic!("{at}: the check does not know the type {kind}"),
    };
    assert!(kinds.iter().any(is), "{at} is {value}, not {kinds:?}");
    if let Value::Array(items) = value {
        for item in items.iter().take(30) {
            check(item, &schema["items"], api, &format!("{at}[]"));
        }
    }
    if let Value::Object(fields) = value {
        check_fields(fields, schema, api, at);
    }
}

fn check_fields(fields: &serde_json::Map<String, Value>, schema: &Value, api: &Value, at: &str) {
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(fields.contains_key(name.as_str().unwrap()), "{at}: {name} is missing");
    }
    for (name, value) in fields {
        match schema["properties"].get(name) {
            Some(schema) => check(value, schema, api, &format!("{at}.{name}")),
            None => {
                assert_ne!(schema["additionalProperties"], false, "{at}.{name} is not described")
            }
        }
    }
}

fn follow<'a>(reference: &str, api: &'a Value) -> &'a Value {
    api.pointer(reference.trim_start_matches('#')).unwrap_or_else(|| panic!("{reference}"))
}

/// Checks an answer against the description of its path and status.
fn check_response(response: &Response, api: &Value, path: &str, method: &str) {
    let at = format!("{method} {path} {}", response.status);
    let said = &api["paths"][path][method]["responses"][response.status.to_string()];
    let said = said["$ref"].as_str().map_or(said, |reference| follow(reference, api));
    assert!(said.is_object(), "{at} is not described: {}", response.text());
    if let Some(schema) = said["content"]["application/json"].get("schema") {
        assert!(response.head.contains("content-type: application/json\r\n"), "{}", response.head);
        check(&response.json(), schema, api, &at);
    }
}

#[test]
fn every_answer_is_as_described() {
    let server = Server::start(&["--max-body", "4000"]);
    let api = server.get("/openapi.json").expect(200).json();
    until("the card", || server.get("/v1/evaluation").status != 503);
    let mut described = 0;
    for (path, methods) in api["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            described += 1;
            if method == "get" {
                check_response(&server.get(path).expect(200), &api, path, "get");
                server.send("DELETE", path, "", b"").expect_error(405, "/docs");
            }
        }
    }
    assert_eq!(described, 8);
    let pixels = DATA.validation.images.get(0);
    let picture = png(28, 28, pixels);
    let list = json!({ "images": [pixels, pixels] }).to_string();
    let some = json!({ "images": [[1], "data:,x", STANDARD.encode(&picture)] }).to_string();
    for (kind, body, status) in [
        ("image/png", &picture[..], 200),
        ("application/json", some.as_bytes(), 200),
        ("application/json", list.as_bytes(), 413),
        ("image/png", &picture[..100], 400),
        ("text/plain", b"text", 415),
    ] {
        let response = server.post("/v1/predict?pixels=true", kind, body).expect(status);
        check_response(&response, &api, "/v1/predict", "post");
    }
    for (query, body, status) in [
        ("", &picture[..], 200),
        ("?class=Shirt", &picture, 200),
        ("?class=Hat", &picture, 400),
        ("", b"no picture", 400),
    ] {
        let path = format!("/v1/explain{query}");
        let response = server.post(&path, "image/png", body).expect(status);
        check_response(&response, &api, "/v1/explain", "post");
    }
    let foreign = server.send("POST", "/v1/predict", "origin: http://a\r\n", b"").expect(403);
    check_response(&foreign, &api, "/v1/predict", "post");
    check_response(&server.post("/v1/reload", "", b"").expect(200), &api, "/v1/reload", "post");
    server.replace_model(b"garbage");
    check_response(&server.post("/v1/reload", "", b"").expect(500), &api, "/v1/reload", "post");
    check_response(&server.get("/ready").expect(200), &api, "/ready", "get");
}

#[test]
fn the_page_asks_for_nothing_from_elsewhere() {
    let server = Server::start(&[]);
    let page = server.get("/").expect(200);
    assert!(page.head.contains("content-security-policy: default-src 'none';"), "{}", page.head);
    let mut files = vec!["/".to_owned(), "/docs".to_owned()];
    for i in 0.. {
        let Some(path) = files.get(i).cloned() else { break };
        let text = server.get(&path).expect(200).text();
        let outside = ["http://", "https://", "//cdn"].map(|scheme| text.contains(scheme));
        // The namespace of SVG is a name, not an address.
        assert!(path == "/icon.svg" || outside == [false; 3], "{path}");
        let quoted = text.split(['"']).map(|link| format!("/{}", link.trim_start_matches("./")));
        let plain = |c: char| c.is_ascii_alphanumeric() || "/.-_".contains(c);
        let endings = [".css", ".js", ".svg", ".json"];
        let is_file = |link: &String| {
            link.chars().all(plain) && endings.iter().any(|ending| link.ends_with(ending))
        };
        for link in quoted.filter(is_file) {
            if !files.contains(&link) {
                files.push(link);
            }
        }
    }
    assert!(files.len() >= 9, "{files:?}");
}
