//! The socket of a connection. The client must receive answers in time, and the HTTP layer's own error
//! responses are replaced by the server's usual ones.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use crate::refusal::Refusal;

/// A TCP or Unix socket.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Socket for T {}

/// A socket whose other end may be slow.
pub(crate) struct Stream {
    socket: Box<dyn Socket>,
    /// How long the client may take for an answer.
    time: Duration,
    /// The deadline of the answer being written; `None` unless the client makes it wait.
    deadline: Option<Pin<Box<Sleep>>>,
    /// The rest of the response that replaces the HTTP layer's own.
    refusal: Vec<u8>,
    /// Whether the HTTP layer has responded by itself.
    refused: bool,
    /// Whether bytes have arrived since the last request.
    begun: Arc<AtomicBool>,
}

impl Stream {
    pub fn new(socket: Box<dyn Socket>, time: Duration, begun: Arc<AtomicBool>) -> Self {
        Self { socket, time, deadline: None, refusal: Vec::new(), refused: false, begun }
    }

    /// The socket, and whether the HTTP layer has responded by itself.
    pub fn into_parts(self) -> (Box<dyn Socket>, bool) {
        (self.socket, self.refused)
    }

    /// Passes on the result of a write, unless the client takes too long.
    fn within_time(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_pending() {
            let time = self.time;
            let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(time)));
            ready!(deadline.as_mut().poll(context));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        written
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.socket).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.begun.store(true, Ordering::Relaxed);
        }
        read
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut bytes = bytes;
        if let Some((at, refusal)) = refusal_in(bytes) {
            if at == 0 {
                self.refusal = refusal.closing();
                self.refused = true;
                return Poll::Ready(Ok(bytes.len()));
            }
            bytes = &bytes[..at];
        }
        let written = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.within_time(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // The HTTP layer writes its own response alone, or after the rest of the previous answer.
        if let [only] = slices {
            return self.poll_write(context, only);
        }
        let written = Pin::new(&mut self.socket).poll_write_vectored(context, slices);
        self.within_time(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    /// Called once an answer is written completely.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.refusal.is_empty() {
            let refusal = std::mem::take(&mut self.refusal);
            let written = Pin::new(&mut self.socket).poll_write(context, &refusal);
            let done = if let Poll::Ready(Ok(bytes)) = written { bytes } else { 0 };
            self.refusal = refusal[done..].to_vec();
            ready!(self.within_time(context, written))?;
        }
        self.deadline = None;
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

/// The position of the HTTP layer's own error response in `bytes`, if there is one, and its
/// replacement. It is recognised by having neither a body nor the headers that all responses of
/// handlers have.
fn refusal_in(bytes: &[u8]) -> Option<(usize, Refusal)> {
    const LONGEST: usize = 256;
    if !bytes.ends_with(b"\r\n\r\n") {
        return None;
    }
    let tail = bytes.len().saturating_sub(LONGEST);
    let at = bytes[tail..].windows(9).rposition(|window| window == b"HTTP/1.1 ")? + tail;
    let head = std::str::from_utf8(&bytes[at..]).ok()?;
    if !head.contains("\r\ncontent-length: 0\r\n") || head.contains("\r\nx-content-type-options:") {
        return None;
    }
    let status = StatusCode::from_bytes(head.get(9..12)?.as_bytes()).ok()?;
    let reason = match status {
        StatusCode::BAD_REQUEST => "this is not an HTTP/1.1 request",
        StatusCode::URI_TOO_LONG => "the path is too long",
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            "the header is too long, or has too many fields"
        }
        _ => return None,
    };
    Some((at, Refusal::new(status, reason)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSED: &str = "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\n\
                           content-length: 0\r\ndate: Thu, 26 Nov 2026 12:00:00 GMT\r\n\r\n";

    #[test]
    fn only_the_http_layers_own_responses_are_replaced() {
        let found = |text: &str| {
            refusal_in(text.as_bytes()).map(|(at, refusal)| (at, refusal.status.as_u16()))
        };
        assert_eq!(found(REFUSED), Some((0, 431)));
        assert_eq!(found(&format!("{{}}\r\n\r\n{REFUSED}")), Some((6, 431)));
        let ours = REFUSED.replace("date", "x-content-type-options: nosniff\r\ndate");
        for other in ["", "\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n", &ours, &REFUSED[..90]] {
            assert_eq!(found(other), None, "{other}");
        }
    }
}
