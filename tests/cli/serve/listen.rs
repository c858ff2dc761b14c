//! Addresses of the server: host names, Unix sockets, a path behind a proxy.

use super::http::{DATA, Response, Server, pixels_body, png, request};

#[test]
fn a_host_name_is_listened_on() {
    let server = Server::start(&["--no-card", "--listen", "localhost:0"]);
    assert!(server.address.starts_with("localhost:"), "{}", server.address);
    server.get("/health").expect(200);
    let port = server.address.rsplit_once(':').unwrap().1;
    assert!(std::net::TcpStream::connect(format!("127.0.0.1:{port}")).is_ok());
    let folder = crate::util::Folder::new();
    for wrong in ["localhost", "8080", "http://localhost:1", "unix:"] {
        let said = folder.run(&["serve", "none", "--listen", wrong]).expect(2);
        assert!(said.stderr.contains("localhost:8080"), "{}", said.stderr);
    }
}

#[cfg(unix)]
#[test]
fn a_unix_socket_is_listened_on_and_goes() {
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    let mut server = Server::start(&["--no-card", "--listen", "unix:socket"]);
    assert_eq!(server.address, "unix:socket");
    let path = server.folder.path("socket");
    let ask = |bytes: &[u8]| {
        let mut stream = UnixStream::connect(&path).unwrap();
        stream.write_all(bytes).unwrap();
        Response::read(&mut stream)
    };
    // A proxy passes on the name under which it was called.
    let get = "GET /health HTTP/1.1\r\nhost: shop.org\r\nconnection: close\r\n\r\n";
    ask(get.as_bytes()).expect(200);
    let body = pixels_body(&[DATA.validation.images.get(0)]);
    let kind = "content-type: application/json\r\n";
    ask(&request("POST", "/v1/predict", kind, &body)).expect(200);
    assert_eq!(ask(b"nonsense\r\n\r\n").status, 400);
    // A second server does not touch the first one's socket.
    let said = server.folder.run(&["serve", "model.safetensors", "--listen", "unix:socket"]);
    said.expect_error(1, &["unix:socket: failed to listen"]);
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
    assert!(!path.exists(), "the socket was left behind");
    // The socket of a killed server is replaced; a file is not.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    std::fs::write(server.folder.path("file"), "text").unwrap();
    let said = server.folder.run(&["serve", "model.safetensors", "--listen", "unix:file"]);
    said.expect_error(1, &["unix:file: failed to listen"]);
    let mut command = server.folder.command(&[
        "serve",
        "model.safetensors",
        "--no-card",
        "--listen",
        "unix:socket",
        "--threads",
        "1",
    ]);
    let mut child = command.stderr(std::process::Stdio::null()).spawn().unwrap();
    super::http::until("the socket", || UnixStream::connect(&path).is_ok());
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn everything_works_below_a_path() {
    let server = Server::start(&["--no-card", "--base-path", "/clf/"]);
    let picture = png(28, 28, DATA.validation.images.get(0));
    // A proxy may keep or remove the path.
    for base in ["/clf", ""] {
        for path in
            ["/", "/docs", "/style.css", "/app.js", "/health", "/ready", "/metrics", "/v1/model"]
        {
            server.get(&format!("{base}{path}")).expect(200);
        }
        let said = server.post(&format!("{base}/v1/predict?top_k=1"), "image/png", &picture);
        assert_eq!(
            said.expect(200).json()["predictions"][0]["classes"].as_array().unwrap().len(),
            1
        );
        let api = server.get(&format!("{base}/openapi.json")).expect(200).json();
        assert_eq!(api["servers"][0]["url"], "/clf");
    }
    let there = server.get("/clf");
    assert_eq!(there.status, 308);
    assert!(there.head.contains("location: /clf/\r\n"), "{}", there.head);
    server.get("/clfx/health").expect_error(404, "/docs");
    // The page and its files refer to each other by relative paths.
    for path in ["/", "/docs", "/app.js", "/docs.js", "/card.js"] {
        let text = server.get(path).expect(200).text();
        for absolute in ["href=\"/", "src=\"/", "fetch(\"/", "ask(\"/", "ask(`/"] {
            assert!(!text.contains(absolute), "{path} holds {absolute}");
        }
    }
    let folder = crate::util::Folder::new();
    let said = folder.run(&["serve", "none", "--base-path", "clf"]).expect(2);
    assert!(said.stderr.contains("such as /clf/"), "{}", said.stderr);
}
