//! One connection: HTTP/1.1 on a socket whose other end may be slow, silent or gone.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use crate::Metrics;
use crate::refusal::{RETRY_AFTER, Refusal};

/// The most bytes of a request's header.
const HEADER_BYTES: usize = 16 << 10;
/// The most bytes of a body that are read at once.
const BUFFER_BYTES: usize = 64 << 10;
/// How long a client may go on sending after its answer, and how much.
const LINGER: (Duration, usize) = (Duration::from_secs(2), 64 << 20);
/// Clients that are told at once that there is no place; further ones are cut off.
const TURNED_AWAY_AT_ONCE: usize = 64;

/// All connections.
pub(crate) struct Connections {
    router: Router,
    time: Duration,
    most: usize,
    places: Arc<Semaphore>,
    door: Arc<Semaphore>,
    stop: watch::Sender<bool>,
    metrics: Arc<Metrics>,
}

impl Connections {
    /// At most `most` at once; `time` is what a header, or the acknowledgement of an answer, may take.
    pub fn new(router: Router, most: usize, time: Duration, metrics: Arc<Metrics>) -> Self {
        let places = Arc::new(Semaphore::new(most));
        let door = Arc::new(Semaphore::new(TURNED_AWAY_AT_ONCE));
        Self { router, time, most, places, door, stop: watch::Sender::new(false), metrics }
    }

    /// Takes a connection in and attends to it beside the others, or turns it away.
    pub fn take(&self, stream: TcpStream) {
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            return self.turn_away(stream);
        };
        let (router, time, stop) = (self.router.clone(), self.time, self.stop.subscribe());
        let metrics = self.metrics.clone();
        metrics.connections.inc();
        tokio::spawn(async move {
            let _place = place;
            let _counted = Counted(metrics);
            set_options(&stream, time);
            attend(stream, router, time, stop).await;
        });
    }

    fn turn_away(&self, mut stream: TcpStream) {
        self.metrics.turned_away.inc();
        let Ok(place) = self.door.clone().try_acquire_owned() else {
            return;
        };
        let body = Refusal::busy("there are too many connections; come back later").json();
        tokio::spawn(async move {
            let _place = place;
            let answer = format!(
                "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n\
                 retry-after: {RETRY_AFTER}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            // A client that does not listen is let go.
            if matches!(timeout(LINGER.0, stream.write_all(answer.as_bytes())).await, Ok(Ok(()))) {
                linger(stream).await;
            }
        });
    }

    /// Lets requests in flight end, closes idle connections, and waits until all are closed; false
    /// if that took longer than `most`.
    pub async fn drain(&self, most: Duration) -> bool {
        self.stop.send_replace(true);
        let all = u32::try_from(self.most).unwrap_or(u32::MAX);
        timeout(most, self.places.acquire_many(all)).await.is_ok()
    }
}

/// Counts a connection until it is dropped, however that happens.
struct Counted(Arc<Metrics>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.connections.dec();
    }
}

/// Answers are sent at once, and a client that does not take them in is given up.
fn set_options(stream: &TcpStream, time: Duration) {
    // What the system does not know is done without.
    let _ = stream.set_nodelay(true);
    #[cfg(target_os = "linux")]
    let _ = socket2::SockRef::from(stream).set_tcp_user_timeout(Some(time));
    #[cfg(not(target_os = "linux"))]
    let _ = time;
}

/// Requests and answers until one side has enough.
async fn attend(stream: TcpStream, router: Router, time: Duration, stop: watch::Receiver<bool>) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        Box::pin(router.call(request)) as Pin<Box<dyn Future<Output = _> + Send>>
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(time)
        // A client may say that it sends no more and still wait for its answer.
        .half_close(true)
        .max_header_size(HEADER_BYTES)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut stop = Some(stop);
    loop {
        let stopped = async {
            match &mut stop {
                Some(stop) => drop(stop.wait_for(|stop| *stop).await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // The connection first: what the client has sent before the end is read and answered.
            biased;
            ended = poll_fn(|context| connection.poll_without_shutdown(context)) => {
                // A client that went away or sent what is not HTTP has had its answer, or wants none.
                if ended.is_ok() {
                    linger(connection.into_parts().io.into_inner()).await;
                }
                return;
            }
            () = stopped => {
                stop = None;
                Pin::new(&mut connection).graceful_shutdown();
            }
        }
    }
}

/// Closes a connection such that the client sees its answer: a socket that is closed while bytes
/// arrive takes back what was sent.
async fn linger(mut stream: TcpStream) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let (time, most) = LINGER;
    let discard = async {
        let (mut buffer, mut read) = ([0; 4096], 0);
        while read < most {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(bytes) => read += bytes,
            }
        }
    };
    // Whoever still sends then is cut off.
    let _ = timeout(time, discard).await;
}
