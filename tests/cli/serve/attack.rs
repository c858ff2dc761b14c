//! Hostile clients: what they get, and what the others get meanwhile.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use super::http::{DATA, Response, Server, pixels_body, png, request, until};

const FORM: &str = "multipart/form-data; boundary=x";
const JSON: &str = "content-type: application/json\r\n";

/// A form of this many copies of a picture.
fn form(picture: &[u8], count: usize) -> Vec<u8> {
    let head = "--x\r\ncontent-disposition: form-data; name=\"a\"; filename=\"a\"\r\n\r\n";
    let part = [head.as_bytes(), picture, b"\r\n"].concat();
    [part.repeat(count), b"--x--\r\n".to_vec()].concat()
}

/// A photograph that a good client sends.
fn photograph() -> Vec<u8> {
    let pixel = |i: usize| if (i % 200).abs_diff(100) < 50 { 200 } else { 0 };
    png(200, 200, &(0..200 * 200).map(pixel).collect::<Vec<u8>>())
}

#[test]
fn many_large_pictures_are_refused_before_one_is_decoded() {
    let server = Server::start(&["--no-card"]);
    let bombs = form(&png(4096, 4096, &vec![0; 1 << 24]), 256);
    assert!(bombs.len() < 8 << 20, "{} bytes", bombs.len());
    let clock = Instant::now();
    server.post("/v1/predict", FORM, &bombs).expect_error(413, "67108864 pixels together");
    assert!(clock.elapsed() < Duration::from_secs(5), "{:?}", clock.elapsed());
}

#[test]
fn decoding_ends_with_the_time_and_others_go_in_between() {
    let args = ["--no-card", "--timeout", "2", "--max-request-pixels", "4294967296"];
    let mut server = Server::start(&args);
    let bombs = form(&png(4096, 4096, &vec![0; 1 << 24]), 256);
    let attack = request("POST", "/v1/predict", &format!("content-type: {FORM}\r\n"), &bombs);
    let mut streams: Vec<_> = (0..3).map(|_| server.connect()).collect();
    for stream in &mut streams {
        stream.write_all(&attack).unwrap();
    }
    // A client that has disconnected.
    server.connect().write_all(&attack).unwrap();
    let good = photograph();
    for _ in 0..5 {
        server.post("/v1/predict", "image/png", &good).expect(200);
    }
    for stream in &mut streams {
        Response::read(stream).expect_error(503, "took too long");
    }
    let mut last = server.connect();
    last.write_all(&attack).unwrap();
    until("the request", || server.metric("modiste_connections") >= 2.0);
    let clock = Instant::now();
    server.signal("TERM");
    Response::read(&mut last).expect_error(503, "took too long");
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
    assert!(clock.elapsed() < Duration::from_secs(10), "{:?}", clock.elapsed());
}

#[test]
fn no_error_repeats_the_request() {
    let server = Server::start(&["--no-card"]);
    let mark = "fnord<b>";
    let long = mark.repeat(900_000);
    let part = |disposition: &str| {
        format!("--x\r\ncontent-disposition: {disposition}\r\n\r\n{mark}\r\n--x--\r\n")
    };
    for body in [
        format!("{{\"{long}\": 1}}"),
        format!("{{\"images\": [\"{long}\"]}}"),
        format!("{{\"images\": [{{\"{long}\": 1}}]}}"),
        format!("{{\"images\": \"{mark}\"}}"),
        format!("\"{long}\""),
        long.clone(),
    ] {
        let answer = server.post("/v1/predict", "application/json", body.as_bytes()).expect(400);
        assert!(answer.body.len() < 1000 && !answer.text().contains("fnord"), "{}", answer.text());
    }
    for (kind, body) in [
        (mark, mark.to_owned()),
        ("application/fnord", mark.to_owned()),
        ("image/fnord", mark.to_owned()),
        ("multipart/form-data; boundary=fnord", mark.to_owned()),
        (FORM, part("form-data; name=\"fnord\"")),
        (FORM, part("form-data; name=\"a\"; filename=\"fnord.png\"")),
        (FORM, part("fnord")),
    ] {
        let answer = server.post("/v1/predict", kind, body.as_bytes());
        assert!((400..500).contains(&answer.status), "{kind}: {}", answer.status);
        assert!(!answer.text().contains("fnord"), "{kind}: {}", answer.text());
    }
    for path in [
        "/fnord",
        "/v1/predict?fnord=1",
        "/v1/predict?top_k=fnord",
        "/v1/explain?class=fnord",
        "/v1/predict?background=fnord",
        "/v1/predict?threshold=fnord",
        "/v1/predict?pixels=fnord",
        "/v1/predict?%ff=fnord",
    ] {
        let answer = server.post(path, "application/json", b"{}");
        assert!(answer.status == 400 || answer.status == 404, "{path}: {}", answer.status);
        assert!(!answer.text().contains("fnord"), "{path}: {}", answer.text());
    }
    assert!(!server.raw(b"fnord / HTTP/1.1\r\nfnord\r\n\r\n").text().contains("fnord"));
}

