//! One connection: HTTP/1.1 on a socket whose other end may be slow, silent or gone.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::{HttpService, Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use crate::Metrics;
use crate::base::BasePath;
use crate::refusal::Refusal;
use crate::slots::{ConnectionSlot, ConnectionSlots};
use crate::state::Server;
use crate::stream::{Socket, Stream};

/// Largest header of a request, in bytes.
const HEADER_BYTES: usize = 16 << 10;
/// Largest number of bytes of a body read at once.
const BUFFER_BYTES: usize = 64 << 10;
/// How long, and how many bytes, a client may keep sending after its answer.
const LINGER: (Duration, usize) = (Duration::from_secs(2), 64 << 20);
/// Number of clients without a place that are answered at the same time; further ones are cut off.
const AT_THE_DOOR: usize = 128;
/// How often a client without a place tries to get that of a client that keeps its connection
/// waiting: for about two seconds, within which all such clients can be evicted.
const AT_THE_DOOR_TRIES: usize = 20;
const AT_THE_DOOR_TIME: Duration = Duration::from_millis(100);

/// All connections.
pub(crate) struct Connections {
    shared: Arc<Shared>,
    door: Arc<Semaphore>,
    stop: watch::Sender<bool>,
}

/// What all connections share.
struct Shared {
    router: Router,
    base: BasePath,
    /// How long a client may take to send a header, and to receive an answer.
    time: Duration,
    places: Arc<ConnectionSlots>,
    metrics: Arc<Metrics>,
}

impl Connections {
    /// Connections whose requests go to `router`, after `base` is removed from their paths.
    pub fn new(router: Router, base: BasePath, server: &Server) -> Self {
        let (places, metrics) = (server.places.clone(), server.metrics.clone());
        let shared = Arc::new(Shared { router, base, time: server.limits.time, places, metrics });
        let door = Arc::new(Semaphore::new(AT_THE_DOOR));
        Self { shared, door, stop: watch::Sender::new(false) }
    }

    /// Serves a connection concurrently with the others, or turns it away.
    pub fn take(&self, socket: Box<dyn Socket>) {
        let (shared, stop) = (self.shared.clone(), self.stop.subscribe());
        if let Some(place) = shared.places.enter() {
            tokio::spawn(serve_connection(shared, socket, place, stop));
            return;
        }
        let Ok(at_the_door) = self.door.clone().try_acquire_owned() else {
            shared.metrics.turned_away.inc();
            return;
        };
        tokio::spawn(async move {
            for _ in 0..AT_THE_DOOR_TRIES {
                shared.places.evict();
                if let Some(place) = shared.places.wait(AT_THE_DOOR_TIME).await {
                    drop(at_the_door);
                    return serve_connection(shared, socket, place, stop).await;
                }
            }
            shared.metrics.turned_away.inc();
            let refusal = Refusal::busy("there are too many connections; try again later");
            say(socket, &refusal).await;
        });
    }

    /// Evicts some clients, those that have kept their connections waiting longest.
    pub fn make_room(&self) {
        const SOME: usize = 16;
        for _ in 0..SOME {
            self.shared.places.evict();
        }
    }

    /// Lets requests in flight end, closes idle connections, and waits until all are closed; false
    /// if that took longer than `most`.
    pub async fn drain(&self, most: Duration) -> bool {
        self.stop.send_replace(true);
        timeout(most, self.shared.places.empty()).await.is_ok()
    }
}

/// Counts a connection until it is dropped, however that happens.
struct Counted(Arc<Metrics>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.connections.dec();
    }
}

