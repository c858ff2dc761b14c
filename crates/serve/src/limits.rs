//! What a client may ask for.

use std::time::Duration;

/// What a client may ask for, and how long it may take. Everything that grows with what is sent is
/// bounded by one of these.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// The largest body of a request, in bytes.
    pub body_bytes: usize,
    /// All bodies that are held at once, in bytes, and all answers that their clients have not taken
    /// in; what does not fit is answered with 503.
    pub bodies_bytes: usize,
    /// Height times width of the largest picture.
    pub pixels: usize,
    /// Height times width of all pictures of a request together.
    pub request_pixels: usize,
    /// Images of one request; no more than `queued_images`.
    pub images: usize,
    /// Images that wait for the engine at once; what does not fit is answered with 503.
    pub queued_images: usize,
    /// Requests whose images are worked on at once; what does not fit is answered with 503.
    pub requests: usize,
    /// Connections that are open at once; a further one takes the place of the client that has been
    /// waited for longest, or is answered with 503 and closed.
    pub connections: usize,
    /// How long the header of a request, then its body, then the work on it, then taking in its
    /// answer may take; a connection without a request is closed after as long.
    pub time: Duration,
    /// How long requests in flight may take once the server is asked to stop.
    pub drain: Duration,
}

impl Default for Limits {
    /// Large enough for a phone photo, in about 500 MB of memory at most.
    fn default() -> Self {
        Self {
            body_bytes: 8 << 20,
            bodies_bytes: 64 << 20,
            pixels: 16 << 20,
            request_pixels: 64 << 20,
            images: 256,
            queued_images: 1024,
            requests: 256,
            connections: 512,
            time: Duration::from_secs(10),
            drain: Duration::from_secs(20),
        }
    }
}
