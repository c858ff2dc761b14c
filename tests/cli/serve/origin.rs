//! Pages of other sites, opened in the browser of somebody who can reach the server.

use super::http::{DATA, Response, Server, pixels_body, request};

fn post(server: &Server, headers: &str) -> Response {
    let headers = format!("content-type: application/json\r\n{headers}");
    let body = pixels_body(&[DATA.validation.images.get(0)]);
    server.send("POST", "/v1/predict", &headers, &body)
}

#[test]
fn other_sites_cannot_use_it_through_a_browser() {
    let server = Server::start(&["--no-card"]);
    for from in [
        "origin: http://evil.org\r\n",
        "origin: null\r\n",
        "origin: http://localhost:1\r\n",
        "origin: http://evil.org\r\nsec-fetch-site: same-origin\r\n",
        "sec-fetch-site: cross-site\r\n",
        "sec-fetch-site: same-site\r\n",
    ] {
        let refused = post(&server, from).expect_error(403, "other sites");
        assert!(!refused.head.contains("access-control"), "{}", refused.head);
        server.send("POST", "/v1/reload", from, b"").expect_error(403, "other sites");
        server.send("GET", "/v1/model", from, b"").expect_error(403, "other sites");
    }
    assert_eq!(server.get("/ready").json()["reloads"], 0);
    for own in ["", "origin: http://localhost\r\n", "sec-fetch-site: same-origin\r\n"] {
        post(&server, own).expect(200);
    }
    let asked = "origin: http://evil.org\r\naccess-control-request-method: POST\r\n";
    let refused = server.send("OPTIONS", "/v1/predict", asked, b"");
    assert!(refused.status >= 400 && !refused.head.contains("access-control"), "{}", refused.head);
}

#[test]
fn sites_that_may_are_told_so() {
    let server = Server::start(&["--no-card", "--allow-origin", "https://shop.org"]);
    let allowed = "access-control-allow-origin: https://shop.org\r\n";
    let said =
        post(&server, "origin: https://shop.org\r\nsec-fetch-site: cross-site\r\n").expect(200);
    assert!(said.head.contains(allowed) && said.head.contains("vary: origin\r\n"), "{}", said.head);
    // Errors, too, can be read by the page.
    let wrong = server.send("GET", "/nothing", "origin: https://shop.org\r\n", b"").expect(404);
    assert!(wrong.head.contains(allowed), "{}", wrong.head);
    let asked = "origin: https://shop.org\r\naccess-control-request-method: POST\r\n\
                 access-control-request-headers: content-type\r\n";
    let told = server.send("OPTIONS", "/v1/predict", asked, b"").expect(204);
    for header in [
        allowed,
        "access-control-allow-methods: get, post\r\n",
        "access-control-allow-headers: authorization, content-type\r\n",
    ] {
        assert!(told.head.contains(header), "{header} is not in {}", told.head);
    }
    for other in ["http://shop.org", "https://shop.org:8443", "https://evil.shop.org", "null"] {
        post(&server, &format!("origin: {other}\r\n")).expect_error(403, "other sites");
    }
    let server = Server::start(&["--no-card", "--allow-origin", "*"]);
    post(&server, "origin: null\r\n").expect(200);
    let folder = crate::util::Folder::new();
    let said = folder.run(&["serve", "none", "--allow-origin", "shop.org"]).expect(2);
    assert!(said.stderr.contains("https://example.org"), "{}", said.stderr);
}

#[test]
fn a_preflight_needs_no_token() {
    let args = ["--no-card", "--allow-origin", "https://shop.org"];
    let server = Server::start_with(&args, &[("MODISTE_TOKEN", "correct-horse-battery")]);
    let asked = "origin: https://shop.org\r\naccess-control-request-method: POST\r\n";
    server.send("OPTIONS", "/v1/predict", asked, b"").expect(204);
    let refused = post(&server, "origin: https://shop.org\r\n").expect_error(401, "token");
    assert!(refused.head.contains("access-control-allow-origin"), "{}", refused.head);
    let token = "origin: https://shop.org\r\nauthorization: Bearer correct-horse-battery\r\n";
    post(&server, token).expect(200);
}

#[test]
fn a_name_that_was_pointed_here_is_refused() {
    let server = Server::start(&["--no-card", "--allow-origin", "https://shop.org"]);
    let get = |host: &str| {
        let get = format!("GET /v1/model HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        server.raw(get.as_bytes())
    };
    for own in ["127.0.0.1", "localhost:8080", "[::1]:1", "shop.org"] {
        get(own).expect(200);
    }
    for other in ["evil.org", "evil.org:8080", "10.1.2.3", "localhost.evil.org"] {
        get(other).expect_error(403, "not a name");
    }
    server.raw(b"GET http://evil.org/v1/model HTTP/1.1\r\nhost: localhost\r\n\r\n").expect(403);
    server.raw(b"GET / HTTP/1.1\r\nhost: localhost\r\nhost: a\r\n\r\n").expect(400);
    // HTTP/1.0 clients send no host.
    server.raw(b"GET /health HTTP/1.0\r\n\r\n").expect(200);
    let rebound = String::from_utf8(request("POST", "/v1/reload", "", b"")).unwrap();
    let rebound = rebound.replace("host: localhost", "host: evil.org\r\norigin: http://evil.org");
    server.raw(rebound.as_bytes()).expect_error(403, "not a name");
}
