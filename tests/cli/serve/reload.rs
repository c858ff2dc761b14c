//! The model's file changes while it is served.

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::http::{DATA, MODELS, Response, Server, pixels_body, until};

/// The version that is served.
fn version(server: &Server) -> String {
    server.get("/ready").expect(200).json()["version"].as_str().unwrap().to_owned()
}

/// The reported problem with the file.
fn problem(server: &Server) -> Option<String> {
    server.get("/ready").expect(200).json()["problem"].as_str().map(str::to_owned)
}

#[test]
fn a_new_file_is_served_without_a_dropped_request() {
    let server = Server::start(&[]);
    let before = version(&server);
    let (stop, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut stream = server.connect();
                let body = pixels_body(&[DATA.validation.images.get(1)]);
                let head = format!(
                    "POST /v1/predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                     content-length: {}\r\n\r\n",
                    body.len()
                );
                let request = [head.as_bytes(), &body].concat();
                while !stop.load(Ordering::Relaxed) {
                    stream.write_all(&request).unwrap();
                    Response::read(&mut stream).expect(200);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let mut served = before.clone();
        for model in [1, 0, 1] {
            server.replace_model(&MODELS[model]);
            until("the new model", || version(&server) != served);
            served = version(&server);
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_ne!(version(&server), before);
    assert!(answered.load(Ordering::Relaxed) > 10);
    assert_eq!(server.get("/ready").expect(200).json()["reloads"], 3);
}

#[test]
fn garbage_and_nothing_leave_the_old_model_serving() {
    let server = Server::start(&[]);
    let image = DATA.validation.images.get(2);
    let (before, said) = (version(&server), server.predict(&[image]).expect(200).json());
    let still_serving = || {
        assert_eq!(server.predict(&[image]).expect(200).json(), said);
        assert_eq!(version(&server), before);
        assert_eq!(server.metric("modiste_model_stale"), 1.0);
    };
    let half = &MODELS[1][..MODELS[1].len() / 2];
    std::fs::write(server.folder.path("model.safetensors"), half).unwrap();
    until("a problem", || problem(&server).is_some());
    // The reason is only in the log, because it would reveal paths to clients.
    assert!(problem(&server).unwrap().contains("the server's log"), "{:?}", problem(&server));
    assert!(server.log().contains("model.safetensors: "), "{}", server.log());
    still_serving();
    std::fs::remove_file(server.folder.path("model.safetensors")).unwrap();
    until("a vanished file", || problem(&server).unwrap().ends_with("is gone"));
    still_serving();
    server.send("POST", "/v1/reload", "", b"").expect_error(500, "is still served");
    assert!(server.log().contains("is still served"), "{}", server.log());
    server.replace_model(&MODELS[1]);
    until("the new model", || version(&server) != before);
    assert_eq!((problem(&server), server.metric("modiste_model_stale")), (None, 0.0));
}

#[test]
fn a_signal_and_a_request_reload() {
    let server = Server::start(&[]);
    let reloads = || server.get("/ready").expect(200).json()["reloads"].as_u64().unwrap();
    server.signal("HUP");
    until("a reload", || reloads() == 1);
    let said = server.send("POST", "/v1/reload", "", b"").expect(200).json();
    assert_eq!(said["version"], version(&server));
    assert_eq!(reloads(), 2);
    assert!(server.log().contains("SIGHUP: serving model.safetensors"), "{}", server.log());
}
