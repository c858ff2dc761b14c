//! What all handlers share.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use modiste_data::photo;
use tokio::sync::Semaphore;

use crate::body::Bodies;
use crate::limits::Limits;
use crate::models::Models;
use crate::origin::Origins;
use crate::places::Places;
use crate::{Metrics, Token};

/// What all handlers share.
pub(crate) struct Server {
    pub models: Models,
    pub metrics: Arc<Metrics>,
    pub limits: Limits,
    /// Limits of pictures beside those of `limits`.
    pub pictures: photo::Limits,
    pub places: Arc<Places>,
    pub bodies: Bodies,
    /// Small pictures, and large bodies of JSON, that are decoded at once.
    pub decoders: Arc<Semaphore>,
    /// Large pictures that are decoded at once, beside the small ones.
    pub large: Arc<Semaphore>,
    /// Images that are explained at once: one.
    pub explainer: Arc<Semaphore>,
    /// Requests that are worked on at once.
    pub requests: Semaphore,
    pub origins: Origins,
    pub token: Option<Token>,
    /// Set once the server was asked to stop.
    pub draining: AtomicBool,
}

impl Server {
    /// The state of a server that has answered nothing yet; `threads` are for decoding.
    pub fn new(
        models: Models,
        metrics: Arc<Metrics>,
        limits: Limits,
        threads: usize,
        origins: Origins,
        token: Option<Token>,
    ) -> Self {
        let places = Arc::new(Places::new(limits.connections));
        let some = |count: usize| Arc::new(Semaphore::new(count.max(1)));
        Self {
            models,
            metrics,
            limits,
            pictures: photo::Limits::default(),
            bodies: Bodies::new(&limits, places.clone()),
            places,
            decoders: some(threads),
            large: some(threads / 2),
            explainer: some(1),
            requests: Semaphore::new(limits.requests),
            origins,
            token,
            draining: AtomicBool::new(false),
        }
    }
}
