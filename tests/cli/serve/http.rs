//! A served model, and a client that writes HTTP by hand, so that it can also send invalid requests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use modiste_data::{Dataset, Source, Split, load};
use serde_json::Value;

use crate::util::{Folder, bytes};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Two tiny models that differ, trained once for all tests.
pub static MODELS: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    let folder = Folder::new();
    ["0", "1"].map(|seed| {
        folder.train(&["--out", seed, "--seed", seed]).expect(0);
        bytes(&folder.path(seed).join("best.safetensors"))
    })
});

/// The data that the models were trained on.
pub static DATA: LazyLock<Dataset> = LazyLock::new(|| {
    let split: Split = "120/40/20".parse().unwrap();
    load(&Source::Embedded, &split, 0).unwrap()
});

/// The running binary with the first of the models in `model.safetensors`.
pub struct Server {
    child: Child,
    pub folder: Folder,
    /// Host and port, or `unix:` and the path of the socket.
    pub address: String,
    log: Arc<Mutex<String>>,
}

/// An answer.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    /// Status line and headers, in lower case.
    pub head: String,
    pub body: Vec<u8>,
}

impl Server {
    /// Starts a server with these options, and waits until it listens.
    pub fn start(args: &[&str]) -> Self {
        Self::start_with(args, &[])
    }

    /// Like [`Self::start`], with these environment variables.
    pub fn start_with(args: &[&str], environment: &[(&str, &str)]) -> Self {
        let folder = Folder::new();
        std::fs::write(folder.path("model.safetensors"), &MODELS[0]).unwrap();
        let mut serve = vec!["serve", "model.safetensors", "--threads", "1"];
        if !args.contains(&"--listen") {
            serve.extend(["--listen", "127.0.0.1:0"]);
        }
        let mut command = folder.command(&[&serve, args].concat());
        command.envs(environment.iter().copied());
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = String::new();
        let address = loop {
            let line = lines.next().unwrap_or_else(|| panic!("it ended: {said}")).unwrap();
            if let Some(address) = line.strip_prefix("modiste: listening on ") {
                break address.trim_start_matches("http://").to_owned();
            }
            said += &format!("{line}\n");
        };
        let log = Arc::new(Mutex::new(said));
        let writer = log.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                *writer.lock().unwrap() += &format!("{line}\n");
            }
        });
        Self { child, folder, address, log }
    }

    /// The text written to stderr so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Opens a connection.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends these bytes and reads the answer.
    pub fn raw(&self, bytes: &[u8]) -> Response {
        let mut stream = self.connect();
        stream.write_all(bytes).unwrap();
        Response::read(&mut stream)
    }

    /// A request with these headers (each ending in `\r\n`).
    pub fn send(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Response {
        self.raw(&request(method, path, headers, body))
    }

    pub fn get(&self, path: &str) -> Response {
        self.send("GET", path, "", b"")
    }

    pub fn post(&self, path: &str, kind: &str, body: &[u8]) -> Response {
        self.send("POST", path, &format!("content-type: {kind}\r\n"), body)
    }

    /// Predicts pixels of images.
    pub fn predict(&self, images: &[&[u8]]) -> Response {
        self.post("/v1/predict", "application/json", &pixels_body(images))
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits for the process to end.
    pub fn wait(&mut self) -> ExitStatus {
        let clock = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(clock.elapsed() < PATIENCE, "it does not end: {}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The value of one line of `/metrics`.
    pub fn metric(&self, name: &str) -> f64 {
        let page = self.get("/metrics").expect(200).text();
        let line = page.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.unwrap_or_else(|| panic!("no {name} in {page}")).parse().unwrap()
    }

    /// Replaces the model's file in one step.
    pub fn replace_model(&self, bytes: &[u8]) {
        std::fs::write(self.folder.path("new"), bytes).unwrap();
        std::fs::rename(self.folder.path("new"), self.folder.path("model.safetensors")).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The bytes of a request after which the connection is closed.
pub fn request(method: &str, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-length: {length}\r\n{headers}\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// The JSON body for pixels of images.
pub fn pixels_body(images: &[&[u8]]) -> Vec<u8> {
    serde_json::json!({ "images": images }).to_string().into_bytes()
}

/// A grey PNG picture.
pub fn png(width: u32, height: u32, pixels: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header().unwrap().write_image_data(pixels).unwrap();
    file
}

impl Response {
    /// Reads one answer.
    pub fn read(stream: &mut impl Read) -> Self {
        Self::try_read(stream).unwrap_or_else(|| panic!("no answer"))
    }

    /// Reads one answer; `None` if the connection is closed without one.
    pub fn try_read(stream: &mut impl Read) -> Option<Self> {
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let head = head.to_lowercase();
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        reader.read_exact(&mut body).ok()?;
        Some(Self { status, head, body })
    }

    /// Expects this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}{}", self.head, self.text());
        self
    }

    /// Expects an error with this status and a reason that contains `text`.
    #[track_caller]
    pub fn expect_error(self, status: u16, text: &str) -> Self {
        let response = self.expect(status);
        let reason = response.json()["error"].as_str().unwrap().to_owned();
        assert!(reason.contains(text), "{text:?} is not in {reason:?}");
        assert_eq!(
            status == 503,
            response.head.contains("retry-after: 1\r\n"),
            "{}",
            response.head
        );
        response
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}", self.text()))
    }
}

/// Waits until a condition is true.
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let clock = Instant::now();
    while !holds() {
        assert!(clock.elapsed() < PATIENCE, "{what} does not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}