#[test]
fn an_answer_that_nobody_takes_in_is_given_up() {
    let server = Server::start(&["--no-card", "--timeout", "0.5"]);
    let ask = request("GET", "/openapi.json", "", b"");
    let ask = String::from_utf8(ask).unwrap().replace("connection: close\r\n", "");
    let mut streams: Vec<_> = (0..4).map(|_| server.connect()).collect();
    for stream in &mut streams {
        // More answers than the sockets hold; the server may close before everything is sent.
        stream.set_nonblocking(true).unwrap();
        let _ = stream.write_all(ask.repeat(5000).as_bytes());
    }
    until("the end of all connections", || server.metric("modiste_connections") == 1.0);
}

#[test]
fn silent_clients_give_way() {
    let server = Server::start(&["--no-card", "--max-connections", "4"]);
    let whole =
        request("POST", "/v1/predict", JSON, &pixels_body(&[DATA.validation.images.get(0)]));
    let mut silent: Vec<_> = (0..4).map(|_| server.connect()).collect();
    for (i, stream) in silent.iter_mut().enumerate() {
        stream.write_all(&whole[..[0, 20, whole.len() - 900, whole.len() - 1][i]]).unwrap();
    }
    std::thread::sleep(Duration::from_millis(1200));
    for _ in 0..4 {
        server.raw(&whole).expect(200);
    }
    // One of them was evicted, the one that came first.
    let mut rest = Vec::new();
    let _ = silent[0].read_to_end(&mut rest);
    assert!(rest.is_empty());
    silent[3].write_all(&whole[whole.len() - 1..]).unwrap();
    Response::read(&mut silent[3]).expect(200);
}

#[test]
fn bodies_that_stay_unfinished_give_way() {
    let args = ["--no-card", "--max-body", "100000", "--max-bodies", "200000"];
    let server = Server::start(&args);
    let large = request("POST", "/v1/predict", JSON, &vec![b' '; 99_000]);
    let mut unfinished: Vec<_> = (0..2).map(|_| server.connect()).collect();
    for stream in &mut unfinished {
        stream.write_all(&large[..large.len() - 1]).unwrap();
    }
    std::thread::sleep(Duration::from_millis(1200));
    let good = photograph();
    let body = [&good[..], &vec![0; 50_000]].concat();
    server.post("/v1/predict", "image/png", &body).expect(200);
}

#[test]
fn many_reloads_leave_room_for_the_others() {
    let server = Server::start(&["--max-requests", "8"]);
    let pixels = DATA.validation.images.get(0);
    std::thread::scope(|scope| {
        let reload = || server.send("POST", "/v1/reload", "", b"").status;
        let reloads: Vec<_> = (0..40).map(|_| scope.spawn(reload)).collect();
        for _ in 0..10 {
            server.signal("HUP");
            server.predict(&[pixels]).expect(200);
        }
        let statuses: Vec<u16> = reloads.into_iter().map(|r| r.join().unwrap()).collect();
        assert!(statuses.iter().all(|status| [200, 503].contains(status)), "{statuses:?}");
        assert!(statuses.contains(&200), "{statuses:?}");
    });
    until("the card", || server.get("/v1/evaluation").status == 200);
}

#[test]
fn requests_that_take_long_leave_room_for_the_others() {
    let server = Server::start(&["--no-card", "--max-requests", "8", "--timeout", "3"]);
    let bomb = png(4096, 4096, &vec![0; 1 << 24]);
    let attack = request("POST", "/v1/predict", "content-type: image/png\r\n", &bomb);
    let mut streams: Vec<_> = (0..16).map(|_| server.connect()).collect();
    for stream in &mut streams {
        stream.write_all(&attack).unwrap();
    }
    let good = photograph();
    for _ in 0..10 {
        server.post("/v1/predict", "image/png", &good).expect(200);
    }
    let statuses: Vec<u16> = streams.iter_mut().map(|s| Response::read(s).status).collect();
    assert!(statuses.iter().all(|status| [400, 503].contains(status)), "{statuses:?}");
    assert!(statuses.contains(&503), "{statuses:?}");
}

#[test]
fn the_card_fits_into_a_small_queue() {
    let server = Server::start(&["--queue", "8", "--max-images", "8"]);
    until("the card", || server.get("/v1/evaluation").status == 200);
    server.predict(&[DATA.validation.images.get(0)]).expect(200);
}

#[cfg(unix)]
#[test]
fn a_pipe_in_place_of_the_model_is_refused() {
    let server = Server::start(&["--no-card"]);
    let path = server.folder.path("model.safetensors");
    std::fs::remove_file(&path).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    for _ in 0..3 {
        let said = server.send("POST", "/v1/reload", "", b"");
        said.expect_error(500, "is still served");
    }
    let ready = server.get("/ready").expect(200).json();
    assert!(!ready["problem"].as_str().unwrap().contains('/'), "{ready}");
    server.replace_model(&super::http::MODELS[1]);
    until("the new model", || server.get("/ready").json()["problem"].is_null());
    // A pipe is read neither as a model nor as a token.
    let made = std::process::Command::new("mkfifo").arg(server.folder.path("pipe")).status();
    assert!(made.unwrap().success());
    server.folder.run(&["serve", "pipe"]).expect_error(1, &["pipe"]);
    let args = ["serve", "model.safetensors", "--token-file", "pipe"];
    server.folder.run(&args).expect_error(1, &["pipe"]);
}
