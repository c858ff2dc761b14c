//! The counters of `/metrics`, in the text format of Prometheus.

use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    path: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Path {
    path: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Served {
    name: String,
    version: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

/// Counters, which only grow, and gauges, which hold the current value.
pub struct Metrics {
    registry: Registry,
    started: Instant,
    requests: Family<Request, Counter>,
    seconds: Family<Path, Histogram, fn() -> Histogram>,
    images: Counter,
    batches: Histogram,
    engine_seconds: Counter<f64, AtomicU64>,
    reloads: Family<Outcome, Counter>,
    resident: Gauge,
    up: Gauge<f64, AtomicU64>,
    model: Family<Served, Gauge>,
    /// Images waiting for the engine or being computed.
    pub(crate) queued: Gauge,
    /// Open connections.
    pub(crate) connections: Gauge,
    /// Connections turned away because too many were open.
    pub(crate) turned_away: Counter,
    /// Caught panics.
    pub(crate) panics: Counter,
    /// 1 if the last attempt to reload the model failed.
    pub(crate) stale: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("modiste"),
            started: Instant::now(),
            requests: Family::default(),
            seconds: Family::new_with_constructor(|| {
                Histogram::new(exponential_buckets(0.00025, 2.0, 16))
            }),
            images: Counter::default(),
            batches: Histogram::new(exponential_buckets(1.0, 2.0, 10)),
            engine_seconds: Counter::default(),
            reloads: Family::default(),
            resident: Gauge::default(),
            up: Gauge::default(),
            model: Family::default(),
            queued: Gauge::default(),
            connections: Gauge::default(),
            turned_away: Counter::default(),
            panics: Counter::default(),
            stale: Gauge::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let to = &mut self.registry;
        to.register("requests", "Requests by path and status", self.requests.clone());
        let help = "Time from the header of a request to its answer";
        to.register_with_unit("request_duration", help, Unit::Seconds, self.seconds.clone());
        to.register("images", "Images predicted by the engine", self.images.clone());
        to.register("batch_images", "Images in a batch", self.batches.clone());
        let help = "Time spent in the engine";
        to.register_with_unit("engine", help, Unit::Seconds, self.engine_seconds.clone());
        to.register("model", "1 for the model that is served", self.model.clone());
        to.register("reloads", "Reloads of the model by outcome", self.reloads.clone());
        let help = "Resident memory of the process";
        to.register_with_unit("resident_memory", help, Unit::Bytes, self.resident.clone());
        let help = "Time since the start of the server";
        to.register_with_unit("uptime", help, Unit::Seconds, self.up.clone());
        to.register("queued_images", "Images that wait for the engine", self.queued.clone());
        to.register("connections", "Connections that are open", self.connections.clone());
        let help = "Connections turned away because too many were open";
        to.register("connections_turned_away", help, self.turned_away.clone());
        to.register("panics", "Panics that were caught", self.panics.clone());
        let help = "1 if the last attempt to reload the model failed";
        to.register("model_stale", help, self.stale.clone());
    }

    /// Counts a request to `path`, a registered route.
    pub(crate) fn request(&self, path: &str, status: u16, time: Duration) {
        let path = path.to_owned();
        self.requests.get_or_create(&Request { path: path.clone(), status }).inc();
        self.seconds.get_or_create(&Path { path }).observe(time.as_secs_f64());
    }

    /// Counts a batch that went through the engine.
    pub(crate) fn batch(&self, images: usize, time: Duration) {
        self.images.inc_by(images as u64);
        self.batches.observe(images as f64);
        self.engine_seconds.inc_by(time.as_secs_f64());
    }

    /// Counts a reload; `well` if the new model is now served.
    pub(crate) fn reloaded(&self, well: bool) {
        let outcome = if well { "served" } else { "refused" };
        self.reloads.get_or_create(&Outcome { outcome }).inc();
        self.stale.set(i64::from(!well));
    }

    /// Sets the name of the served model.
    pub(crate) fn serve(&self, name: &str, version: &str) {
        self.model.clear();
        self.model.get_or_create(&Served { name: name.into(), version: version.into() }).set(1);
    }

    /// The text of `/metrics`.
    pub(crate) fn text(&self) -> String {
        self.up.set(self.started.elapsed().as_secs_f64());
        self.resident.set(resident_bytes().unwrap_or(0));
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// Resident memory of the process, on Linux.
fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
