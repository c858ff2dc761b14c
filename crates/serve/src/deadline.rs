//! The deadline of a request, counted from when its body has been read.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::refusal::Refusal;

/// The time by which a request must be answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    /// The deadline in `time` from now.
    pub fn after(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    /// The result of `work`, if it completes in time.
    ///
    /// # Errors
    /// 503 if it does not.
    pub async fn wait<T>(self, work: impl Future<Output = T>) -> Result<T, Refusal> {
        let late = |_| Refusal::busy("the answer took too long; try again later");
        timeout_at(self.0, work).await.map_err(late)
    }
}
