//! A server with engines that panic, refuse and count, over real connections.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use modiste_data::photo::{Background, Preparation};
use modiste_serve::{
    BasePath, Batching, Bound, CardError, Limits, Model, ModelDescription, ModelOrigin, Options,
    serve,
};
use modiste_spec::engine::{Batch, EngineError, State, Step, Totals, Weights};
use modiste_spec::{Engine, Network, NetworkBuilder, Op, Shape};

/// Pixel values that make the engine panic and refuse.
const PANICS: u8 = 255;
const REFUSES: u8 = 254;

/// Answers class 1 with a logit that is the image's first pixel; records the size of each batch.
struct Odd {
    network: Network,
    batches: Arc<Mutex<Vec<usize>>>,
    /// Counts the engines that exist: each holds a clone.
    _alive: Arc<()>,
}

impl Engine for Odd {
    fn network(&self) -> &Network {
        &self.network
    }

    fn describe(&self) -> String {
        "odd".into()
    }

    fn submit(&mut self, _: Batch<'_>, _: &Step<'_>) -> Result<(), EngineError> {
        unreachable!("a server does not train")
    }

    fn totals(&mut self, _: &mut Totals) -> Result<(), EngineError> {
        unreachable!("a server does not train")
    }

    fn predict(&mut self, images: &[u8], _: Weights) -> Result<Vec<f32>, EngineError> {
        if images.contains(&PANICS) {
            panic!("as asked");
        }
        if images.contains(&REFUSES) {
            return Err(EngineError::Batch("refused as asked".into()));
        }
        self.batches.lock().unwrap().push(images.len() / 4);
        std::thread::sleep(Duration::from_millis(20));
        Ok(images.chunks_exact(4).flat_map(|image| [0.0, f32::from(image[0])]).collect())
    }

    fn state(&mut self) -> State {
        State::default()
    }

    fn load_state(&mut self, _: &State) -> Result<(), EngineError> {
        Ok(())
    }
}

/// Images of 2 x 2 grey pixels, two classes.
fn network() -> Network {
    let mut builder = NetworkBuilder::default();
    let shape = Shape::new(2, 2, 1);
    let image = builder.add("image", Op::Input { shape }, &[]).unwrap();
    let mean = builder.add("mean", Op::GlobalAvgPool, &[image]).unwrap();
    let dense = builder.add("dense", Op::Dense { units: 2 }, &[mean]).unwrap();
    builder.add("probabilities", Op::Softmax, &[dense]).unwrap();
    builder.finish().unwrap()
}

fn about() -> ModelDescription {
    ModelDescription {
        name: "odd".into(),
        version: "1".into(),
        classes: vec!["no".into(), "yes".into()],
        image: Shape { height: 2, width: 2, channels: 1 },
        parameters: 4,
        multiply_adds: 2,
        temperature: 1.0,
        background: Background::Auto,
        preparation: Preparation { garments: true, ..Preparation::of(Shape::new(2, 2, 1)) },
        origin: ModelOrigin {
            modiste: "0".into(),
            data: "none".into(),
            split: "0/0/0".into(),
            epoch: 1,
            validation_accuracy: Some(0.5),
            validation_loss: Some(1.0),
            validation_auroc: None,
        },
    }
}

/// What a server's engines recorded.
#[derive(Clone, Default)]
struct Noted {
    batches: Arc<Mutex<Vec<usize>>>,
    /// Its count is one more than the number of engines and of makers of engines.
    alive: Arc<()>,
}

/// Options of a server.
#[derive(Default)]
struct Start {
    batching: Batching,
    limits: Limits,
    /// Images that the model card evaluates.
    card: usize,
}

/// Starts a server that runs until the test process ends; returns what its engines record. After `engines`
/// engines, making another one panics.
fn start(engines: usize, start: Start) -> (SocketAddr, Noted) {
    let (noted, made) = (Noted::default(), Arc::new(AtomicUsize::new(0)));
    let Noted { batches, alive } = noted.clone();
    let make = move || {
        assert!(made.fetch_add(1, Ordering::Relaxed) < engines, "no more engines");
        let (network, batches, _alive) = (network(), batches.clone(), alive.clone());
        Ok(Box::new(Odd { network, batches, _alive }) as Box<dyn Engine>)
    };
    let make: Arc<modiste_serve::MakeEngine> = Arc::new(make);
    let load = move || {
        let evaluate = move |ask: &mut modiste_serve::ComputeLogits<'_>| {
            let logits = ask(&vec![1; 4 * start.card]).map_err(CardError::Failed)?;
            Err(CardError::None(format!("{} logits", logits.len())))
        };
        let explain = Arc::new(|_: &[u8], _| Err("nothing to explain".to_owned()));
        Ok(Model { about: about(), make: make.clone(), evaluate: Arc::new(evaluate), explain })
    };
    let options = Options {
        listen: "127.0.0.1:0".parse().unwrap(),
        base: BasePath::default(),
        sites: Vec::new(),
        token: None,
        limits: start.limits,
        batching: start.batching,
        threads: 2,
        watch: PathBuf::from("no file"),
    };
    let (address, listening) = channel();
    let started = move |bound: &Bound| {
        let bound = bound.address.strip_prefix("http://").unwrap();
        address.send(bound.parse().unwrap()).unwrap();
    };
    std::thread::spawn(move || serve(options, Arc::new(load), started));
    (listening.recv().unwrap(), noted)
}

