//! Bad input: each gets a status and a reason, and the server keeps running.

use std::io::{Read, Write};

use super::http::{DATA, Response, Server, pixels_body, png, request};

/// A PNG chunk.
fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let body = [&kind[..], data].concat();
    let length = (data.len() as u32).to_be_bytes();
    [&length[..], &body, &crc32fast::hash(&body).to_be_bytes()].concat()
}

/// The beginning of a PNG picture that claims these sides.
fn claim(width: u32, height: u32) -> Vec<u8> {
    let sides = [width.to_be_bytes(), height.to_be_bytes()].concat();
    let header = [&sides[..], &[8, 0, 0, 0, 0]].concat();
    [&b"\x89PNG\r\n\x1a\n"[..], &chunk(b"IHDR", &header), &chunk(b"IDAT", &[0x78, 0x9c])].concat()
}

#[test]
fn files_that_are_not_pictures_are_refused() {
    let server = Server::start(&["--max-pixels", "4000000"]);
    let good = png(28, 28, DATA.validation.images.get(0));
    let bomb = png(2000, 2000, &vec![0; 4_000_000]);
    assert!(bomb.len() < 20_000, "it is no bomb");
    let large = png(2001, 2000, &vec![0; 4_002_000]);
    let cases: [(&[u8], &str); 12] = [
        (b"", "is empty"),
        (b"no picture", "is not a PNG"),
        (b"\x89PNG\r\n\x1a\n", "damaged"),
        (&good[..good.len() / 2], "damaged"),
        (&good[..40], "damaged"),
        (&[0xff, 0xd8, 0xff, 0xe0, 0, 16], "damaged"),
        (&claim(20_000, 20_000), "20000 x 20000 pixels, over the limit"),
        (&claim(u32::MAX, u32::MAX), ""),
        (&claim(0, 5), ""),
        (&png(1, 1, &[7]), "1 x 1 pixels, too small"),
        (&bomb, "shows nothing"),
        (&large, "over the limit of 4000000 pixels"),
    ];
    for (body, reason) in cases {
        let answer = server.post("/v1/predict", "image/png", body);
        answer.expect_error(400, reason).expect_error(400, "image 0");
    }
    server.post("/v1/predict", "image/png", &good).expect(200);
}

#[test]
fn bodies_that_are_none() {
    let server = Server::start(&["--max-images", "3"]);
    let one = vec![0; 784];
    let short = vec![0; 783];
    let four: Vec<&[u8]> = vec![&one; 4];
    let json = "application/json";
    let form = "multipart/form-data; boundary=x";
    let field = b"--x\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x--\r\n";
    let cases: [(&str, &[u8], u16, &str); 17] = [
        (json, b"", 400, "not valid"),
        (json, b"[", 400, "not valid"),
        (json, b"{\"images\": []}", 400, "no image"),
        (json, b"{\"images\": [[]]}", 400, "0 values"),
        (json, b"{\"images\": [[256]]}", 400, "outside 0 to 255"),
        (json, b"{\"images\": [[-1]]}", 400, "outside 0 to 255"),
        (json, b"{\"images\": [[0.5]]}", 400, "1 values"),
        (json, b"{\"images\": [\"x\"]}", 400, "base64"),
        (json, b"{\"pictures\": []}", 400, "expected {\"images\""),
        (json, &pixels_body(&[&short]), 400, "image 0 has 783 values"),
        (json, &pixels_body(&four), 413, "at most 3 images"),
        (json, &[b"{\"images\": [".to_vec(), b"[],".repeat(5000)].concat(), 413, "at most 3"),
        ("text/plain", b"shoe", 415, "not supported"),
        ("image/x-none", b"no picture", 400, "is not a PNG"),
        (form, b"--y--\r\n", 400, "form is broken"),
        (form, b"--x--\r\n", 400, "no image"),
        (form, field, 400, "not a file"),
    ];
    for (kind, body, status, reason) in cases {
        server.post("/v1/predict", kind, body).expect_error(status, reason);
    }
    server.send("POST", "/v1/predict", "", b"x").expect_error(415, "no Content-Type");
    server.post("/v1/predict", "multipart/form-data", b"x").expect_error(400, "boundary");
    server.predict(&[&one, &one, &one]).expect(200);
}

