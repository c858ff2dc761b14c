//! Reads the bodies of requests within limits of size, memory and time, and counts the memory of
//! answers.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::limits::Limits;
use crate::refusal::Refusal;
use crate::slots::ConnectionSlots;

/// How long a body waits for the memory of a client that is evicted.
const WAIT: Duration = Duration::from_secs(1);

/// Bytes with their share of the memory, which is freed with the last reference to them.
struct CountedBytes {
    bytes: Bytes,
    _share: Option<OwnedSemaphorePermit>,
}

impl AsRef<[u8]> for CountedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The memory for all bodies, for the images in them, and for all answers.
pub(crate) struct Bodies {
    received: Arc<Semaphore>,
    images: Arc<Semaphore>,
    answers: Arc<Semaphore>,
    /// Limit of each of these, in bytes.
    all: usize,
    /// Largest body, in bytes.
    most: usize,
    time: Duration,
    places: Arc<ConnectionSlots>,
}

impl Bodies {
    pub fn new(limits: &Limits, places: Arc<ConnectionSlots>) -> Self {
        let all = limits.bodies_bytes.min(Semaphore::MAX_PERMITS);
        let [received, images, answers] = [(); 3].map(|()| Arc::new(Semaphore::new(all)));
        let (most, time) = (limits.body_bytes, limits.time);
        Self { received, images, answers, all, most, time, places }
    }

    /// Reserves memory for `count` images of `bytes` bytes prepared for the network: a small
    /// picture may become a large image.
    ///
    /// # Errors
    /// 413 if the limit is too small, 503 if there is not enough at present.
    pub fn images(&self, count: usize, bytes: usize) -> Result<OwnedSemaphorePermit, Refusal> {
        let wanted = count.saturating_mul(bytes);
        if wanted > self.all {
            let most = self.all / bytes.max(1);
            let reason = format!("the server has memory for {most} images of this model");
            return Err(Refusal::too_large(reason));
        }
        let full = |_| Refusal::busy("too many images are being processed; try again later");
        let wanted = u32::try_from(wanted).unwrap_or(u32::MAX);
        self.images.clone().try_acquire_many_owned(wanted).map_err(full)
    }