/// Sends the pixels of one image; returns status and body of the answer.
fn ask(address: SocketAddr, first_pixel: u8) -> (u16, String) {
    let body = format!("{{\"images\": [[{first_pixel}, 0, 0, 0]]}}");
    send(address, "POST /v1/predict", &body)
}

fn send(address: SocketAddr, what: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let head = format!(
        "{what} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n"
    );
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[test]
fn after_a_panic_another_engine_answers() {
    let (address, _) = start(2, Start::default());
    let (status, body) = ask(address, 7);
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("\"class\":\"yes\""), "{body}");
    let (status, body) = ask(address, PANICS);
    assert_eq!(status, 500, "{body}");
    assert!(body.contains("panicked"), "{body}");
    assert_eq!(ask(address, 7).0, 200);
    let panics = |count: usize| {
        let metrics = send(address, "GET /metrics", "").1;
        assert!(metrics.contains(&format!("modiste_panics_total {count}\n")), "{metrics}");
    };
    panics(1);
    // The second engine was the last one; making another one panics, too.
    assert_eq!(ask(address, PANICS).0, 500);
    assert_eq!(ask(address, 7).0, 500);
    panics(3);
    assert_eq!(send(address, "GET /ready", "").0, 503);
    assert_eq!(send(address, "GET /health", "").0, 200);
}

#[test]
fn a_refusal_of_the_engine_is_reported() {
    let (address, _) = start(1, Start::default());
    let (status, body) = ask(address, REFUSES);
    assert_eq!(status, 500, "{body}");
    assert!(body.contains("refused as asked"), "{body}");
    assert_eq!(ask(address, 7).0, 200);
}

#[test]
fn requests_of_many_connections_share_a_batch() {
    let batching = Batching { images: 8, delay: Duration::from_millis(300) };
    let (address, noted) = start(1, Start { batching, ..Start::default() });
    let answers: Vec<(u8, String)> = std::thread::scope(|scope| {
        let ask = |pixel| move || (pixel, ask(address, pixel).1);
        let threads: Vec<_> = (0..20).map(|pixel| scope.spawn(ask(pixel))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (pixel, body) in answers {
        let said: serde_json::Value = serde_json::from_str(&body).unwrap();
        let yes = said["predictions"][0]["classes"].as_array().unwrap();
        let yes = yes.iter().find(|class| class["class"] == "yes").unwrap();
        let expected = 1.0 / (1.0 + (-f64::from(pixel)).exp());
        let given = yes["probability"].as_f64().unwrap();
        assert!((given - expected).abs() < 1e-9, "{pixel}: {given}, not {expected}");
    }
    let batches = noted.batches.lock().unwrap();
    // The first batch is the black image that the server predicts when it starts.
    assert_eq!(batches[0], 1);
    assert_eq!(batches[1..].iter().sum::<usize>(), 20, "{batches:?}");
    assert!(batches[1..].iter().all(|&images| images <= 8), "{batches:?}");
    assert!(batches.len() <= 6, "{batches:?}");
}

#[test]
fn the_card_fits_into_a_small_queue() {
    let limits = Limits { queued_images: 3, images: 3, ..Limits::default() };
    let (address, noted) = start(1, Start { limits, card: 20, ..Start::default() });
    let told = || send(address, "GET /v1/evaluation", "");
    while told().0 == 503 {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(told().1.contains("40 logits"), "{}", told().1);
    assert_eq!(noted.batches.lock().unwrap()[1..], [2; 10]);
}

#[test]
fn replaced_models_leave_no_engine_behind() {
    // The card of each model takes much longer than the reloads.
    let (address, noted) = start(100, Start { card: 10_000, ..Start::default() });
    for _ in 0..20 {
        let (status, body) = send(address, "POST /v1/reload", "");
        assert_eq!(status, 200, "{body}");
    }
    let clock = Instant::now();
    // The maker of engines, this test, and one engine.
    while Arc::strong_count(&noted.alive) > 3 {
        assert!(clock.elapsed() < Duration::from_secs(30), "{}", Arc::strong_count(&noted.alive));
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(ask(address, 7).0, 200);
}
