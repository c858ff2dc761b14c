//! The body of a request, read within limits of size, memory and time.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::limits::Limits;
use crate::refusal::Refusal;

/// A body that was read. Its share of the memory for bodies is free again once it is dropped.
pub(crate) struct Held {
    pub bytes: Bytes,
    _share: Option<OwnedSemaphorePermit>,
}

/// The memory for all bodies together.
#[derive(Clone)]
pub(crate) struct Bodies {
    left: Arc<Semaphore>,
    most: usize,
    time: Duration,
}

impl Bodies {
    pub fn new(limits: &Limits) -> Self {
        let all = limits.bodies_bytes.min(Semaphore::MAX_PERMITS);
        Self { left: Arc::new(Semaphore::new(all)), most: limits.body_bytes, time: limits.time }
    }

    /// Reads a body to its end.
    ///
    /// # Errors
    /// 413 if it is too large, 503 if too many bodies are held, 408 if it does not come in time, 400
    /// if it breaks off.
    pub async fn read(&self, headers: &HeaderMap, body: Body) -> Result<Held, Refusal> {
        let length = headers.get(header::CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if length.is_some_and(|length| length > self.most as u64) {
            return Err(self.too_large());
        }
        let late = |_| {
            let seconds = self.time.as_secs_f64();
            let reason = format!("the body did not come within {seconds} seconds");
            Refusal::new(StatusCode::REQUEST_TIMEOUT, reason)
        };
        timeout(self.time, self.collect(body)).await.map_err(late)?
    }

    async fn collect(&self, mut body: Body) -> Result<Held, Refusal> {
        let mut share: Option<OwnedSemaphorePermit> = None;
        let (mut first, mut bytes) = (Bytes::new(), Vec::new());
        while let Some(frame) = body.frame().await {
            let frame =
                frame.map_err(|error| Refusal::bad(format!("the body broke off: {error}")))?;
            let Ok(data) = frame.into_data() else { continue };
            if first.len() + bytes.len() + data.len() > self.most {
                return Err(self.too_large());
            }
            let more = self.left.clone().try_acquire_many_owned(data.len() as u32);
            let more =
                more.map_err(|_| Refusal::busy("too much is being sent; come back later"))?;
            match &mut share {
                Some(share) => share.merge(more),
                None => share = Some(more),
            }
            // Most bodies come in one piece, which need not be copied.
            if first.is_empty() && bytes.is_empty() {
                first = data;
            } else {
                bytes.extend_from_slice(&std::mem::take(&mut first));
                bytes.extend_from_slice(&data);
            }
        }
        let bytes = if bytes.is_empty() { first } else { bytes.into() };
        Ok(Held { bytes, _share: share })
    }

    fn too_large(&self) -> Refusal {
        Refusal::too_large(format!("the body is over the limit of {} bytes", self.most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bodies(body_bytes: usize, bodies_bytes: usize) -> Bodies {
        Bodies::new(&Limits { body_bytes, bodies_bytes, ..Limits::default() })
    }

    #[tokio::test]
    async fn a_body_is_read_whole_or_refused() {
        let bodies = bodies(10, 15);
        let headers = HeaderMap::new();
        let read = |text: &'static str| bodies.read(&headers, Body::from(text));
        let ten = read("0123456789").await.unwrap_or_else(|r| panic!("{r:?}"));
        assert_eq!(&ten.bytes[..], b"0123456789");
        assert_eq!(read("0123456789a").await.err().map(|r| r.status.as_u16()), Some(413));
        assert_eq!(read("012345").await.err().map(|r| r.status.as_u16()), Some(503));
        drop(ten);
        assert!(read("012345").await.is_ok());
        assert!(read("").await.is_ok_and(|held| held.bytes.is_empty()));
    }

    #[tokio::test]
    async fn a_length_over_the_limit_is_not_waited_for() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_LENGTH, 11.into());
        let refusal = bodies(10, 100).read(&headers, Body::empty()).await.err();
        assert_eq!(refusal.map(|r| r.status.as_u16()), Some(413));
    }
}
