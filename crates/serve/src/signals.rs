//! The signals that the process handles.

/// A signal.
pub(crate) enum Signal {
    /// SIGTERM or Ctrl-C.
    Stop,
    /// SIGHUP.
    Reload,
}

#[cfg(unix)]
pub(crate) struct Signals {
    stop: [tokio::signal::unix::Signal; 2],
    reload: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// Handles signals from now on; they no longer end the process.
    pub fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let stop = [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?];
        Ok(Self { stop, reload: signal(SignalKind::hangup())? })
    }

    /// Waits for the next signal.
    pub async fn next(&mut self) -> Signal {
        let [terminate, interrupt] = &mut self.stop;
        tokio::select! {
            _ = terminate.recv() => Signal::Stop,
            _ = interrupt.recv() => Signal::Stop,
            _ = self.reload.recv() => Signal::Reload,
        }
    }

    /// Waits for the next signal that asks to stop.
    pub async fn stop(&mut self) {
        while !matches!(self.next().await, Signal::Stop) {}
    }
}

#[cfg(not(unix))]
pub(crate) struct Signals;

#[cfg(not(unix))]
impl Signals {
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    pub async fn next(&mut self) -> Signal {
        self.stop().await;
        Signal::Stop
    }

    pub async fn stop(&mut self) {
        // If Ctrl-C cannot be handled, it ends the process as usual.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
