//! How long a request that was read may go on being worked on.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::refusal::Refusal;

/// When a request has to be answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    /// So long from now.
    pub fn after(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    /// What `work` gives, if it does in time.
    ///
    /// # Errors
    /// 503 if it does not.
    pub async fn wait<T>(self, work: impl Future<Output = T>) -> Result<T, Refusal> {
        let late = |_| Refusal::busy("the answer took too long; come back later");
        timeout_at(self.0, work).await.map_err(late)
    }
}
