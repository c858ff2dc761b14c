//! Runs the server: reads the model, listens, handles signals, drains.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::accept::{accept, accept_waiting};
use crate::base::BasePath;
use crate::batcher::Batching;
use crate::connection::Connections;
use crate::limits::Limits;
use crate::listen::{Bound, Listen, Listeners};
use crate::log::log;
use crate::model::LoadModel;
use crate::models::Models;
use crate::origin::{Origins, Site};
use crate::routes::router;
use crate::signals::{Signal, Signals};
use crate::state::Server;
use crate::{Metrics, Token, watch};

/// Options of a server.
#[derive(Debug)]
pub struct Options {
    /// The address or socket to listen on.
    pub listen: Listen,
    /// The path of the server behind a proxy.
    pub base: BasePath,
    /// Sites whose pages may use the server, other than its own.
    pub sites: Vec<Site>,
    /// The token for `/v1/` and `/metrics`; without one they are open.
    pub token: Option<Token>,
    /// The limits of requests.
    pub limits: Limits,
    /// How requests are combined into batches.
    pub batching: Batching,
    /// Number of threads that decode pictures, and that serve connections.
    pub threads: usize,
    /// The file that is watched for a new model.
    pub watch: PathBuf,
}

/// Why a server could not start, or did not stop cleanly.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The model cannot be served.
    #[error("{0}")]
    Model(String),
    /// Listening on the address failed.
    #[error("{address}: failed to listen: {error}")]
    Listen {
        /// The address.
        address: Listen,
        /// The system's error.
        error: std::io::Error,
    },
    /// A system call failed.
    #[error("failed to start: {0}")]
    System(std::io::Error),
    /// Some requests took longer than the limit, or a second signal came.
    #[error("stopped with requests in flight")]
    NotDrained,
}

/// Serves a model until the process is asked to stop, and then answers the requests in flight.
///
/// `started` is called once the server listens.
///
/// # Errors
/// If it cannot start, or not everything in flight could be answered.
pub fn serve(
    options: Options,
    load: Arc<LoadModel>,
    started: impl FnOnce(&Bound),
) -> Result<(), ServeError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(options.threads)
        // For decoding, explaining and reloading; each thread keeps some memory.
        .max_blocking_threads(options.threads + options.threads / 2 + 5)
        .enable_io()
        .enable_time()
        .build()
        .map_err(ServeError::System)?;
    let metrics = Arc::new(Metrics::default());
    let queue = options.limits.queued_images;
    let models = Models::start(load, options.batching, queue, metrics.clone());
    let models = models.map_err(ServeError::Model)?;
    let result = runtime.block_on(run(options, models, metrics, started));
    // Do not wait for pictures still being decoded.
    runtime.shutdown_background();
    result
}

async fn run(
    options: Options,
    models: Models,
    metrics: Arc<Metrics>,
    started: impl FnOnce(&Bound),
) -> Result<(), ServeError> {
    let Options { listen, base, sites, token, limits, threads, watch, .. } = options;
    let mut signals = Signals::listen().map_err(ServeError::System)?;
    let listeners = Listeners::bind(&listen).await;
    let listeners =
        listeners.map_err(|error| ServeError::Listen { address: listen.clone(), error })?;
    let local = match &listen {
        Listen::Tcp(host, _) if !listeners.bound.open => Some(host.clone()),
        // Browsers cannot use a Unix socket.
        Listen::Tcp(..) | Listen::Unix(_) => None,
    };
    let origins = Origins::new(sites, local);
    let server = Arc::new(Server::new(models, metrics, limits, threads, origins, token));
    watch::start(watch, Arc::downgrade(&server)).map_err(ServeError::System)?;
    let connections = Connections::new(router(server.clone(), base.as_str()), base, &server);
    started(&listeners.bound);
    let time = limits.time;
    tokio::select! {
        () = accept(&connections, &listeners, time) => {}
        () = until_stopped(&mut signals, &server) => {}
    }
    log("stopping; requests in flight are answered first");
    server.draining.store(true, Ordering::Relaxed);
    accept_waiting(&connections, &listeners, time).await;
    drop(listeners);
    let drained = tokio::select! {
        drained = connections.drain(limits.drain) => drained,
        () = signals.stop() => false,
    };
    if drained { Ok(()) } else { Err(ServeError::NotDrained) }
}

/// Reloads the model at each SIGHUP until the process is asked to stop.
async fn until_stopped(signals: &mut Signals, server: &Arc<Server>) {
    while let Signal::Reload = signals.next().await {
        let server = server.clone();
        // Errors are logged and shown by `/ready`.
        tokio::task::spawn_blocking(move || drop(server.models.reload("SIGHUP")));
    }
}