#[test]
fn requests_that_are_none() {
    let server = Server::start(&["--timeout", "0.5"]);
    server.get("/nothing").expect_error(404, "/docs");
    server.get("/v1/predict").expect_error(405, "/docs");
    server.get("/../../etc/passwd").expect_error(404, "/docs");
    let health =
        |headers: &str| format!("GET /health HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n");
    let many: String = (0..300).map(|i| format!("x-{i}: y\r\n")).collect();
    let headers = server.get("/health").expect(200).head;
    let headers: Vec<&str> = headers.lines().filter(|line| line.contains("policy")).collect();
    assert_eq!(headers.len(), 3, "{headers:?}");
    for (request, status) in [
        ("nonsense\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/9\r\n\r\n".to_owned(), 400),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), 400),
        (health("no colon\r\n"), 400),
        (health("content-length: 1\r\ncontent-length: 2\r\n"), 400),
        (health("content-length: -1\r\n"), 400),
        (health("content-length: 99999999999999999999\r\n"), 400),
        (health("transfer-encoding: gzip\r\n"), 400),
        (health(&format!("x: {}\r\n", "y".repeat(100_000))), 431),
        (health(&many), 431),
        (format!("GET /{} HTTP/1.1\r\n\r\n", "y".repeat(100_000)), 414),
        // Half a request, and then nothing.
        ("GET /health HT".to_owned(), 408),
        // After a whole request.
        (format!("{}nonsense\r\n\r\n", health("")), 400),
    ] {
        let mut stream = server.connect();
        // The rest may meet a closed connection.
        let _ = stream.write_all(request.as_bytes());
        let mut answers = Vec::new();
        let _ = stream.read_to_end(&mut answers);
        let last = answers.windows(10).rposition(|window| window == b"HTTP/1.1 4");
        let answer = Response::read(&mut &answers[last.unwrap_or(0)..]);
        let told = format!("{:?}: {}", &request[..request.len().min(40)], answer.head);
        // A path that is too long may be reported as a header that is too long.
        assert!(answer.status == status || (answer.status, status) == (431, 414), "{told}");
        assert!(answer.json()["error"].is_string(), "{told}");
        for header in &headers {
            assert!(answer.head.contains(header), "{header} is missing in {told}");
        }
    }
    server.get("/health").expect(200);
}

#[test]
fn a_token_opens_and_nothing_else_does() {
    let token = "correct-horse-battery";
    let server = Server::start_with(&[], &[("MODISTE_TOKEN", token)]);
    for path in ["/health", "/ready", "/", "/docs", "/openapi.json"] {
        server.get(path).expect(200);
    }
    let bearer = |given: &str| format!("authorization: Bearer {given}\r\n");
    for path in ["/v1/model", "/v1/evaluation", "/metrics"] {
        for wrong in ["", &bearer("correct-horse-batterx"), &bearer(""), "authorization: x\r\n"] {
            let response = server.send("GET", path, wrong, b"").expect_error(401, "token");
            assert!(response.head.contains("www-authenticate: bearer\r\n"), "{}", response.head);
        }
        assert_ne!(server.send("GET", path, &bearer(token), b"").status, 401);
    }
    server.predict(&[&[0; 784]]).expect_error(401, "token");
    server.send("POST", "/v1/reload", "", b"").expect_error(401, "token");
    assert!(!server.log().contains("battery"));
    // The answer arrives even if the body is not read.
    let large = request("POST", "/v1/predict", "", &vec![0; 6 << 20]);
    server.raw(&large).expect_error(401, "token");
}

#[test]
fn a_token_comes_from_one_place_and_is_worth_something() {
    let folder = crate::util::Folder::new();
    std::fs::write(folder.path("short"), "secret\n").unwrap();
    std::fs::write(folder.path("good"), "correct-horse-battery\n").unwrap();
    let serve = |file: &str| folder.run(&["serve", "none", "--token-file", file]);
    serve("short").expect_error(1, &["short: the token", "has 6 characters"]);
    serve("missing").expect_error(1, &["missing: failed to read"]);
    let mut command = folder.command(&["serve", "none", "--token-file", "good"]);
    let output = command.env("MODISTE_TOKEN", "correct-horse-battery").output().unwrap();
    crate::util::Said::new("serve".into(), output).expect_error(2, &["MODISTE_TOKEN"]);
}
