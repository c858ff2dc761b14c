//! Converts the body of a request to images for the network.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use modiste_data::photo::{self, Background};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use crate::body_kind::BodyKind;
use crate::deadline::Deadline;
use crate::input::{Content, Input, Rules, Upload, is_quick};
use crate::refusal::Refusal;
use crate::serving::Serving;
use crate::state::Server;
use crate::{form, json};

/// JSON of up to this many bytes is parsed faster than it could be handed to another thread.
const QUICK_JSON: usize = 16 << 10;

/// A request whose images have been read.
pub(crate) struct Request<'a> {
    /// At least one of them could be read.
    pub inputs: Vec<Input>,
    pub deadline: Deadline,
    _turn: SemaphorePermit<'a>,
    _heavy: Option<SemaphorePermit<'a>>,
    _memory: OwnedSemaphorePermit,
}

impl Server {
    /// Reads the images of a request; `heavy` if more work than a prediction follows.
    ///
    /// # Errors
    /// If the body, or every image in it, cannot be read; 503 if there is too much to do.
    pub(crate) async fn receive(
        &self,
        serving: &Serving,
        background: Option<Background>,
        heavy: bool,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Request<'_>, Refusal> {
        let rules = self.rules(serving, background);
        let kind = BodyKind::of(headers)?;
        let bytes = self.bodies.read(headers, body).await?;
        let _turn = self.requests.try_acquire().map_err(|_| {
            let most = self.limits.requests;
            Refusal::busy(format!("{most} requests are being processed; try again later"))
        })?;
        let deadline = Deadline::after(self.limits.time);
        let uploads = match kind {
            BodyKind::Picture => {
                vec![Upload { name: "image 0".into(), content: Content::Picture(bytes) }]
            }
            BodyKind::Form(boundary) => form::pictures(bytes, &boundary, &rules).await?,
            BodyKind::Json if bytes.len() <= QUICK_JSON => json::images(&bytes, &rules)?,
            BodyKind::Json => {
                let read = move || json::images(&bytes, &rules);
                self.decode(&self.decoders, deadline, read).await??
            }
        };
        rules.check_count(uploads.len())?;
        let _memory = self.bodies.images(uploads.len(), rules.shape.len())?;
        let sizes = rules.sizes(&uploads)?;
        let heavy = heavy || sizes.iter().sum::<usize>() > SMALL;
        let _heavy = heavy.then(|| self.heavy.try_acquire()).transpose().map_err(|_| {
            Refusal::busy("too many large requests are being processed; try again later")
        })?;
        let inputs = self.pictures(uploads, sizes, rules, deadline).await?;
        Ok(Request { inputs, deadline, _turn, _heavy, _memory })
    }

    fn rules(&self, serving: &Serving, background: Option<Background>) -> Rules {
        Rules {
            shape: serving.about.image,
            background: background.unwrap_or(serving.about.background),
            preparation: serving.about.preparation,
            limits: photo::Limits {
                bytes: self.limits.body_bytes,
                pixels: self.limits.pixels,
                ..self.pictures
            },
            images: self.limits.images,
            pixels: self.limits.request_pixels,
        }
    }

    /// Decodes the pictures of a request one after the other, so that requests take turns and no
    /// more pictures are decoded once the client has disconnected.
    async fn pictures(
        &self,
        uploads: Vec<Upload>,
        sizes: Vec<usize>,
        rules: Rules,
        deadline: Deadline,
    ) -> Result<Vec<Input>, Refusal> {
        let alone = uploads.len() == 1;
        let mut inputs = Vec::with_capacity(uploads.len());
        for (number, (Upload { name, content }, size)) in uploads.into_iter().zip(sizes).enumerate()
        {
            let image = match content {
                Content::Image(image) => Ok(image),
                Content::Wrong(reason) => Err(reason),
                Content::Picture(bytes) if alone && is_quick(&bytes) => {
                    rules.picture(&bytes, number)
                }
                Content::Picture(bytes) => {
                    self.picture(bytes, size, number, rules, deadline).await?
                }
            };
            inputs.push(Input { name, image });
        }
        let first_problem = |input: &Input| input.image.as_ref().err().cloned();
        if inputs.iter().all(|input| input.image.is_err())
            && let Some(reason) = inputs.iter().find_map(first_problem)
        {
            return Err(Refusal::bad(reason));
        }
        Ok(inputs)
    }

    async fn picture(
        &self,
        bytes: Bytes,
        size: usize,
        number: usize,
        rules: Rules,
        deadline: Deadline,
    ) -> Result<Result<crate::input::Image, String>, Refusal> {
        let lane = if size <= SMALL { &self.decoders } else { &self.large };
        self.decode(lane, deadline, move || rules.picture(&bytes, number)).await
    }

    /// Runs `work` on another thread once the lane has a free place.
    async fn decode<T: Send + 'static>(
        &self,
        lane: &Arc<Semaphore>,
        deadline: Deadline,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let place = deadline.wait(lane.clone().acquire_owned()).await?;
        let place = place.map_err(|_| Refusal::internal("the server cannot decode pictures"))?;
        let work = move || {
            let _place = place;
            work()
        };
        let done = deadline.wait(tokio::task::spawn_blocking(work)).await?;
        done.map_err(|_| self.panicked("decoding"))
    }

    /// Counts a panic, and returns the error for the client.
    pub(crate) fn panicked(&self, what: &str) -> Refusal {
        self.metrics.panics.inc();
        Refusal::internal(format!("{what} failed; this is a bug"))
    }
}

/// Largest picture, in pixels, that does not wait behind larger ones.
const SMALL: usize = 1 << 20;