    /// Reads a body to its end.
    ///
    /// # Errors
    /// 413 if it is too large, 503 if there is no memory for it, 408 if it does not arrive in time,
    /// 400 if it breaks off.
    pub async fn read(&self, headers: &HeaderMap, body: Body) -> Result<Bytes, Refusal> {
        let length = headers.get(header::CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if length.is_some_and(|length| length > self.most as u64) {
            return Err(self.too_large());
        }
        let late = |_| {
            let seconds = self.time.as_secs_f64();
            let reason = format!("the body did not arrive within {seconds} seconds");
            Refusal::new(StatusCode::REQUEST_TIMEOUT, reason)
        };
        let length = length.map_or(0, |length| length as usize);
        timeout(self.time, self.collect(length, body)).await.map_err(late)?
    }

    /// Collects a body with a stated length of `length` bytes, or 0 if unknown.
    async fn collect(&self, length: usize, mut body: Body) -> Result<Bytes, Refusal> {
        let mut share: Option<OwnedSemaphorePermit> = None;
        let (mut first, mut bytes) = (Bytes::new(), Vec::new());
        while let Some(frame) = body.frame().await {
            let frame =
                frame.map_err(|_| Refusal::bad("the body broke off or is not valid HTTP"))?;
            let Ok(data) = frame.into_data() else { continue };
            if first.len() + bytes.len() + data.len() > self.most {
                return Err(self.too_large());
            }
            let more = self.share(data.len()).await?;
            match &mut share {
                Some(share) => share.merge(more),
                None => share = Some(more),
            }
            // Most bodies arrive in one piece, which is not copied.
            if first.is_empty() && bytes.is_empty() {
                first = data;
            } else {
                if bytes.is_empty() {
                    bytes.reserve_exact(length.max(first.len() + data.len()));
                }
                bytes.extend_from_slice(&std::mem::take(&mut first));
                bytes.extend_from_slice(&data);
            }
        }
        let bytes = if bytes.is_empty() { first } else { bytes.into() };
        Ok(Bytes::from_owner(CountedBytes { bytes, _share: share }))
    }

    /// Reserves memory for a part of a body. If there is none left, evicts the client that has been
    /// sending a body for the longest time.
    async fn share(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Refusal> {
        let count = u32::try_from(bytes).unwrap_or(u32::MAX);
        if let Ok(share) = self.received.clone().try_acquire_many_owned(count) {
            return Ok(share);
        }
        let full = || Refusal::busy("too many bodies are being received; try again later");
        if !self.places.evict_sender() {
            return Err(full());
        }
        let share = timeout(WAIT, self.received.clone().acquire_many_owned(count)).await;
        share.ok().and_then(Result::ok).ok_or_else(full)
    }

    /// The bytes of an answer, counted until the client has received them.
    ///
    /// # Errors
    /// 503 if too many answers are being sent.
    pub fn answer(&self, text: Vec<u8>) -> Result<Bytes, Refusal> {
        let full = |_| Refusal::busy("too many answers are being sent; try again later");
        let count = u32::try_from(text.len()).unwrap_or(u32::MAX);
        let share = self.answers.clone().try_acquire_many_owned(count).map_err(full)?;
        Ok(Bytes::from_owner(CountedBytes { bytes: text.into(), _share: Some(share) }))
    }

    fn too_large(&self) -> Refusal {
        Refusal::too_large(format!("the body is over the limit of {} bytes", self.most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bodies(body_bytes: usize, bodies_bytes: usize) -> Bodies {
        let limits = Limits { body_bytes, bodies_bytes, ..Limits::default() };
        Bodies::new(&limits, Arc::new(ConnectionSlots::new(1)))
    }

    #[tokio::test]
    async fn a_body_is_read_whole_or_refused() {
        let bodies = bodies(10, 15);
        let headers = HeaderMap::new();
        let read = |text: &'static str| bodies.read(&headers, Body::from(text));
        let ten = read("0123456789").await.unwrap_or_else(|r| panic!("{r:?}"));
        assert_eq!(&ten[..], b"0123456789");
        assert_eq!(read("0123456789a").await.err().map(|r| r.status.as_u16()), Some(413));
        assert_eq!(read("012345").await.err().map(|r| r.status.as_u16()), Some(503));
        // A part keeps the whole body alive.
        let part = ten.slice(3..4);
        drop(ten);
        assert_eq!(read("012345").await.err().map(|r| r.status.as_u16()), Some(503));
        drop(part);
        assert!(read("012345").await.is_ok());
        assert!(read("").await.is_ok_and(|bytes| bytes.is_empty()));
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_refused_without_waiting() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_LENGTH, 11.into());
        let refusal = bodies(10, 100).read(&headers, Body::empty()).await.err();
        assert_eq!(refusal.map(|r| r.status.as_u16()), Some(413));
    }

    #[test]
    fn images_share_their_memory() {
        let bodies = bodies(10, 15);
        let first = bodies.images(2, 5).unwrap();
        let status = |count| bodies.images(count, 5).map(|_| ()).unwrap_err().status.as_u16();
        assert_eq!((status(2), status(4), status(usize::MAX)), (503, 413, 413));
        drop(first);
        assert!(bodies.images(3, 5).is_ok());
    }

    #[test]
    fn unread_answers_are_limited() {
        let bodies = bodies(10, 15);
        let first = bodies.answer(vec![0; 10]).unwrap();
        assert_eq!(bodies.answer(vec![0; 10]).unwrap_err().status.as_u16(), 503);
        drop(first);
        assert!(bodies.answer(vec![0; 10]).is_ok());
    }
}
