//! SIGTERM, with and without requests in flight.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use super::http::{DATA, Response, Server, pixels_body, request, until};

fn send(server: &Server) -> TcpStream {
    let mut stream = server.connect();
    let body = pixels_body(&[DATA.validation.images.get(0)]);
    let kind = "content-type: application/json\r\n";
    stream.write_all(&request("POST", "/v1/predict", kind, &body)).unwrap();
    stream
}

#[test]
fn requests_in_flight_are_answered_first() {
    let mut server = Server::start(&["--batch-delay", "800", "--no-card"]);
    let mut half = server.connect();
    let body = pixels_body(&[DATA.validation.images.get(0)]);
    let whole = request("POST", "/v1/predict", "content-type: application/json\r\n", &body);
    half.write_all(&whole[..whole.len() - 1]).unwrap();
    let idle = server.connect();
    let mut streams: Vec<_> = (0..8).map(|_| send(&server)).collect();
    until("all requests", || server.metric("modiste_queued_images") == 8.0);
    // These come just before the signal.
    streams.extend((0..8).map(|_| send(&server)));
    server.signal("TERM");
    std::thread::sleep(Duration::from_millis(100));
    // The server waits for a half-sent request.
    half.write_all(&whole[whole.len() - 1..]).unwrap();
    streams.push(half);
    for (i, stream) in streams.iter_mut().enumerate() {
        let response = Response::try_read(stream).unwrap_or_else(|| panic!("{i} got no answer"));
        response.expect(200);
    }
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
    assert!(TcpStream::connect(&server.address).is_err());
    assert!(server.log().contains("requests in flight are answered first"));
    drop(idle);
}

#[test]
fn waiting_ends_with_the_time_or_a_second_signal() {
    for (args, signals) in [(["--drain", "0.2"], 1), (["--drain", "60"], 2)] {
        let mut server = Server::start(&args);
        let mut half = server.connect();
        half.write_all(b"POST /v1/predict HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n")
            .unwrap();
        half.write_all(b"content-type: image/png\r\n\r\nab").unwrap();
        until("the request", || server.metric("modiste_connections") == 2.0);
        for _ in 0..signals {
            server.signal("TERM");
            std::thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(server.wait().code(), Some(1), "{}", server.log());
        until("the reason", || server.log().contains("stopped with requests in flight"));
    }
}

#[test]
fn ctrl_c_ends_it_too() {
    let mut server = Server::start(&[]);
    server.signal("INT");
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
}
