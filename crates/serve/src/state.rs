//! The state that all handlers share.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use modiste_data::photo;
use tokio::sync::Semaphore;

use crate::body::Bodies;
use crate::limits::Limits;
use crate::models::Models;
use crate::origin::Origins;
use crate::slots::ConnectionSlots;
use crate::{Metrics, Token};

/// The state that all handlers share.
pub(crate) struct Server {
    pub models: Models,
    pub metrics: Arc<Metrics>,
    pub limits: Limits,
    /// Further limits of pictures.
    pub pictures: photo::Limits,
    pub places: Arc<ConnectionSlots>,
    pub bodies: Bodies,
    /// Slots for decoding small pictures and large JSON bodies.
    pub decoders: Arc<Semaphore>,
    /// Slots for decoding large pictures.
    pub large: Arc<Semaphore>,
    /// The place for explaining an image.
    pub explainer: Arc<Semaphore>,
    /// Slots for requests in progress.
    pub requests: Semaphore,
    /// The places among these for requests that take long, so that they cannot block the others.
    pub heavy: Semaphore,
    pub origins: Origins,
    pub token: Option<Token>,
    /// Whether the server has been asked to stop.
    pub draining: AtomicBool,
}

impl Server {
    /// The state of a new server that decodes pictures on `threads` threads.
    pub fn new(
        models: Models,
        metrics: Arc<Metrics>,
        limits: Limits,
        threads: usize,
        origins: Origins,
        token: Option<Token>,
    ) -> Self {
        let places = Arc::new(ConnectionSlots::new(limits.connections));
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
            heavy: Semaphore::new((limits.requests / 4).max(1)),
            origins,
            token,
            draining: AtomicBool::new(false),
        }
    }
}
