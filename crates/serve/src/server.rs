//! The server's life: it reads the model, listens, attends to signals and the model's file, drains.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use modiste_data::photo;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval};

use crate::batcher::Batching;
use crate::body::Bodies;
use crate::connection::Connections;
use crate::limits::Limits;
use crate::model::Load;
use crate::models::{Models, Watch};
use crate::routes::{Server, router};
use crate::{Metrics, Token};

/// How often the model's file is looked at.
const WATCH_EVERY: Duration = Duration::from_millis(500);

/// How a server is run.
#[derive(Debug)]
pub struct Options {
    /// Where to listen; port 0 lets the system choose one.
    pub listen: SocketAddr,
    /// What opens `/v1/` and `/metrics`; without it everybody may.
    pub token: Option<Token>,
    /// What clients may ask for.
    pub limits: Limits,
    /// How requests are put together.
    pub batching: Batching,
    /// Threads that decode pictures, and that serve connections.
    pub threads: usize,
    /// The file that is watched for a new model.
    pub watch: PathBuf,
}

/// Why a server could not start, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The model cannot be served.
    #[error("{0}")]
    Model(String),
    /// The address cannot be listened on.
    #[error("{address}: failed to listen: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        error: std::io::Error,
    },
    /// The system lacks something.
    #[error("failed to start: {0}")]
    System(std::io::Error),
    /// Some requests took longer than the limit, or a second signal came.
    #[error("stopped with requests in flight")]
    NotDrained,
}

/// Serves a model until the process is asked to stop; then answers what is in flight.
///
/// `started` is called with the address once requests are answered.
///
/// # Errors
/// If it cannot start, or not everything in flight could be answered.
pub fn serve(
    options: Options,
    load: Box<Load>,
    started: impl FnOnce(SocketAddr),
) -> Result<(), ServeError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(options.threads)
        .enable_io()
        .enable_time()
        .build()
        .map_err(ServeError::System)?;
    let metrics = Arc::new(Metrics::default());
    let queue = options.limits.queued_images;
    let models = Models::start(load, options.batching, queue, metrics.clone());
    let models = models.map_err(ServeError::Model)?;
    let limits = options.limits;
    let server = Arc::new(Server {
        models,
        metrics,
        limits,
        pictures: photo::Limits::default(),
        bodies: Bodies::new(&limits),
        decoders: Arc::new(Semaphore::new(options.threads)),
        explainer: Arc::new(Semaphore::new(1)),
        requests: Semaphore::new(limits.requests),
        token: options.token,
        draining: AtomicBool::new(false),
    });
    let result = runtime.block_on(run(server, options.listen, options.watch, started));
    // A picture that is still being decoded is of no use to anybody now.
    runtime.shutdown_background();
    result
}

/// What the system asks of the process.
enum Signal {
    Stop,
    Reload,
}

async fn run(
    server: Arc<Server>,
    address: SocketAddr,
    watch: PathBuf,
    started: impl FnOnce(SocketAddr),
) -> Result<(), ServeError> {
    let mut signals = Signals::listen().map_err(ServeError::System)?;
    let cannot_listen = |error| ServeError::Listen { address, error };
    let listener = TcpListener::bind(address).await.map_err(cannot_listen)?;
    let Limits { connections, time, drain, .. } = server.limits;
    let metrics = server.metrics.clone();
    let connections = Connections::new(router(server.clone()), connections, time, metrics);
    started(listener.local_addr().map_err(cannot_listen)?);
    let mut watch = Watch::new(watch);
    let mut ticks = interval(WATCH_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            accepted = listener.accept() => accept(&connections, accepted).await,
            _ = ticks.tick() => if watch.look(&server.models) {
                reload(&server, "the model's file changed");
            },
            signal = signals.next() => match signal {
                Signal::Reload => reload(&server, "SIGHUP"),
                Signal::Stop => break,
            },
        }
    }
    log("stopping; requests in flight are answered first");
    server.draining.store(true, Ordering::Relaxed);
    take_waiting(&connections, &listener).await;
    drop(listener);
    let again = async { while !matches!(signals.next().await, Signal::Stop) {} };
    let drained = tokio::select! {
        drained = connections.drain(drain) => drained,
        () = again => false,
    };
    if drained { Ok(()) } else { Err(ServeError::NotDrained) }
}

async fn accept(
    connections: &Connections,
    accepted: std::io::Result<(tokio::net::TcpStream, SocketAddr)>,
) {
    match accepted {
        Ok((stream, _)) => connections.take(stream),
        Err(error) => {
            // Out of descriptors, for one: trying again at once would only take the processor.
            log(&format!("a connection was not accepted: {error}"));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Takes in the connections that the system has accepted already: closing the listener would cut
/// them off.
async fn take_waiting(connections: &Connections, listener: &TcpListener) {
    loop {
        tokio::select! {
            biased;
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => connections.take(stream),
                Err(_) => return,
            },
            () = std::future::ready(()) => return,
        }
    }
}

/// Reads the model again beside the requests.
fn reload(server: &Arc<Server>, reason: &'static str) {
    let server = server.clone();
    // What goes wrong is logged and shown by `/ready`.
    tokio::task::spawn_blocking(move || drop(server.models.reload(reason)));
}

/// One line on stderr. That nobody reads it is no reason to stop.
pub(crate) fn log(line: &str) {
    let _ = writeln!(std::io::stderr(), "modiste: {line}");
}

#[cfg(unix)]
struct Signals {
    stop: [tokio::signal::unix::Signal; 2],
    reload: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// From now on signals end the process no more.
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let stop = [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?];
        Ok(Self { stop, reload: signal(SignalKind::hangup())? })
    }

    async fn next(&mut self) -> Signal {
        let [terminate, interrupt] = &mut self.stop;
        tokio::select! {
            _ = terminate.recv() => Signal::Stop,
            _ = interrupt.recv() => Signal::Stop,
            _ = self.reload.recv() => Signal::Reload,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Signal {
        // Where Ctrl-C cannot be listened to, the process is ended by it as ever.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Signal::Stop
    }
}
