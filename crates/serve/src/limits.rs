//! The limits of requests.

use std::time::Duration;

/// The limits of requests. Everything that depends on what clients send is bounded by one of these.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// The largest body of a request, in bytes.
    pub body_bytes: usize,
    /// The largest sum of all bodies, of their images prepared for the network, and of all answers
    /// that clients have not received, in bytes each; beyond it clients get 503.
    pub bodies_bytes: usize,
    /// Height times width of the largest picture.
    pub pixels: usize,
    /// Height times width of all pictures of a request together.
    pub request_pixels: usize,
    /// The largest number of images in a request; at most `queued_images`.
    pub images: usize,
    /// The largest number of images that wait for the engine; beyond it clients get 503.
    pub queued_images: usize,
    /// The largest number of requests in progress; beyond it clients get 503.
    pub requests: usize,
    /// The largest number of open connections; a further one takes the place of the client that has
    /// kept its connection waiting longest, or gets 503 and is closed.
    pub connections: usize,
    /// The largest time for each of: receiving the header, receiving the body, computing, sending
    /// the answer. An idle connection is closed after this time.
    pub time: Duration,
    /// The largest time for requests in flight once the server has been asked to stop.
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