/// Serves a connection until it is closed.
async fn serve_connection(
    shared: Arc<Shared>,
    socket: Box<dyn Socket>,
    place: ConnectionSlot,
    stop: watch::Receiver<bool>,
) {
    shared.metrics.connections.inc();
    let _counted = Counted(shared.metrics.clone());
    let (place, begun) = (Arc::new(place), Arc::new(AtomicBool::new(false)));
    let stream = Stream::new(socket, shared.time, begun.clone());
    let router = TowerToHyperService::new(shared.router.clone());
    let (working, seen, base) = (place.clone(), begun.clone(), shared.base.clone());
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        seen.store(false, Ordering::Relaxed);
        let place = working.clone();
        let answer = match base.strip(request.uri_mut()) {
            Ok(()) => Ok(router.call(request.map(|body| reporting(body, &place)))),
            Err(redirect) => Err(redirect),
        };
        Box::pin(async move {
            let answer = match answer {
                Ok(answer) => answer.await,
                Err(redirect) => Ok(*redirect),
            };
            // Now the client must receive the answer or send the next request.
            place.answered();
            answer
        }) as Pin<Box<dyn Future<Output = _> + Send>>
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(shared.time)
        // A client may close its sending side and still wait for its answer.
        .half_close(true)
        .max_header_size(HEADER_BYTES)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    if let Some((socket, refusal)) = run(connection, &place, stop, &begun).await {
        match refusal {
            Some(refusal) => say(socket, &refusal).await,
            None => linger(socket).await,
        }
    }
}

/// The body of a request, which reports its progress to the connection's place.
struct ReportingBody {
    body: Incoming,
    place: Arc<ConnectionSlot>,
}

/// A [`ReportingBody`], or an empty one if there is none.
fn reporting(body: Incoming, place: &Arc<ConnectionSlot>) -> Body {
    if body.is_end_stream() {
        place.works();
        return Body::empty();
    }
    Body::new(ReportingBody { body, place: place.clone() })
}

impl hyper::body::Body for ReportingBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if let Some(Ok(frame)) = &frame {
            self.place.received(frame.data_ref().map_or(0, Bytes::len));
        }
        if frame.is_none() || self.body.is_end_stream() {
            self.place.works();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Runs the HTTP layer until the end of the connection. Returns the socket if the client may still be
/// reading, and the error to send.
async fn run<S>(
    mut connection: http1::Connection<TokioIo<Stream>, S>,
    place: &ConnectionSlot,
    stop: watch::Receiver<bool>,
    begun: &AtomicBool,
) -> Option<(Box<dyn Socket>, Option<Refusal>)>
where
    S: HttpService<Incoming, ResBody = Body> + Unpin,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    S::Future: Unpin,
{
    let mut stop = Some(stop);
    let ended = loop {
        let stopped = async {
            match &mut stop {
                Some(stop) => drop(stop.wait_for(|stop| *stop).await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // The connection comes first: requests sent before the end are still answered.
            biased;
            ended = poll_fn(|context| connection.poll_without_shutdown(context)) => break ended,
            () = place.evicted() => return None,
            () = stopped => {
                stop = None;
                Pin::new(&mut connection).graceful_shutdown();
            }
        }
    };
    let (socket, refused) = connection.into_parts().io.into_inner().into_parts();
    let refusal = match ended {
        Ok(()) => None,
        Err(_) if refused => None,
        // An idle connection is closed without a word.
        Err(_) if !begun.load(Ordering::Relaxed) => return None,
        Err(error) if error.is_timeout() => {
            let reason = "the header did not arrive in time";
            Some(Refusal::new(StatusCode::REQUEST_TIMEOUT, reason))
        }
        Err(error) if error.is_parse() || error.is_incomplete_message() => {
            Some(Refusal::bad("this is not an HTTP/1.1 request, or it broke off"))
        }
        // The client has disconnected, or does not receive its answer.
        Err(_) => return None,
    };
    Some((socket, refusal))
}

/// Sends a refusal and closes the connection.
async fn say(mut socket: Box<dyn Socket>, refusal: &Refusal) {
    let text = refusal.closing();
    if matches!(timeout(LINGER.0, socket.write_all(&text)).await, Ok(Ok(()))) {
        linger(socket).await;
    }
}

/// Closes a connection so that the client sees its answer: closing a socket while bytes arrive discards
/// what was sent.
async fn linger(mut socket: Box<dyn Socket>) {
    if socket.shutdown().await.is_err() {
        return;
    }
    let (time, most) = LINGER;
    let discard = async {
        let (mut buffer, mut read) = ([0; 4096], 0);
        while read < most {
            match socket.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(bytes) => read += bytes,
            }
        }
    };
    // A client that is still sending then is cut off.
    let _ = timeout(time, discard).await;
}
