//! Clients that send too much, too slowly or too often.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use super::http::{DATA, Response, Server, pixels_body, png, request, until};

const JSON: &str = "content-type: application/json\r\n";

#[test]
fn a_body_over_the_limit_is_refused_with_its_length_and_without() {
    let server = Server::start(&["--max-body", "10000"]);
    let body = vec![b' '; 10_001];
    let kind = "application/json";
    server.post("/v1/predict", kind, &body).expect_error(413, "10000 bytes");
    server.post("/v1/predict", kind, &body[1..]).expect_error(400, "not valid");
    // Much more than the limit, and the client sends all of it before it reads.
    server.post("/v1/predict", kind, &vec![b' '; 8 << 20]).expect_error(413, "10000 bytes");
    let head = "POST /v1/predict HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\
                content-type: application/json\r\n\r\n";
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(4096));
    server.raw(format!("{head}{}", chunk.repeat(3)).as_bytes()).expect_error(413, "10000 bytes");
}

#[test]
fn slow_clients_are_let_go() {
    let server = Server::start(&["--timeout", "0.4"]);
    let clock = Instant::now();
    // Nothing; half a header; a header and half a body; a whole request, then nothing.
    let body = pixels_body(&[DATA.validation.images.get(0)]);
    let whole = request("POST", "/v1/predict", "content-type: application/json\r\n", &body);
    let mut silent = server.connect();
    let mut header = server.connect();
    header.write_all(&whole[..20]).unwrap();
    let mut half = server.connect();
    half.write_all(&whole[..whole.len() - 5]).unwrap();
    let mut idle = server.connect();
    idle.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    assert_eq!(Response::read(&mut idle).status, 200);
    Response::read(&mut half).expect_error(408, "0.4 seconds");
    for stream in [&mut silent, &mut header, &mut half, &mut idle] {
        let mut rest = Vec::new();
        // The end, or a reset: the connection is closed.
        let _ = stream.read_to_end(&mut rest);
        let text = String::from_utf8_lossy(&rest).into_owned();
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 408"), "{text}");
    }
    assert!(clock.elapsed() < Duration::from_secs(30), "{:?}", clock.elapsed());
    until("the end of all connections", || server.metric("modiste_connections") == 1.0);
}

#[test]
fn a_client_that_drips_is_let_go_too() {
    let server = Server::start(&["--timeout", "0.5"]);
    let mut stream = server.connect();
    let head = "POST /v1/predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                content-length: 1000\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    // Each byte arrives well within the time limit, but all of them together do not.
    for _ in 0..40 {
        if stream.write_all(b" ").is_err() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Response::read(&mut stream).expect_error(408, "0.5 seconds");
}

#[test]
fn a_half_closed_connection_gets_its_answer() {
    let server = Server::start(&["--batch-delay", "100", "--no-card"]);
    let mut stream = server.connect();
    let body = pixels_body(&[DATA.validation.images.get(0)]);
    let kind = "content-type: application/json\r\n";
    stream.write_all(&request("POST", "/v1/predict", kind, &body)).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    Response::read(&mut stream).expect(200);
    // A client that disconnects in the middle leaves nothing behind.
    for _ in 0..5 {
        let mut stream = server.connect();
        stream.write_all(&request("POST", "/v1/predict", kind, &body)[..300]).unwrap();
    }
    until("the end of all connections", || server.metric("modiste_connections") == 1.0);
    assert_eq!(server.metric("modiste_queued_images"), 0.0);
}

#[test]
fn one_connection_too_many_is_told_so() {
    // Both connections are busy for longer than a third one waits for a place.
    let args = ["--max-connections", "2", "--timeout", "4", "--max-request-pixels", "4294967296"];
    let server = Server::start(&[&args[..], &["--no-card"]].concat());
    let part = [
        b"--x\r\ncontent-disposition: form-data; name=\"a\"; filename=\"a\"\r\n\r\n",
        &png(4096, 4096, &vec![0; 1 << 24])[..],
        b"\r\n",
    ]
    .concat();
    let kind = "content-type: multipart/form-data; boundary=x\r\n";
    let whole =
        request("POST", "/v1/predict", kind, &[&part.repeat(256)[..], b"--x--\r\n"].concat());
    let mut streams: Vec<_> = (0..2).map(|_| server.connect()).collect();
    for stream in &mut streams {
        stream.write_all(&whole).unwrap();
    }
    server.get("/health").expect_error(503, "too many connections");
    for stream in &mut streams {
        Response::read(stream).expect(503);
    }
    until("a free place", || server.get("/health").status == 200);
}

#[test]
fn a_full_queue_is_told_so_and_the_rest_is_answered() {
    let args = ["--queue", "2", "--max-images", "2", "--batch-delay", "1000"];
    let server = Server::start(&[&args[..], &["--no-card"]].concat());
    let pixels = DATA.validation.images.get(0);
    let kind = "content-type: application/json\r\n";
    let mut waiting: Vec<_> = (0..2)
        .map(|_| {
            let mut stream = server.connect();
            let body = pixels_body(&[pixels]);
            stream.write_all(&request("POST", "/v1/predict", kind, &body)).unwrap();
            stream
        })
        .collect();
    until("a full queue", || server.metric("modiste_queued_images") == 2.0);
    server.predict(&[pixels]).expect_error(503, "2 images are waiting already");
    for stream in &mut waiting {
        Response::read(stream).expect(200);
    }
    // Both went through the engine together.
    assert_eq!(server.metric("modiste_batch_images_count"), 1.0);
    assert_eq!(server.metric("modiste_images_total"), 2.0);
}

#[test]
fn too_many_requests_at_once_are_told_so() {
    let server = Server::start(&["--max-requests", "1", "--batch-delay", "1000", "--no-card"]);
    let pixels = DATA.validation.images.get(0);
    let whole = request("POST", "/v1/predict", JSON, &pixels_body(&[pixels]));
    // A request that was not sent to its end takes no place.
    let mut half = server.connect();
    half.write_all(&whole[..whole.len() - 1]).unwrap();
    let mut slow = server.connect();
    slow.write_all(&whole).unwrap();
    until("the request", || server.metric("modiste_queued_images") == 1.0);
    server.predict(&[pixels]).expect_error(503, "1 requests");
    server.get("/v1/model").expect(200);
    Response::read(&mut slow).expect(200);
    half.write_all(&whole[whole.len() - 1..]).unwrap();
    Response::read(&mut half).expect(200);
}

#[test]
fn bodies_share_their_memory() {
    let server = Server::start(&["--max-body", "100000", "--max-bodies", "100000"]);
    let kind = "content-type: application/json\r\n";
    let large = request("POST", "/v1/predict", kind, &vec![b' '; 99_000]);
    let refused = || server.post("/v1/predict", "application/json", &[b' '; 20_000]);
    // If the second body arrives before the first is read, the first is refused.
    let mut held = None;
    until("a refusal", || {
        let mut stream = server.connect();
        stream.write_all(&large[..large.len() - 10]).unwrap();
        std::thread::sleep(Duration::from_millis(50));
        let status = refused().status;
        held = Some(stream);
        status == 503
    });
    let mut held = held.unwrap();
    refused().expect_error(503, "too many bodies");
    held.write_all(&large[large.len() - 10..]).unwrap();
    Response::read(&mut held).expect_error(400, "not valid");
    refused().expect_error(400, "not valid");
}
